package notifier_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/host"
	"github.com/ezscale/bursar/sdk/internal/fill"
	"github.com/ezscale/bursar/sdk/notifier"
)

// world is what a courier was asked and what it answers.
type world struct {
	asked   []any
	receipt notifier.Receipt
	news    []notifier.Delivery
	err     error
}

// courier has all powers and remembers what it was asked.
type courier struct{ world *world }

type noSettings struct{}

func (*noSettings) Form() form.Form { return nil }

func (c *courier) Check(context.Context) (sdk.Report, error) { return sdk.Report{}, c.world.err }

func (c *courier) Mail(_ context.Context, op sdk.Op, m notifier.Mail) (notifier.Receipt, error) {
	c.world.asked = []any{op, m}
	return c.world.receipt, c.world.err
}

func (c *courier) Post(_ context.Context, op sdk.Op, p notifier.Post) (notifier.Receipt, error) {
	c.world.asked = []any{op, p}
	return c.world.receipt, c.world.err
}

func (c *courier) FindMessage(_ context.Context, op sdk.Op) (notifier.Receipt, error) {
	c.world.asked = []any{op}
	return c.world.receipt, c.world.err
}

func (c *courier) Receive(_ context.Context, w sdk.Webhook) ([]notifier.Delivery, error) {
	c.world.asked = []any{w}
	return c.world.news, c.world.err
}

func serve(t *testing.T, w *world) notifier.Client {
	t.Helper()
	return client(t, notifier.Type(func(sdk.Env, noSettings) (*courier, error) { return &courier{w}, nil }))
}

func client(t *testing.T, kind sdk.Type) notifier.Client {
	t.Helper()
	p, err := host.Local(sdk.Plugin{Name: "courier", Title: "Courier", Version: "1.0.0", Type: kind}, host.World{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return notifier.NewClient(p.Instance("mail", form.Values{}))
}

func TestEveryFieldTravels(t *testing.T) {
	w := &world{receipt: fill.New[notifier.Receipt](t), news: fill.New[[]notifier.Delivery](t)}
	c, ctx, op := serve(t, w), t.Context(), fill.New[sdk.Op](t)
	check := func(t *testing.T, err error, answer, meant any, asked ...any) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		fill.Same(t, "asked", w.asked, asked)
		fill.Same(t, "answer", answer, meant)
	}
	t.Run("Mail", func(t *testing.T) {
		receipt, err := c.Mail(ctx, op, fill.New[notifier.Mail](t))
		check(t, err, receipt, w.receipt, op, fill.New[notifier.Mail](t))
	})
	t.Run("Post", func(t *testing.T) {
		receipt, err := c.Post(ctx, op, fill.New[notifier.Post](t))
		check(t, err, receipt, w.receipt, op, fill.New[notifier.Post](t))
	})
	t.Run("FindMessage", func(t *testing.T) {
		receipt, err := c.FindMessage(ctx, op)
		check(t, err, receipt, w.receipt, op)
	})
	t.Run("Receive", func(t *testing.T) {
		news, err := c.Receive(ctx, fill.New[sdk.Webhook](t))
		check(t, err, news, w.news, fill.New[sdk.Webhook](t))
	})
	t.Run("a webhook of no interest", func(t *testing.T) {
		w.news = nil
		if news, err := c.Receive(ctx, sdk.Webhook{}); news != nil || err != nil {
			t.Errorf("%+v, %v", news, err)
		}
	})
}

func TestErrorsOfChangesAndReads(t *testing.T) {
	later := fault.New(fault.Unavailable, "rate_limit", "").Retry(7 * time.Second)
	tests := []struct {
		name         string
		err          error
		change, read fault.Kind
	}{
		{"what nobody classified is doubt about a change and a bug of a read", errors.New("?"), fault.Unknown, fault.Internal},
		{"a fault is a fault", later, fault.Unavailable, fault.Unavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, ctx, op := serve(t, &world{err: tt.err}), t.Context(), sdk.Op{ID: "op"}
			_, mailed := c.Mail(ctx, op, notifier.Mail{})
			_, posted := c.Post(ctx, op, notifier.Post{})
			_, found := c.FindMessage(ctx, op)
			_, received := c.Receive(ctx, sdk.Webhook{})
			for call, is := range map[string]struct {
				err  error
				want fault.Kind
			}{"Mail": {mailed, tt.change}, "Post": {posted, tt.change}, "FindMessage": {found, tt.read}, "Receive": {received, tt.read}} {
				if fault.KindOf(is.err) != is.want {
					t.Errorf("%s: want %s, have %v", call, is.want, is.err)
				}
				if tt.err == error(later) && fault.Of(is.err).After != 7*time.Second {
					t.Errorf("%s: when to come again is lost: %+v", call, fault.Of(is.err))
				}
			}
		})
	}
}

func TestFilesOfThreeMegabytesTravelAndLargerMailsAreRefusedHere(t *testing.T) {
	w := &world{}
	c := serve(t, w)
	m := notifier.Mail{Files: []notifier.File{{Name: "a.pdf", Body: make([]byte, 3<<20)}}}
	if _, err := c.Mail(t.Context(), sdk.Op{ID: "op"}, m); err != nil {
		t.Errorf("3 MiB: %v", err)
	}
	w.asked, m.Files[0].Body = nil, make([]byte, 5<<20)
	if _, err := c.Mail(t.Context(), sdk.Op{ID: "op"}, m); fault.KindOf(err) != fault.Invalid || w.asked != nil {
		t.Errorf("5 MiB: %v, and the plugin saw %d values", err, len(w.asked))
	}
}

// channel posts and can do nothing else.
type channel struct{}

func (*channel) Check(context.Context) (sdk.Report, error) { return sdk.Report{}, nil }

func (*channel) Post(context.Context, sdk.Op, notifier.Post) (notifier.Receipt, error) {
	return notifier.Receipt{ID: "1"}, nil
}

// listener only hears: that is no notifier.
type listener struct{}

func (*listener) Check(context.Context) (sdk.Report, error) { return sdk.Report{}, nil }

func (*listener) Receive(context.Context, sdk.Webhook) ([]notifier.Delivery, error) { return nil, nil }

func TestPowersAreThoseOfThePlugin(t *testing.T) {
	c := client(t, notifier.Type(func(sdk.Env, noSettings) (*channel, error) { return &channel{}, nil }))
	poster, ok := sdk.As[notifier.Poster](c)
	if !ok {
		t.Fatal("it posts")
	}
	if receipt, err := poster.Post(t.Context(), sdk.Op{ID: "op"}, notifier.Post{}); err != nil || receipt.ID != "1" {
		t.Errorf("%+v %v", receipt, err)
	}
	_, mails := sdk.As[notifier.Mailer](c)
	_, finds := sdk.As[notifier.Finder](c)
	_, hears := sdk.As[notifier.Receiver](c)
	if mails || finds || hears {
		t.Errorf("it has more powers than it announced: %t %t %t", mails, finds, hears)
	}
	if _, err := c.Mail(t.Context(), sdk.Op{ID: "op"}, notifier.Mail{}); fault.KindOf(err) != fault.Unsupported {
		t.Errorf("asked all the same: %v", err)
	}
	deaf := notifier.Type(func(sdk.Env, noSettings) (*listener, error) { return &listener{}, nil })
	if _, err := host.Local(sdk.Plugin{Name: "deaf", Title: "Deaf", Version: "1.0.0", Type: deaf}, host.World{}); err == nil {
		t.Error("a plugin that neither mails nor posts starts")
	}
}
