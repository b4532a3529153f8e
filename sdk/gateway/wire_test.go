package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/host"
	"github.com/ezscale/bursar/sdk/money"
)

// filler gives every field a value of its own, so that one which is not carried over, or carried into another, shows.
type filler int

func (n *filler) next() int { *n++; return int(*n) }

func fill[T any](t *testing.T) T {
	t.Helper()
	var v T
	n := filler(0)
	n.fill(t, reflect.ValueOf(&v).Elem())
	return v
}

func (n *filler) fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.UnixMicro(1_700_000_000_000_000 + int64(n.next())).UTC()))
		return
	case time.Duration:
		v.Set(reflect.ValueOf(time.Duration(n.next()) * time.Millisecond))
		return
	case money.Amount:
		v.Set(reflect.ValueOf(money.Of(int64(n.next()), fmt.Sprintf("C%02d", n.next()%100))))
		return
	case http.Header:
		v.Set(reflect.ValueOf(http.Header{"X-First": {fmt.Sprint(n.next()), "two"}, "X-Second": {"three"}}))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d", n.next()))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(n.next()))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		n.fill(t, v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			n.fill(t, v.Field(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			key := reflect.New(v.Type().Key()).Elem()
			value := reflect.New(v.Type().Elem()).Elem()
			n.fill(t, key)
			n.fill(t, value)
			v.SetMapIndex(key, value)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			if v.Type().Elem().Kind() == reflect.Uint8 {
				v.Index(i).SetUint(uint64(n.next() % 256))
				continue
			}
			n.fill(t, v.Index(i))
		}
	default:
		t.Fatalf("the test cannot fill a %s", v.Type())
	}
}

// till is a gateway that remembers what it was asked and answers what it was told.
type till struct{ world *world }

type world struct {
	asked   any
	outcome gateway.Outcome
	refund  gateway.Refunded
	method  gateway.Method
	events  []gateway.Event
	list    []gateway.Dispute
	err     error
}

type noSettings struct{}

func (*noSettings) Form() form.Form { return nil }

func (g *till) note(asked any, notes ...sdk.Notes) error {
	g.world.asked = asked
	for _, n := range notes {
		clear(n)
		n["noted"] = "here"
	}
	return g.world.err
}

func (g *till) Check(context.Context) (sdk.Report, error) { return sdk.Report{}, nil }
func (g *till) Begin(_ context.Context, v gateway.Visit) (gateway.Outcome, error) {
	asked := v
	asked.Notes, asked.Customer.Notes = clone(v.Notes), clone(v.Customer.Notes)
	return g.world.outcome, g.note(asked, v.Notes, v.Customer.Notes)
}
func (g *till) attempt(a gateway.Attempt) error {
	asked := a
	asked.Notes, asked.Customer.Notes = clone(a.Notes), clone(a.Customer.Notes)
	return g.note(asked, a.Notes, a.Customer.Notes)
}
func (g *till) Look(_ context.Context, a gateway.Attempt) (gateway.Outcome, error) {
	return g.world.outcome, g.attempt(a)
}
func (g *till) Finish(_ context.Context, a gateway.Attempt) (gateway.Outcome, error) {
	return g.world.outcome, g.attempt(a)
}
func (g *till) Cancel(_ context.Context, a gateway.Attempt) error { return g.attempt(a) }
func (g *till) Charge(_ context.Context, c gateway.Charge) (gateway.Outcome, error) {
	asked := c
	asked.Notes, asked.Customer.Notes = clone(c.Notes), clone(c.Customer.Notes)
	return g.world.outcome, g.note(asked, c.Notes, c.Customer.Notes)
}
func (g *till) Refund(_ context.Context, r gateway.Refund) (gateway.Refunded, error) {
	asked := r
	asked.Notes = clone(r.Notes)
	return g.world.refund, g.note(asked, r.Notes)
}
func (g *till) Receive(_ context.Context, w sdk.Webhook) ([]gateway.Event, error) {
	return g.world.events, g.note(w)
}
func (g *till) Method(_ context.Context, m gateway.Method) (gateway.Method, error) {
	asked := m
	asked.Notes, asked.Customer.Notes = clone(m.Notes), clone(m.Customer.Notes)
	return g.world.method, g.note(asked, m.Notes, m.Customer.Notes)
}
func (g *till) Forget(_ context.Context, op sdk.Op, m gateway.Method) error {
	asked := forgetting{op, m}
	asked.Method.Notes, asked.Method.Customer.Notes = clone(m.Notes), clone(m.Customer.Notes)
	return g.note(asked, m.Notes, m.Customer.Notes)
}
func (g *till) Disputes(_ context.Context, since time.Time) ([]gateway.Dispute, error) {
	return g.world.list, g.note(since)
}

