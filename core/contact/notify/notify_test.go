package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/data/lease"
	"github.com/ezscale/bursar/core/platform/jobs"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/notifier"
	"github.com/ezscale/bursar/sdk/notifier/notifiertest"
)

var start = time.Date(2027, 1, 31, 9, 0, 0, 0, time.UTC)

// world is what all processes share: the carrier, the time and the templates.
type world struct {
	t        *testing.T
	ctx      context.Context
	d        *db.DB
	clock    *clock.Stopped
	fake     *notifiertest.Fake
	carrier  error // why there is none
	sender   error
	template error
}

func newWorld(t *testing.T, d *db.DB) *world {
	c := clock.At(start)
	return &world{t: t, ctx: t.Context(), d: d, clock: c, fake: notifiertest.NewFake(c.Now)}
}

func (w *world) Mailer(string) (notifier.Mailer, error) { return w.fake, w.carrier }
func (w *world) Poster(string) (notifier.Poster, error) { return w.fake, w.carrier }

// Mail implements Renderer.
func (w *world) Mail(_ context.Context, template, locale string, data map[string]any) (Rendered, error) {
	return Rendered{Subject: template + " in\r\nBcc: x " + locale, Text: fmt.Sprint(data["Name"]), HTML: "<p>"}, w.template
}

type process struct {
	*Service
	queue *jobs.Queue
}

func (w *world) process(d *db.DB) process {
	q := jobs.Open(d, w.clock, lease.Options{Poll: 5 * time.Millisecond})
	return process{queue: q, Service: New(Deps{DB: d, Jobs: q, Clock: w.clock, Carriers: w, Renderer: w, From: func(context.Context) (notifier.Mailbox, error) {
		return notifier.Mailbox{Name: "Shop", Address: "shop@example.com"}, w.sender
	}})}
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func mailTo(key, address string) Message {
	return Message{OnceKey: key, Customer: "cus_1", Channel: Mail, Instance: "mail", Template: "welcome", Subject: "sub_1", ToName: "Jana", To: address, Locale: "de-AT", Data: map[string]any{"Name": "Jana"}}
}

// run lets time pass from one due job to the next, until none waits or a limit is reached.
func (w *world) run(p process, limit time.Duration) {
	w.t.Helper()
	for end := w.clock.Now().Add(limit); ; {
		_, err := p.queue.Drain(w.ctx)
		w.ok(err)
		at, err := p.queue.NextDue(w.ctx)
		w.ok(err)
		if at.IsZero() || at.After(end) {
			return
		}
		w.clock.Set(at)
	}
}

// only is the one message there is.
func (w *world) only(p process) Entry {
	w.t.Helper()
	page, err := p.List(w.ctx, Filter{})
	w.ok(err)
	if len(page.List) != 1 || page.Total != 1 {
		w.t.Fatalf("%d messages", page.Total)
	}
	return page.List[0]
}

func TestTheLifeOfAMessage(t *testing.T) {
	if err := life.Check(Queued); err != nil {
		t.Fatal(err)
	}
	want := map[string]State{
		"queued hand": Sending, "queued fail": Failed, "sending hand": Sending, "sending wait": Sending, "sending finish": Sent, "sending fail": Failed,
		"sending park": Unsure, "sending return": Bounced, "sent return": Bounced, "unsure finish": Sent, "unsure return": Bounced,
	}
	life.Walk(func(s State, a Action, next State, ok bool) {
		expected, may := want[string(s)+" "+string(a)]
		if ok != may || (ok && next != expected) {
			t.Errorf("%s while %s: %s %t", a, s, next, ok)
		}
	})
}

func TestAMessageIsSentOnceForItsKey(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		p, other := w.process(d), w.process(dbtest.Again(t, d))
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				if err := []process{p, other}[i%2].Queue(w.ctx, mailTo("welcome:sub_1", "jana@example.com")); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		w.run(p, time.Hour)
		w.ok(p.Queue(w.ctx, mailTo("welcome:sub_1", "jana@example.com")))
		w.run(p, time.Hour)
		mails := w.fake.Mails()
		if len(mails) != 1 {
			t.Fatalf("%d mails", len(mails))
		}
		m := mails[0].Mail
		if m.Subject != "welcome in Bcc: x de-AT" || m.To != (notifier.Mailbox{Name: "Jana", Address: "jana@example.com"}) || m.From.Address != "shop@example.com" || m.Text != "Jana" || m.HTML != "<p>" || m.Tag != "welcome" {
			t.Errorf("%+v", m)
		}
		if e := w.only(p); e.State != Sent || e.Receipt != mails[0].ID || !e.Sent.Equal(start) || string(e.ID) != mails[0].Op {
			t.Errorf("%+v", e)
		}
		err := d.Tx(w.ctx, func(ctx context.Context) error { // a key that is known breaks no transaction
			return errors.Join(p.Queue(ctx, mailTo("welcome:sub_1", "x@example.com")), p.Queue(ctx, mailTo("welcome:sub_2", "x@example.com")))
		})
		w.ok(err)
		oops := errors.New("oops")
		if err := d.Tx(w.ctx, func(ctx context.Context) error { w.ok(p.Queue(ctx, mailTo("undone", "x@example.com"))); return oops }); !errors.Is(err, oops) {
			t.Fatal(err)
		}
		w.run(other, time.Hour)
		if n := len(w.fake.Mails()); n != 2 {
			t.Errorf("%d mails", n)
		}
	})
}

