package notify

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/platform/jobs"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/notifier"
)

// Deps is what the service uses. From is asked for each mail, so that a changed setting counts at once.
type Deps struct {
	DB       *db.DB
	Jobs     *jobs.Queue
	Clock    clock.Clock
	Carriers Carriers
	Renderer Renderer
	From     func(context.Context) (notifier.Mailbox, error)
}

// Service composes, saves and sends messages.
type Service struct {
	db       *db.DB
	store    store
	jobs     *jobs.Queue
	clock    clock.Clock
	carriers Carriers
	renderer Renderer
	from     func(context.Context) (notifier.Mailbox, error)
}

// New makes the service and names it as the worker of its jobs.
func New(d Deps) *Service {
	s := &Service{db: d.DB, store: store{db: d.DB}, jobs: d.Jobs, clock: d.Clock, carriers: d.Carriers, renderer: d.Renderer, from: d.From}
	d.Jobs.Handle(jobKind, s.work)
	return s
}

const jobKind = "notify"

// Queue renders and saves a message with the job that sends it, in the caller's transaction if there is one.
func (s *Service) Queue(ctx context.Context, m Message) error {
	entry := Entry{
		ID: ids.New[ids.Mail](), Customer: m.Customer, Channel: m.Channel, Instance: m.Instance, Template: m.Template, Subject: m.Subject,
		ToName: m.ToName, To: m.To, State: Queued, Created: s.clock.Now(), Version: 1, onceKey: m.OnceKey,
	}
	switch m.Channel {
	case Mail:
		made, err := s.renderer.Mail(ctx, m.Template, m.Locale, m.Data)
		if err != nil {
			return fmt.Errorf("render mail %s for %s: %w", m.Template, m.Subject, err)
		}
		entry.Title, entry.Text, entry.HTML = oneLine(made.Subject), made.Text, made.HTML
	case Post:
		entry.Title, entry.Text, entry.Level, entry.Fields = m.Notice.Title, m.Notice.Text, m.Notice.Level, m.Notice.Fields
		if m.Notice.URL != "" {
			entry.HTML = m.Notice.URL // posts have no other body; the link stands in its place
		}
	default:
		return fault.New(fault.Internal, "channel_unknown", "")
	}
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		known, err := s.store.exists(ctx, m.OnceKey)
		if err != nil || known {
			return err
		}
		return s.save(ctx, entry)
	})
	if db.IsDuplicate(err) {
		return nil // another node was faster
	}
	if err != nil {
		return fmt.Errorf("queue message %s: %w", m.OnceKey, err)
	}
	return nil
}

// save writes an entry and its job.
func (s *Service) save(ctx context.Context, e Entry) error {
	if err := s.store.insert(ctx, e); err != nil {
		return err
	}
	return s.jobs.Enqueue(ctx, jobs.New{
		Kind: jobKind, RunAt: s.clock.Now(), UniqueKey: "notify:" + string(e.ID),
		Payload: map[string]ids.Mail{"message": e.ID},
	})
}

// Resend sends a message once more, as a message of its own.
func (s *Service) Resend(ctx context.Context, id ids.Mail) (ids.Mail, error) {
	e, err := s.store.get(ctx, id)
	if err != nil {
		return "", err
	}
	if e.State == Queued || e.State == Sending {
		return "", ErrWaiting
	}
	e.ID, e.State, e.Attempts, e.Receipt, e.Error, e.Created, e.Version = ids.New[ids.Mail](), Queued, 0, "", "", s.clock.Now(), 1
	e.onceKey = "resend:" + string(e.ID)
	return e.ID, s.db.Tx(ctx, func(ctx context.Context) error { return s.save(ctx, e) })
}

// Get reads one message of the log.
func (s *Service) Get(ctx context.Context, id ids.Mail) (Entry, error) { return s.store.get(ctx, id) }

// List answers one page of the log in at most two queries.
func (s *Service) List(ctx context.Context, f Filter) (Page, error) { return s.store.list(ctx, f) }

// Deliveries takes in what a carrier reports later. Addresses that lastingly refuse are written to no more.
func (s *Service) Deliveries(ctx context.Context, news []notifier.Delivery) error {
	return s.db.Tx(ctx, func(ctx context.Context) error {
		for _, n := range news {
			var e Entry
			if n.Op != "" {
				var err error
				if e, err = s.store.lock(ctx, ids.Mail(n.Op)); err != nil && fault.KindOf(err) != fault.NotFound {
					return err
				}
			}
			address := cmp.Or(n.Address, e.To)
			if n.Lasting && address != "" {
				if err := s.store.refuse(ctx, address, n.Text, s.clock.Now()); err != nil {
					return err
				}
			}
			if n.Status != "bounced" || e.ID == "" || !life.Allows(e.State, Return) {
				continue
			}
			var err error
			if e.State, err = life.Next(e.State, Return); err != nil {
				return err
			}
			e.Error = n.Text
			if err := s.store.update(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

// oneLine keeps a subject from adding headers.
func oneLine(text string) string {
	return strings.Join(strings.Fields(text), " ")
}