type forgetting struct {
	Op     sdk.Op
	Method gateway.Method
}

func clone(n sdk.Notes) sdk.Notes {
	out := sdk.Notes{}
	for name, value := range n {
		out[name] = value
	}
	return out
}

func serve(t *testing.T, w *world) gateway.Client {
	t.Helper()
	open := func(sdk.Env, noSettings) (*till, error) { return &till{w}, nil }
	p, err := host.Local(sdk.Plugin{Name: "till", Title: "Till", Version: "1.0.0", Type: gateway.Type(open)}, host.World{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return gateway.NewClient(p.Instance("front", form.Values{}))
}

// same compares what came over the wire with what was meant.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s\n  have %+v\n  want %+v", what, got, want)
	}
}

func noted(t *testing.T, notes ...sdk.Notes) {
	t.Helper()
	for _, n := range notes {
		same(t, "notes come back whole, and only what was noted last", n, sdk.Notes{"noted": "here"})
	}
}

func TestEveryFieldTravels(t *testing.T) {
	w := &world{
		outcome: fill[gateway.Outcome](t), refund: fill[gateway.Refunded](t), method: fill[gateway.Method](t),
		events: []gateway.Event{fill[gateway.Event](t), {ID: "bare"}}, list: []gateway.Dispute{fill[gateway.Dispute](t), {}},
	}
	c := serve(t, w)
	ctx := t.Context()
	attempt := func(t *testing.T, do func(context.Context, gateway.Attempt) (gateway.Outcome, error), answers bool) {
		a := fill[gateway.Attempt](t)
		out, err := do(ctx, a)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "asked", w.asked, fill[gateway.Attempt](t))
		if answers {
			same(t, "answer", out, w.outcome)
		}
		noted(t, a.Notes, a.Customer.Notes)
	}
	t.Run("Begin", func(t *testing.T) {
		v := fill[gateway.Visit](t)
		out, err := c.Begin(ctx, v)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "asked", w.asked, fill[gateway.Visit](t))
		same(t, "answer", out, w.outcome)
		noted(t, v.Notes, v.Customer.Notes)
	})
	t.Run("Look", func(t *testing.T) { attempt(t, c.Look, true) })
	t.Run("Finish", func(t *testing.T) { attempt(t, c.Finish, true) })
	t.Run("Cancel", func(t *testing.T) {
		attempt(t, func(ctx context.Context, a gateway.Attempt) (gateway.Outcome, error) {
			return gateway.Outcome{}, c.Cancel(ctx, a)
		}, false)
	})
	t.Run("Charge", func(t *testing.T) {
		n := fill[gateway.Charge](t)
		out, err := c.Charge(ctx, n)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "asked", w.asked, fill[gateway.Charge](t))
		same(t, "answer", out, w.outcome)
		noted(t, n.Notes, n.Customer.Notes)
	})
	t.Run("Refund", func(t *testing.T) {
		r := fill[gateway.Refund](t)
		out, err := c.Refund(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "asked", w.asked, fill[gateway.Refund](t))
		same(t, "answer", out, w.refund)
		noted(t, r.Notes)
	})
	t.Run("Receive", func(t *testing.T) {
		out, err := c.Receive(ctx, fill[sdk.Webhook](t))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "asked", w.asked, fill[sdk.Webhook](t))
		same(t, "answer", out, w.events)
	})
	t.Run("Method", func(t *testing.T) {
		m := fill[gateway.Method](t)
		out, err := c.Method(ctx, m)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "asked", w.asked, fill[gateway.Method](t))
		same(t, "answer", out, w.method)
		noted(t, m.Notes, m.Customer.Notes)
	})
	t.Run("Forget", func(t *testing.T) {
		f := fill[forgetting](t)
		if err := c.Forget(ctx, f.Op, f.Method); err != nil {
			t.Fatal(err)
		}
		same(t, "asked", w.asked, fill[forgetting](t))
		noted(t, f.Method.Notes, f.Method.Customer.Notes)
	})
	t.Run("Disputes", func(t *testing.T) {
		out, err := c.Disputes(ctx, fill[time.Time](t))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "asked", w.asked, fill[time.Time](t))
		same(t, "answer", out, w.list)
	})
}

