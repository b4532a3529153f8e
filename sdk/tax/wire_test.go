package tax_test

import (
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/host"
	"github.com/ezscale/bursar/sdk/internal/fill"
	"github.com/ezscale/bursar/sdk/tax"
)

// world is what an office was asked and what it answers.
type world struct {
	asked []any
	quote tax.Quote
	proof tax.Proof
	err   error
}

// office has all powers; it remembers what it was asked, and notes something.
type office struct{ world *world }

type noSettings struct{}

func (*noSettings) Form() form.Form { return nil }

// sold remembers a sale as it was when it came.
func (o *office) sold(s tax.Sale) tax.Sale {
	was := s
	was.Customer.Notes = maps.Clone(s.Customer.Notes)
	clear(s.Customer.Notes)
	s.Customer.Notes["noted"] = "here"
	return was
}

func (o *office) Check(context.Context) (sdk.Report, error) { return sdk.Report{}, o.world.err }

func (o *office) Quote(_ context.Context, s tax.Sale) (tax.Quote, error) {
	o.world.asked = []any{o.sold(s)}
	return o.world.quote, o.world.err
}

func (o *office) Record(_ context.Context, op sdk.Op, d tax.Document) error {
	d.Sale = o.sold(d.Sale)
	o.world.asked = []any{"record", op, d}
	return o.world.err
}

func (o *office) Void(_ context.Context, op sdk.Op, d tax.Document) error {
	d.Sale = o.sold(d.Sale)
	o.world.asked = []any{"void", op, d}
	return o.world.err
}

func (o *office) CheckID(_ context.Context, country, number string) (tax.Proof, error) {
	o.world.asked = []any{country, number}
	return o.world.proof, o.world.err
}

func serve(t *testing.T, w *world) tax.Client {
	t.Helper()
	open := func(sdk.Env, noSettings) (*office, error) { return &office{w}, nil }
	return client(t, tax.Type(open))
}

func client(t *testing.T, kind sdk.Type) tax.Client {
	t.Helper()
	p, err := host.Local(sdk.Plugin{Name: "office", Title: "Office", Version: "1.0.0", Type: kind}, host.World{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return tax.NewClient(p.Instance("eu", form.Values{}))
}

func TestEveryFieldTravels(t *testing.T) {
	w := &world{quote: fill.New[tax.Quote](t), proof: fill.New[tax.Proof](t)}
	c, ctx, op := serve(t, w), t.Context(), fill.New[sdk.Op](t)
	noted := func(t *testing.T, s tax.Sale) {
		t.Helper()
		fill.Same(t, "notes come back whole, and only what was noted last", s.Customer.Notes, sdk.Notes{"noted": "here"})
	}
	t.Run("Quote", func(t *testing.T) {
		s := fill.New[tax.Sale](t)
		quote, err := c.Quote(ctx, s)
		if err != nil {
			t.Fatal(err)
		}
		fill.Same(t, "asked", w.asked, []any{fill.New[tax.Sale](t)})
		fill.Same(t, "answer", quote, w.quote)
		noted(t, s)
	})
	for name, call := range map[string]func(context.Context, sdk.Op, tax.Document) error{"record": c.Record, "void": c.Void} {
		t.Run(name, func(t *testing.T) {
			d := fill.New[tax.Document](t)
			if err := call(ctx, op, d); err != nil {
				t.Fatal(err)
			}
			fill.Same(t, "asked", w.asked, []any{name, op, fill.New[tax.Document](t)})
			noted(t, d.Sale)
		})
	}
	t.Run("CheckID", func(t *testing.T) {
		proof, err := c.CheckID(ctx, "GR", "123456789")
		if err != nil {
			t.Fatal(err)
		}
		fill.Same(t, "asked", w.asked, []any{"GR", "123456789"})
		fill.Same(t, "answer", proof, w.proof)
	})
}

func TestErrorsKeepWhatTheySay(t *testing.T) {
	postcode := fault.New(fault.Invalid, "bad_postcode", "This postcode does not belong to that state.").On("postcode")
	tests := []struct {
		name         string
		err          error
		read, change fault.Kind
	}{
		{"a fault is a fault", postcode, fault.Invalid, fault.Invalid},
		{"what nobody classified is doubt about a change and a bug of a read", errors.New("?"), fault.Internal, fault.Unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := serve(t, &world{err: tt.err})
			s := fill.New[tax.Sale](t)
			_, err := c.Quote(t.Context(), s)
			if fault.KindOf(err) != tt.read {
				t.Errorf("Quote: %v", err)
			}
			if tt.err == error(postcode) && fault.Of(err).Field != "postcode" {
				t.Errorf("the field is lost: %v", err)
			}
			fill.Same(t, "notes come back with an error", s.Customer.Notes, sdk.Notes{"noted": "here"})
			if _, err := c.CheckID(t.Context(), "", ""); fault.KindOf(err) != tt.read {
				t.Errorf("CheckID: %v", err)
			}
			if err := c.Record(t.Context(), sdk.Op{ID: "op"}, tax.Document{}); fault.KindOf(err) != tt.change {
				t.Errorf("Record: %v", err)
			}
		})
	}
}

// registry checks numbers and can do nothing else.
type registry struct{}

func (*registry) Check(context.Context) (sdk.Report, error) { return sdk.Report{}, nil }

func (*registry) CheckID(context.Context, string, string) (tax.Proof, error) {
	return tax.Proof{Valid: true}, nil
}

// idle has no power at all.
type idle struct{}

func (*idle) Check(context.Context) (sdk.Report, error) { return sdk.Report{}, nil }

func TestPowersAreThoseOfThePlugin(t *testing.T) {
	c := client(t, tax.Type(func(sdk.Env, noSettings) (*registry, error) { return &registry{}, nil }))
	checker, ok := sdk.As[tax.IDChecker](c)
	if !ok {
		t.Fatal("it checks numbers")
	}
	if proof, err := checker.CheckID(t.Context(), "IE", "1"); err != nil || !proof.Valid {
		t.Errorf("%+v %v", proof, err)
	}
	if _, ok := sdk.As[tax.Quoter](c); ok {
		t.Error("it quotes nothing")
	}
	if _, err := c.Quote(t.Context(), tax.Sale{}); fault.KindOf(err) != fault.Unsupported {
		t.Errorf("asked all the same: %v", err)
	}
	none := tax.Type(func(sdk.Env, noSettings) (*idle, error) { return &idle{}, nil })
	if _, err := host.Local(sdk.Plugin{Name: "idle", Title: "Idle", Version: "1.0.0", Type: none}, host.World{}); err == nil {
		t.Error("a plugin without a power starts")
	}
}