func TestAMailThatCannotBeDrawnIsNotSaved(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		p := w.process(d)
		w.template = errors.New("line 3: no such field")
		if err := p.Queue(w.ctx, mailTo("key", "jana@example.com")); !errors.Is(err, w.template) {
			t.Fatal(err)
		}
		if page, err := p.List(w.ctx, Filter{}); err != nil || page.Total != 0 {
			t.Fatal(page, err)
		}
		w.template = nil // it was mended, and the step is tried again
		w.ok(p.Queue(w.ctx, mailTo("key", "jana@example.com")))
		w.run(p, time.Hour)
		if len(w.fake.Mails()) != 1 {
			t.Error("not sent")
		}
	})
}

// What a carrier answers becomes sent, failed or a doubt; after a doubt a mail is repeated only if it surely was not taken.
func TestAnswersOfCarriers(t *testing.T) {
	away := fault.New(fault.Unavailable, "away", "")
	fail := func(method string, done bool, times int, err error) func(*world) {
		return func(w *world) {
			w.fake.Fail(notifiertest.Failure{Method: method, Done: done, Times: times, Err: err})
		}
	}
	all := func(list ...func(*world)) func(*world) {
		return func(w *world) {
			for _, f := range list {
				f(w)
			}
		}
	}
	lost := fail("Mail", true, 1, nil)
	blind := func(w *world) { w.fake.Lack("Finder") }
	tests := []struct {
		name  string
		set   func(w *world)
		later func(w *world) // after the first call
		state State
		mails int
		tries int // calls of Mail
	}{
		{name: "taken", set: all(), state: Sent, mails: 1, tries: 1},
		{name: "away for six hours", set: fail("Mail", false, 20, nil), state: Sent, mails: 1, tries: 21},
		{name: "away for ever", set: fail("Mail", false, 0, nil), state: Unsure, tries: mostTries},
		{name: "refused", set: fail("Mail", false, 0, fault.New(fault.Declined, "spam", "")), state: Failed, tries: 1},
		{name: "refused: the address is no address", set: func(w *world) { w.fake.Suppress("jana@example.com") }, state: Failed, tries: 1},
		{name: "taken, and the answer lost", set: lost, state: Sent, mails: 1, tries: 1},
		{name: "cut, and not taken", set: fail("Mail", false, 1, fault.New(fault.Unknown, "cut", "")), state: Sent, mails: 1, tries: 2},
		{name: "an error of nobody's, and taken", set: fail("Mail", true, 1, errors.New("EOF")), state: Sent, mails: 1, tries: 1},
		{name: "lost, and nobody can look", set: all(lost, blind), state: Unsure, mails: 1, tries: 1},
		{name: "lost, and away when looked for", set: all(lost, fail("FindMessage", false, 5, away)), state: Sent, mails: 1, tries: 1},
		{name: "lost, and barred when looked for", set: all(lost, fail("FindMessage", false, 2, fault.New(fault.Forbidden, "token", ""))), state: Sent, mails: 1, tries: 1},
		{name: "lost, and the look never answers", set: all(lost, fail("FindMessage", false, 0, away)), state: Unsure, mails: 1, tries: 1},
		{name: "lost, and then the plugin is gone for a while", set: lost, later: func(w *world) { w.carrier = away }, state: Sent, mails: 1, tries: 1},
		{name: "lost, and then the sender cannot be read", set: lost, later: func(w *world) { w.sender = errors.New("db") }, state: Sent, mails: 1, tries: 1},
		{name: "the sender cannot be read", set: func(w *world) { w.sender = errors.New("db") }, state: Sent, mails: 1, tries: 1},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				w := newWorld(t, d)
				w.exec("DELETE FROM messages")
				p := w.process(d)
				tt.set(w)
				w.ok(p.Queue(w.ctx, mailTo("key", "jana@example.com")))
				w.run(p, 0)
				if tt.later != nil {
					tt.later(w)
				}
				if w.carrier != nil || w.sender != nil {
					w.run(p, 10*time.Minute)
					w.carrier, w.sender = nil, nil
				}
				w.run(p, 48*time.Hour)
				e := w.only(p)
				tries := 0
				for _, call := range w.fake.Journal() {
					if call.Method == "Mail" {
						tries++
					}
				}
				if e.State != tt.state || len(w.fake.Mails()) != tt.mails || tries != tt.tries {
					t.Errorf("%s after %d tries, %d mails: %s", e.State, tries, len(w.fake.Mails()), e.Error)
				}
			})
		}
	})
}

