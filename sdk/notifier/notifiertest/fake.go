package notifiertest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/notifier"
)

// Fake is a notifier in memory, for core's tests: no wire, no vendor. It keeps the promises of the package (what is sent
// under one Op is sent once), is Mailer and Poster, finds and receives, fails on demand and writes down each call. Take
// powers away by Lack. Safe for many at once.
//
//	n := notifiertest.NewFake(clock.Now)
//	…                                  // core sends a mail
//	n.Mails()[0].Mail.Subject          // as the reader got it
//	err := n.Bounce(op)                // the address does not exist; … ReceiveHook(ctx, "mail", n.Hooks()[0]) …
//	n.Fail(notifiertest.Failure{Method: "Mail", Done: true, Times: 1}) // taken, and the answer is lost
type Fake struct {
	now func() time.Time

	mu         sync.Mutex
	lacks      []string
	mails      []Sent
	posts      []Posted
	suppressed map[string]bool // addresses in lower case
	removed    bool
	failures   []*Failure
	journal    []Entry
	hooks      []sdk.Webhook
	count      int
}

var _ interface {
	sdk.Instance
	notifier.Mailer
	notifier.Poster
	notifier.Finder
	notifier.Receiver
	sdk.Announcer
} = (*Fake)(nil)

// Sent is a mail that was taken.
type Sent struct {
	Op   string
	ID   string
	At   time.Time
	Mail notifier.Mail
}

// Posted is a post that was taken.
type Posted struct {
	Op   string
	ID   string
	At   time.Time
	Post notifier.Post
}

// Failure makes calls go wrong. Zero values match: every method, every op, for ever.
type Failure struct {
	Method string // "Mail", "Post", "FindMessage", "Receive", "Check"
	Op     string
	Times  int   // how many calls fail
	Done   bool  // it is done, and the answer is lost; else nothing is done
	Err    error // nil: Unknown where it is Done, else Unavailable
}

// Entry is one call in the journal.
type Entry struct {
	Method string
	Op     string
	Err    error
}

// NewFake makes an empty one. now is the test's clock.
func NewFake(now func() time.Time) *Fake { return &Fake{now: now, suppressed: map[string]bool{}} }

// Lack takes powers away, by the name of their interface.
func (f *Fake) Lack(powers ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lacks = append(f.lacks, powers...)
}

// Announces implements sdk.Announcer.
func (f *Fake) Announces(power string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !slices.Contains(f.lacks, power)
}

// Fail adds failures; the first that matches a call and is not used up counts.
func (f *Fake) Fail(list ...Failure) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range list {
		if one.Times == 0 {
			one.Times = -1
		}
		f.failures = append(f.failures, &one)
	}
}

// Heal takes all failures away.
func (f *Fake) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failures = nil
}

// Mails are those that were taken, oldest first.
func (f *Fake) Mails() []Sent {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.mails)
}

// Posts are those that were taken, oldest first.
func (f *Fake) Posts() []Posted {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.posts)
}

// Journal is each call, oldest first, also those that failed.
func (f *Fake) Journal() []Entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.journal)
}

// Suppress makes mails to an address be Declined.
func (f *Fake) Suppress(address string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.suppressed[strings.ToLower(address)] = true
}

// Remove takes the channel away: posts are Forbidden from now on.
func (f *Fake) Remove() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.removed = true
}

// do makes one call: what fails, what is done, and what the journal says. The lock is not held.
func (f *Fake) do(ctx context.Context, method, op string, work func() error) (err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer func() { f.journal = append(f.journal, Entry{method, op, err}) }()
	if ctx.Err() != nil {
		return fault.New(fault.Unavailable, "interrupted", "").Because(ctx.Err())
	}
	for _, one := range f.failures {
		if one.Times == 0 || one.Method != "" && one.Method != method || one.Op != "" && one.Op != op {
			continue
		}
		one.Times--
		kind := fault.Unavailable
		if one.Done {
			kind = fault.Unknown
			if err := work(); err != nil {
				return err
			}
		}
		if one.Err != nil {
			return one.Err
		}
		return fault.New(kind, "failing", "")
	}
	return work()
}

func (f *Fake) id() string { f.count++; return fmt.Sprintf("msg_%d", f.count) }

// taken is what was sent under an op. The lock is held.
func (f *Fake) taken(op string) (notifier.Receipt, bool) {
	for _, m := range f.mails {
		if m.Op == op {
			return notifier.Receipt{ID: m.ID}, true
		}
	}
	for _, p := range f.posts {
		if p.Op == op {
			return notifier.Receipt{ID: p.ID}, true
		}
	}
	return notifier.Receipt{}, false
}