func TestTheEmptyIsNotTheZero(t *testing.T) {
	w := &world{}
	c := serve(t, w)
	out, err := c.Look(t.Context(), gateway.Attempt{})
	if err != nil || out.Method != nil || out.Decline != nil || out != (gateway.Outcome{}) {
		t.Errorf("an empty outcome came back as %+v, %v", out, err)
	}
	if a := w.asked.(gateway.Attempt); a.Notes == nil || a.Customer.Notes == nil {
		t.Error("an author writes into nil notes")
	}
	events, err := c.Receive(t.Context(), sdk.Webhook{})
	if err != nil || events != nil {
		t.Errorf("nothing of interest is %v, %v", events, err)
	}
}

func TestWhatAnErrorLeavesOpen(t *testing.T) {
	w := &world{}
	c := serve(t, w)
	ctx := t.Context()
	tests := []struct {
		name string
		call func(gateway.Attempt) error
		want fault.Kind // of an error that nobody classified
	}{
		{"a page may have been opened", func(a gateway.Attempt) error { _, err := c.Begin(ctx, gateway.Visit{Attempt: a}); return err }, fault.Unknown},
		{"a look changes nothing", func(a gateway.Attempt) error { _, err := c.Look(ctx, a); return err }, fault.Internal},
		{"what was approved may have been taken", func(a gateway.Attempt) error { _, err := c.Finish(ctx, a); return err }, fault.Unknown},
		{"a charge may have been made", func(a gateway.Attempt) error { _, err := c.Charge(ctx, gateway.Charge{Attempt: a}); return err }, fault.Unknown},
		{"a page may have been closed", func(a gateway.Attempt) error { return c.Cancel(ctx, a) }, fault.Unknown},
		{"money may have gone back", func(a gateway.Attempt) error {
			_, err := c.Refund(ctx, gateway.Refund{Notes: a.Notes})
			a.Customer.Notes["noted"] = "here"
			return err
		}, fault.Unknown},
		{"a method was only read", func(a gateway.Attempt) error {
			_, err := c.Method(ctx, gateway.Method{Notes: a.Notes, Customer: a.Customer})
			return err
		}, fault.Internal},
		{"a method may be gone", func(a gateway.Attempt) error {
			return c.Forget(ctx, sdk.Op{}, gateway.Method{Notes: a.Notes, Customer: a.Customer})
		}, fault.Unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := gateway.Attempt{Notes: sdk.Notes{}, Customer: sdk.Customer{Notes: sdk.Notes{}}}
			w.err = context.Canceled
			if kind := fault.KindOf(tt.call(a)); kind != tt.want && !(tt.want == fault.Internal && kind == fault.Unavailable) {
				t.Errorf("have %s, want %s", kind, tt.want)
			}
			w.err = fmt.Errorf("nobody classified this")
			if kind := fault.KindOf(tt.call(a)); kind != tt.want {
				t.Errorf("have %s, want %s", kind, tt.want)
			}
			noted(t, a.Notes, a.Customer.Notes)
			w.err = fault.New(fault.Declined, "no", "No.")
			if kind := fault.KindOf(tt.call(a)); kind != fault.Declined {
				t.Errorf("its own fault became %s", kind)
			}
		})
	}
}

// counter has no powers.
type counter struct{ gateway.Gateway }

func TestOnlyAnnouncedPowersCount(t *testing.T) {
	all := serve(t, &world{})
	open := func(sdk.Env, noSettings) (*counter, error) { return &counter{&till{&world{}}}, nil }
	p, err := host.Local(sdk.Plugin{Name: "counter", Title: "Counter", Version: "1.0.0", Type: gateway.Type(open)}, host.World{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	none := gateway.NewClient(p.Instance("front", form.Values{}))
	for name, has := range map[string]func(any) bool{
		"Finisher":      func(v any) bool { _, ok := sdk.As[gateway.Finisher](v); return ok },
		"Charger":       func(v any) bool { _, ok := sdk.As[gateway.Charger](v); return ok },
		"Canceller":     func(v any) bool { _, ok := sdk.As[gateway.Canceller](v); return ok },
		"DisputeLister": func(v any) bool { _, ok := sdk.As[gateway.DisputeLister](v); return ok },
	} {
		if !has(all) || has(none) {
			t.Errorf("%s: of all %t, of none %t", name, has(all), has(none))
		}
	}
	if _, ok := sdk.As[gateway.Gateway](none); !ok {
		t.Error("a gateway is no gateway")
	}
	if _, err := none.Charge(t.Context(), gateway.Charge{}); fault.KindOf(err) != fault.Unsupported {
		t.Errorf("a power it has not: %v", err)
	}
}
