package helpdesk_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/helpdesk"
	"github.com/ezscale/bursar/sdk/host"
	"github.com/ezscale/bursar/sdk/internal/fill"
)

// world is what a desk was asked and what it answers.
type world struct {
	asked    []any
	ticket   helpdesk.Ticket
	tickets  []helpdesk.Ticket
	message  helpdesk.Message
	messages []helpdesk.Message
	file     helpdesk.File
	link     sdk.Link
	hints    []string
	next     string
	err      error
}

// desk has all powers; it remembers what it was asked, and notes something.
type desk struct{ world *world }

type noSettings struct{}

func (*noSettings) Form() form.Form { return nil }

// about copies a customer as it was when it came, and notes something.
func about(c sdk.Customer) sdk.Customer {
	was := c
	was.Notes = maps.Clone(c.Notes)
	clear(c.Notes)
	c.Notes["noted"] = "here"
	return was
}

func (d *desk) Check(context.Context) (sdk.Report, error) { return sdk.Report{}, d.world.err }

func (d *desk) Open(_ context.Context, op sdk.Op, t helpdesk.Draft) (helpdesk.Ticket, error) {
	t.Customer = about(t.Customer)
	d.world.asked = []any{op, t}
	return d.world.ticket, d.world.err
}

func (d *desk) Reply(_ context.Context, op sdk.Op, r helpdesk.Reply) (helpdesk.Message, error) {
	r.Customer = about(r.Customer)
	d.world.asked = []any{op, r}
	return d.world.message, d.world.err
}

func (d *desk) Tickets(_ context.Context, q helpdesk.Query) ([]helpdesk.Ticket, string, error) {
	if q.Customer != nil {
		c := about(*q.Customer)
		q.Customer = &c
	}
	d.world.asked = []any{q}
	return d.world.tickets, d.world.next, d.world.err
}

func (d *desk) Ticket(_ context.Context, id string) (helpdesk.Ticket, []helpdesk.Message, error) {
	d.world.asked = []any{id}
	return d.world.ticket, d.world.messages, d.world.err
}

func (d *desk) File(_ context.Context, id string) (helpdesk.File, error) {
	d.world.asked = []any{id}
	return d.world.file, d.world.err
}

func (d *desk) SetOpen(_ context.Context, op sdk.Op, ticket string, open bool) error {
	d.world.asked = []any{op, ticket, open}
	return d.world.err
}

func (d *desk) Login(_ context.Context, c sdk.Customer, ticket string) (sdk.Link, error) {
	d.world.asked = []any{about(c), ticket}
	return d.world.link, d.world.err
}

func (d *desk) Receive(_ context.Context, w sdk.Webhook) ([]string, error) {
	d.world.asked = []any{w}
	return d.world.hints, d.world.err
}

func serve(t *testing.T, w *world) helpdesk.Client {
	t.Helper()
	return client(t, helpdesk.Type(func(sdk.Env, noSettings) (*desk, error) { return &desk{w}, nil }))
}