// Check implements sdk.Instance.
func (f *Fake) Check(ctx context.Context) (sdk.Report, error) {
	return sdk.Report{VendorVersion: "fake"}, f.do(ctx, "Check", "", func() error { return nil })
}

// Mail implements notifier.Mailer.
func (f *Fake) Mail(ctx context.Context, op sdk.Op, m notifier.Mail) (got notifier.Receipt, err error) {
	err = f.do(ctx, "Mail", op.ID, func() error {
		if old, ok := f.taken(op.ID); ok {
			got = old
			return nil
		}
		switch {
		case !strings.Contains(m.To.Address, "@"):
			return fault.New(fault.Invalid, "no_address", "This is no e-mail address.").On("to")
		case f.suppressed[strings.ToLower(m.To.Address)]:
			return fault.New(fault.Declined, "suppressed", "")
		}
		got = notifier.Receipt{ID: f.id()}
		f.mails = append(f.mails, Sent{op.ID, got.ID, f.now(), m})
		return nil
	})
	return answered(got, err)
}

// Post implements notifier.Poster.
func (f *Fake) Post(ctx context.Context, op sdk.Op, p notifier.Post) (got notifier.Receipt, err error) {
	err = f.do(ctx, "Post", op.ID, func() error {
		if f.removed {
			return fault.New(fault.Forbidden, "channel_gone", "")
		}
		if old, ok := f.taken(op.ID); ok {
			got = old
			return nil
		}
		got = notifier.Receipt{ID: f.id()}
		f.posts = append(f.posts, Posted{op.ID, got.ID, f.now(), p})
		return nil
	})
	return answered(got, err)
}

// FindMessage implements notifier.Finder.
func (f *Fake) FindMessage(ctx context.Context, op sdk.Op) (got notifier.Receipt, err error) {
	err = f.do(ctx, "FindMessage", op.ID, func() error {
		old, ok := f.taken(op.ID)
		if !ok {
			return fault.New(fault.NotFound, "not_taken", "")
		}
		got = old
		return nil
	})
	return answered(got, err)
}

// answered keeps a receipt from going with an error.
func answered(got notifier.Receipt, err error) (notifier.Receipt, error) {
	if err != nil {
		return notifier.Receipt{}, err
	}
	return got, nil
}

// Deliver is a mail arriving.
func (f *Fake) Deliver(op string) error { return f.tell(op, "delivered", false, "") }

// Delay is the reader's server asking to come again.
func (f *Fake) Delay(op string) error { return f.tell(op, "delayed", false, "Mailbox busy") }

// Bounce is a mail coming back for good. Later mails there are Declined.
func (f *Fake) Bounce(op string) error { return f.tell(op, "bounced", true, "No such mailbox") }

// Complain is a reader calling a mail spam. Later mails there are Declined.
func (f *Fake) Complain(op string) error { return f.tell(op, "complained", true, "") }

// tell adds a webhook about a mail.
func (f *Fake) tell(op, status string, lasting bool, text string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := slices.IndexFunc(f.mails, func(m Sent) bool { return m.Op == op })
	if at < 0 {
		return fmt.Errorf("the fake notifier took no mail under %s", op)
	}
	m := f.mails[at]
	if lasting {
		f.suppressed[strings.ToLower(m.Mail.To.Address)] = true
	}
	f.count++
	d := notifier.Delivery{
		ID: fmt.Sprintf("evt_%d", f.count), Op: op, Receipt: m.ID, Address: m.Mail.To.Address, Status: status, Text: text, Lasting: lasting, At: f.now().UTC(),
	}
	body, err := json.Marshal(d)
	if err != nil {
		return err
	}
	f.hooks = append(f.hooks, sdk.Webhook{Header: http.Header{"Fake-Signature": {signature}}, Body: body, Received: d.At})
	return nil
}

// signature proves a webhook of a Fake.
const signature = "genuine"

// Hooks are the webhooks so far, oldest first: deliver, shuffle and double them.
func (f *Fake) Hooks() []sdk.Webhook {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.hooks)
}

// Receive implements notifier.Receiver. Forbidden for what no Fake signed.
func (f *Fake) Receive(ctx context.Context, w sdk.Webhook) (news []notifier.Delivery, err error) {
	err = f.do(ctx, "Receive", "", func() error {
		var d notifier.Delivery
		if w.Header.Get("Fake-Signature") != signature || json.Unmarshal(w.Body, &d) != nil {
			return fault.New(fault.Forbidden, "forged", "")
		}
		news = []notifier.Delivery{d}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return news, nil
}