func (w *world) exec(query string, args ...any) {
	w.t.Helper()
	_, err := w.d.Write(w.ctx).ExecContext(w.ctx, query, args...)
	w.ok(err)
}

// The process dies before the call, in it, or after it: the carrier gets time, is asked, and nobody gets a mail twice.
func TestAProcessThatDiesWhileItSends(t *testing.T) {
	for _, taken := range []bool{false, true} {
		t.Run(fmt.Sprint("taken ", taken), func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, d *db.DB) {
				w := newWorld(t, d)
				p := w.process(d)
				w.ok(p.Queue(w.ctx, mailTo("key", "jana@example.com")))
				e, doubt, _, err := p.intend(w.ctx, w.only(p).ID)
				w.ok(err)
				if taken {
					if _, _, err := p.carry(w.ctx, e, doubt); err != nil {
						t.Fatal(err)
					}
				}
				other := w.process(dbtest.Again(t, d)) // the job is taken over
				w.run(other, doubtWait-time.Microsecond)
				if n := len(w.fake.Journal()); taken && n != 1 || !taken && n != 0 {
					t.Fatalf("the carrier was asked at once: %v", w.fake.Journal())
				}
				w.run(other, time.Hour)
				if got := w.only(p); got.State != Sent || len(w.fake.Mails()) != 1 {
					t.Errorf("%s, %d mails", got.State, len(w.fake.Mails()))
				}
				if _, err := p.conclude(w.ctx, e, notifier.Receipt{}, false, fault.New(fault.Declined, "zombie", "")); fault.KindOf(err) != fault.Conflict {
					t.Errorf("a zombie was heard: %v", err)
				}
				if w.only(p).State != Sent {
					t.Error("a zombie changed it")
				}
			})
		})
	}
}