func client(t *testing.T, kind sdk.Type) helpdesk.Client {
	t.Helper()
	p, err := host.Local(sdk.Plugin{Name: "desk", Title: "Desk", Version: "1.0.0", Type: kind}, host.World{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return helpdesk.NewClient(p.Instance("main", form.Values{}))
}

// bare is a desk without powers.
type bare struct{ helpdesk.HelpDesk }

func TestEveryFieldTravels(t *testing.T) {
	w := &world{
		ticket: fill.New[helpdesk.Ticket](t), tickets: fill.New[[]helpdesk.Ticket](t), message: fill.New[helpdesk.Message](t),
		messages: fill.New[[]helpdesk.Message](t), file: fill.New[helpdesk.File](t), link: fill.New[sdk.Link](t), hints: []string{"7", "8"}, next: "page 2",
	}
	c, ctx, op := serve(t, w), t.Context(), fill.New[sdk.Op](t)
	check := func(t *testing.T, err error, who *sdk.Customer, answer, meant any, asked ...any) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		fill.Same(t, "asked", w.asked, asked)
		fill.Same(t, "answer", answer, meant)
		if who != nil {
			fill.Same(t, "notes come back whole, and only what was noted last", who.Notes, sdk.Notes{"noted": "here"})
		}
	}
	t.Run("Open", func(t *testing.T) {
		d := fill.New[helpdesk.Draft](t)
		ticket, err := c.Open(ctx, op, d)
		check(t, err, &d.Customer, ticket, w.ticket, op, fill.New[helpdesk.Draft](t))
	})
	t.Run("Reply", func(t *testing.T) {
		r := fill.New[helpdesk.Reply](t)
		message, err := c.Reply(ctx, op, r)
		check(t, err, &r.Customer, message, w.message, op, fill.New[helpdesk.Reply](t))
	})
	t.Run("Tickets of one customer", func(t *testing.T) {
		q := fill.New[helpdesk.Query](t)
		list, next, err := c.Tickets(ctx, q)
		check(t, err, q.Customer, list, w.tickets, fill.New[helpdesk.Query](t))
		fill.Same(t, "next", next, "page 2")
	})
	t.Run("Tickets of all customers", func(t *testing.T) {
		q := fill.New[helpdesk.Query](t)
		q.Customer = nil
		list, _, err := c.Tickets(ctx, q)
		check(t, err, nil, list, w.tickets, q)
	})
	t.Run("Ticket", func(t *testing.T) {
		ticket, messages, err := c.Ticket(ctx, "7")
		check(t, err, nil, ticket, w.ticket, "7")
		fill.Same(t, "messages", messages, w.messages)
	})
	t.Run("File", func(t *testing.T) {
		file, err := c.File(ctx, "9")
		check(t, err, nil, file, w.file, "9")
	})
	t.Run("SetOpen", func(t *testing.T) {
		check(t, c.SetOpen(ctx, op, "7", true), nil, nil, nil, op, "7", true)
	})
	t.Run("Login", func(t *testing.T) {
		who := fill.New[sdk.Customer](t)
		link, err := c.Login(ctx, who, "7")
		check(t, err, &who, link, w.link, fill.New[sdk.Customer](t), "7")
	})
	t.Run("Receive", func(t *testing.T) {
		hints, err := c.Receive(ctx, fill.New[sdk.Webhook](t))
		check(t, err, nil, hints, w.hints, fill.New[sdk.Webhook](t))
	})
}

func TestErrorsOfChangesAndReads(t *testing.T) {
	c := serve(t, &world{err: errors.New("nobody classified this")})
	d, ctx := fill.New[helpdesk.Draft](t), t.Context()
	_, opened := c.Open(ctx, sdk.Op{ID: "op"}, d)
	_, replied := c.Reply(ctx, sdk.Op{ID: "op"}, helpdesk.Reply{})
	_, _, listed := c.Tickets(ctx, helpdesk.Query{})
	_, _, read := c.Ticket(ctx, "7")
	_, loaded := c.File(ctx, "7")
	_, linked := c.Login(ctx, sdk.Customer{}, "")
	_, received := c.Receive(ctx, sdk.Webhook{})
	for _, tt := range []struct {
		name string
		err  error
		want fault.Kind
	}{
		{"Open", opened, fault.Unknown}, {"Reply", replied, fault.Unknown}, {"SetOpen", c.SetOpen(ctx, sdk.Op{ID: "op"}, "7", false), fault.Unknown},
		{"Tickets", listed, fault.Internal}, {"Ticket", read, fault.Internal}, {"File", loaded, fault.Internal},
		{"Login", linked, fault.Internal}, {"Receive", received, fault.Internal},
	} {
		if fault.KindOf(tt.err) != tt.want {
			t.Errorf("%s: want %s, have %v", tt.name, tt.want, tt.err)
		}
	}
	fill.Same(t, "notes come back with an error", d.Customer.Notes, sdk.Notes{"noted": "here"})
}

func TestFilesOfThreeMegabytesTravelAndLargerMessagesDoNot(t *testing.T) {
	w := &world{file: helpdesk.File{ID: "1", Body: make([]byte, 3<<20)}}
	c := serve(t, w)
	if f, err := c.File(t.Context(), "1"); err != nil || len(f.Body) != 3<<20 {
		t.Errorf("%d bytes, %v", len(f.Body), err)
	}
	_, err := c.Open(t.Context(), sdk.Op{ID: "op"}, helpdesk.Draft{Text: strings.Repeat("x", 5<<20)})
	if fault.KindOf(err) != fault.Invalid {
		t.Errorf("5 MiB: %v", err)
	}
	w.file.Body = make([]byte, 5<<20)
	if _, err := c.File(t.Context(), "1"); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("an answer of 5 MiB: %v", err)
	}
}

func TestPowersAreThoseOfThePlugin(t *testing.T) {
	all := serve(t, &world{})
	few := client(t, helpdesk.Type(func(sdk.Env, noSettings) (*bare, error) { return &bare{}, nil }))
	for _, c := range []struct {
		client helpdesk.Client
		want   bool
	}{{all, true}, {few, false}} {
		_, closes := sdk.As[helpdesk.Closer](c.client)
		_, links := sdk.As[helpdesk.LoginLinker](c.client)
		_, receives := sdk.As[helpdesk.Receiver](c.client)
		_, is := sdk.As[helpdesk.HelpDesk](c.client)
		if closes != c.want || links != c.want || receives != c.want || !is {
			t.Errorf("want %t, have %t %t %t, a desk: %t", c.want, closes, links, receives, is)
		}
	}
}