func TestMailsThatComeBack(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		p := w.process(d)
		w.ok(p.Queue(w.ctx, mailTo("one", "Jana@example.com")))
		w.run(p, time.Hour)
		first := w.only(p)
		w.ok(w.fake.Delay(string(first.ID)))
		w.ok(w.fake.Bounce(string(first.ID)))
		for range 2 { // vendors say it twice
			for _, hook := range w.fake.Hooks() {
				news, err := w.fake.Receive(w.ctx, hook)
				w.ok(err)
				w.ok(p.Deliveries(w.ctx, news))
			}
		}
		if e := w.only(p); e.State != Bounced || e.Error != "No such mailbox" {
			t.Errorf("%+v", e)
		}
		calls := len(w.fake.Journal())
		w.ok(p.Queue(w.ctx, mailTo("two", "jana@EXAMPLE.com")))
		w.run(p, time.Hour)
		page, err := p.List(w.ctx, Filter{Customer: "cus_1", States: []State{Failed}, Query: "JANA@"})
		w.ok(err)
		if page.Total != 1 || len(page.List) != 1 || len(w.fake.Journal()) != calls {
			t.Errorf("the address is still written to: %+v", page)
		}
		// The vendor lost our name for it, or its address; what nobody knows is left alone.
		w.ok(p.Deliveries(w.ctx, []notifier.Delivery{
			{Status: "complained", Lasting: true, Address: "max@example.com"}, {Op: "mail_unknown", Status: "bounced", Lasting: true},
			{Status: "bounced", Lasting: true}, {Op: string(page.List[0].ID), Status: "bounced", Text: "late"},
		}))
		if e, err := p.Get(w.ctx, page.List[0].ID); err != nil || e.State != Failed {
			t.Error(e.State, err)
		}
		w.ok(p.Queue(w.ctx, Message{OnceKey: "post", Channel: Post, Instance: "staff", Subject: "sub_1", Notice: notifier.Post{Title: "Paid", Text: "12.00", URL: "https://x.test", Level: "good", Fields: [][2]string{{"who", "Jana"}}}}))
		w.ok(p.Queue(w.ctx, mailTo("three", "max@example.com")))
		w.run(p, time.Hour)
		posts := w.fake.Posts()
		if len(posts) != 1 || posts[0].Post.URL != "https://x.test" || !slices.Equal(posts[0].Post.Fields, [][2]string{{"who", "Jana"}}) {
			t.Errorf("%+v", posts)
		}
		if len(w.fake.Mails()) != 1 {
			t.Error("who complained got another mail")
		}
	})
}

// A bounce may come before the answer of the carrier.
func TestABounceThatOvertakesTheAnswer(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		p := w.process(d)
		w.ok(p.Queue(w.ctx, mailTo("one", "jana@example.com")))
		w.fake.Fail(notifiertest.Failure{Method: "Mail", Done: true, Times: 1})
		w.run(p, 0)
		e := w.only(p)
		w.ok(p.Deliveries(w.ctx, []notifier.Delivery{{Op: string(e.ID), Status: "bounced", Lasting: true, Text: "gone"}}))
		w.run(p, time.Hour)
		if e := w.only(p); e.State != Bounced {
			t.Errorf("%+v", e)
		}
		if refused, err := p.store.refused(w.ctx, "jana@example.com"); err != nil || !refused {
			t.Error("its address is not known to refuse", err)
		}
	})
}

func TestResend(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		p := w.process(d)
		w.ok(p.Queue(w.ctx, mailTo("one", "jana@example.com")))
		first := w.only(p).ID
		if _, err := p.Resend(w.ctx, first); !errors.Is(err, ErrWaiting) {
			t.Error(err)
		}
		w.run(p, time.Hour)
		w.clock.Add(time.Hour)
		again, err := p.Resend(w.ctx, first)
		w.ok(err)
		w.run(p, time.Hour)
		mails := w.fake.Mails()
		if len(mails) != 2 || mails[1].Op != string(again) || mails[1].Mail.Subject != mails[0].Mail.Subject {
			t.Fatalf("%+v", mails)
		}
		if e, err := p.Get(w.ctx, again); err != nil || e.State != Sent || e.Attempts != 1 || !e.Sent.Equal(w.clock.Now()) || e.To != "jana@example.com" {
			t.Errorf("%+v %v", e, err)
		}
		if _, err := p.Resend(w.ctx, ids.Mail("mail_none")); !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
	})
}
