package panel_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/host"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/secret"
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
	case secret.Value:
		v.Set(reflect.ValueOf(secret.New(fmt.Sprintf("secret %d", n.next()))))
		return
	case netip.Prefix:
		v.Set(reflect.ValueOf(netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(n.next())}), 32)))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d", n.next()))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(n.next()))
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
		for i := range v.Len() {
			n.fill(t, v.Index(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			n.fill(t, v.Index(i))
		}
	default:
		t.Fatalf("the test cannot fill a %s", v.Type())
	}
}

// world is what a shelf was asked and what it answers.
type world struct {
	asked    []any
	progress panel.Progress
	account  panel.Account
	link     sdk.Link
	meters   map[string][]panel.Meter
	accounts []panel.Account
	breaks   error // of the walk, after accounts
	choices  []form.Choice
	free     int
	err      error
}

// shelf is a panel with all powers that remembers what it was asked, and notes something.
type shelf struct{ world *world }

type noSettings struct{}

func (*noSettings) Form() form.Form { return nil }

func (s *shelf) note(notes []sdk.Notes, asked ...any) error {
	s.world.asked = asked
	for _, n := range notes {
		clear(n)
		n["noted"] = "here"
	}
	return s.world.err
}

// about copies a Ref as it was when it came.
func about(r panel.Ref) (panel.Ref, []sdk.Notes) {
	was := r
	was.Notes, was.Customer.Notes = maps.Clone(r.Notes), maps.Clone(r.Customer.Notes)
	return was, []sdk.Notes{r.Notes, r.Customer.Notes}
}

func (s *shelf) creation(c panel.Creation) error {
	was, notes := about(c.Ref)
	c.Ref = was
	return s.note(notes, c)
}

func (s *shelf) change(op sdk.Op, r panel.Ref, rest ...any) (panel.Progress, error) {
	was, notes := about(r)
	return s.world.progress, s.note(notes, append([]any{op, was}, rest...)...)
}

func (s *shelf) Check(context.Context) (sdk.Report, error) { return sdk.Report{}, s.world.err }

func (s *shelf) Create(_ context.Context, c panel.Creation) (panel.Progress, error) {
	return s.world.progress, s.creation(c)
}

func (s *shelf) Find(_ context.Context, c panel.Creation) (panel.Account, error) {
	return s.world.account, s.creation(c)
}

func (s *shelf) State(_ context.Context, r panel.Ref) (panel.Account, error) {
	was, notes := about(r)
	return s.world.account, s.note(notes, was)
}

func (s *shelf) Suspend(_ context.Context, op sdk.Op, r panel.Ref, reason string) (panel.Progress, error) {
	return s.change(op, r, reason)
}

func (s *shelf) Unsuspend(_ context.Context, op sdk.Op, r panel.Ref) (panel.Progress, error) {
	return s.change(op, r)
}

func (s *shelf) Terminate(_ context.Context, op sdk.Op, r panel.Ref) (panel.Progress, error) {
	return s.change(op, r)
}

func (s *shelf) Resize(_ context.Context, op sdk.Op, r panel.Ref, product, checkout form.Values) (panel.Progress, error) {
	return s.change(op, r, product, checkout)
}

func (s *shelf) ResetPassword(_ context.Context, op sdk.Op, r panel.Ref, want secret.Value) (panel.Progress, error) {
	return s.change(op, r, want)
}

func (s *shelf) Power(_ context.Context, op sdk.Op, r panel.Ref, a panel.PowerAction) (panel.Progress, error) {
	return s.change(op, r, a)
}

func (s *shelf) Reinstall(_ context.Context, op sdk.Op, r panel.Ref, checkout form.Values, want secret.Value) (panel.Progress, error) {
	return s.change(op, r, checkout, want)
}

func (s *shelf) Login(_ context.Context, r panel.Ref, staff bool) (sdk.Link, error) {
	was, notes := about(r)
	return s.world.link, s.note(notes, was, staff)
}

func (s *shelf) Usage(_ context.Context, refs []panel.Ref) (map[string][]panel.Meter, error) {
	return s.world.meters, s.note(nil, refs)
}

func (s *shelf) Accounts(context.Context) iter.Seq2[panel.Account, error] {
	return func(yield func(panel.Account, error) bool) {
		for _, a := range s.world.accounts {
			if !yield(a, nil) {
				return
			}
		}
		if s.world.breaks != nil {
			yield(panel.Account{}, s.world.breaks)
		}
	}
}

func (s *shelf) Stock(_ context.Context, product form.Values) (int, error) {
	return s.world.free, s.note(nil, product)
}

func (s *shelf) Choices(_ context.Context, q form.Question) ([]form.Choice, error) {
	return s.world.choices, s.note(nil, q)
}

func serve(t *testing.T, w *world) panel.Client {
	t.Helper()
	open := func(sdk.Env, noSettings) (*shelf, error) { return &shelf{w}, nil }
	p, err := host.Local(sdk.Plugin{Name: "shelf", Title: "Shelf", Version: "1.0.0", Type: panel.Type(open)}, host.World{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return panel.NewClient(p.Instance("rack", form.Values{}))
}

// same compares what came over the wire with what was meant.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s\n  have %+v\n  want %+v", what, got, want)
	}
}

func noted(t *testing.T, r panel.Ref) {
	t.Helper()
	for _, n := range []sdk.Notes{r.Notes, r.Customer.Notes} {
		same(t, "notes come back whole, and only what was noted last", n, sdk.Notes{"noted": "here"})
	}
}

// changes are all methods that change something, with everything they are asked filled in.
func changes(t *testing.T, c panel.Client) map[string]func(context.Context, panel.Ref) (panel.Progress, []any, error) {
	op, values, other := fill[sdk.Op](t), fill[form.Values](t), form.Values{"other": {"value"}}
	return map[string]func(context.Context, panel.Ref) (panel.Progress, []any, error){
		"Create": func(ctx context.Context, r panel.Ref) (panel.Progress, []any, error) {
			n := fill[panel.Creation](t)
			n.Ref = r
			was, _ := about(r)
			asked := n
			asked.Ref = was
			p, err := c.Create(ctx, n)
			return p, []any{asked}, err
		},
		"Suspend": func(ctx context.Context, r panel.Ref) (panel.Progress, []any, error) {
			was, _ := about(r)
			p, err := c.Suspend(ctx, op, r, "late")
			return p, []any{op, was, "late"}, err
		},
		"Unsuspend": func(ctx context.Context, r panel.Ref) (panel.Progress, []any, error) {
			was, _ := about(r)
			p, err := c.Unsuspend(ctx, op, r)
			return p, []any{op, was}, err
		},
		"Terminate": func(ctx context.Context, r panel.Ref) (panel.Progress, []any, error) {
			was, _ := about(r)
			p, err := c.Terminate(ctx, op, r)
			return p, []any{op, was}, err
		},
		"Resize": func(ctx context.Context, r panel.Ref) (panel.Progress, []any, error) {
			was, _ := about(r)
			p, err := c.Resize(ctx, op, r, values, other)
			return p, []any{op, was, values, other}, err
		},
		"ResetPassword": func(ctx context.Context, r panel.Ref) (panel.Progress, []any, error) {
			was, _ := about(r)
			p, err := c.ResetPassword(ctx, op, r, secret.New("wanted"))
			return p, []any{op, was, secret.New("wanted")}, err
		},
		"Power": func(ctx context.Context, r panel.Ref) (panel.Progress, []any, error) {
			was, _ := about(r)
			p, err := c.Power(ctx, op, r, panel.Kill)
			return p, []any{op, was, panel.Kill}, err
		},
		"Reinstall": func(ctx context.Context, r panel.Ref) (panel.Progress, []any, error) {
			was, _ := about(r)
			p, err := c.Reinstall(ctx, op, r, values, secret.New("wanted"))
			return p, []any{op, was, values, secret.New("wanted")}, err
		},
	}
}

func TestEveryFieldOfAChangeTravels(t *testing.T) {
	w := &world{progress: fill[panel.Progress](t)}
	for name, call := range changes(t, serve(t, w)) {
		t.Run(name, func(t *testing.T) {
			r := fill[panel.Ref](t)
			p, asked, err := call(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "asked", w.asked, asked)
			same(t, "answer", p, w.progress)
			noted(t, r)
		})
	}
}

func TestEveryFieldOfAReadTravels(t *testing.T) {
	w := &world{
		account: fill[panel.Account](t), link: fill[sdk.Link](t), meters: fill[map[string][]panel.Meter](t),
		choices: fill[[]form.Choice](t), free: -7, accounts: []panel.Account{fill[panel.Account](t), {ID: "bare", Notes: sdk.Notes{}}},
	}
	c, ctx := serve(t, w), t.Context()
	t.Run("Find", func(t *testing.T) {
		n := fill[panel.Creation](t)
		a, err := c.Find(ctx, n)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "asked", w.asked, []any{fill[panel.Creation](t)})
		same(t, "answer", a, w.account)
		noted(t, n.Ref)
	})
	t.Run("State", func(t *testing.T) {
		r := fill[panel.Ref](t)
		a, err := c.State(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "asked", w.asked, []any{fill[panel.Ref](t)})
		same(t, "answer", a, w.account)
		noted(t, r)
	})
	t.Run("Login", func(t *testing.T) {
		r := fill[panel.Ref](t)
		link, err := c.Login(ctx, r, true)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "asked", w.asked, []any{fill[panel.Ref](t), true})
		same(t, "answer", link, w.link)
		noted(t, r)
	})
	t.Run("Usage", func(t *testing.T) {
		m, err := c.Usage(ctx, fill[[]panel.Ref](t))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "asked", w.asked, []any{fill[[]panel.Ref](t)})
		same(t, "answer", m, w.meters)
	})
	t.Run("Stock", func(t *testing.T) {
		free, err := c.Stock(ctx, fill[form.Values](t))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "asked", w.asked, []any{fill[form.Values](t)})
		same(t, "answer", free, -7)
	})
	t.Run("Choices", func(t *testing.T) {
		list, err := c.Choices(ctx, fill[form.Question](t))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "asked", w.asked, []any{fill[form.Question](t)})
		same(t, "answer", list, w.choices)
	})
	t.Run("Accounts", func(t *testing.T) {
		list, err := walk(c.Accounts(ctx))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "answer", list, w.accounts)
	})
}

func walk(all iter.Seq2[panel.Account, error]) (list []panel.Account, err error) {
	for a, err := range all {
		if err != nil {
			return list, err
		}
		list = append(list, a)
	}
	return list, nil
}

func TestAuthorsWriteIntoNotesThatTheHostLeftOut(t *testing.T) {
	w := &world{}
	if _, err := serve(t, w).Create(t.Context(), panel.Creation{}); err != nil {
		t.Fatal(err)
	}
	if c := w.asked[0].(panel.Creation); c.Notes == nil || c.Customer.Notes == nil || c.Product == nil {
		t.Errorf("an author met nil: %+v", c)
	}
}

func TestAWalk(t *testing.T) {
	many := make([]panel.Account, 1234) // more than two pages
	for i := range many {
		many[i] = panel.Account{ID: fmt.Sprint(i), Notes: sdk.Notes{}}
	}
	tests := []struct {
		name  string
		world world
		want  fault.Kind
	}{
		{name: "of nothing ends well", world: world{}},
		{name: "of several pages ends well", world: world{accounts: many}},
		{name: "of exactly a page ends well", world: world{accounts: many[:500]}},
		{name: "that breaks after whole pages says so", world: world{accounts: many[:1000], breaks: fault.New(fault.Unavailable, "page_3", "")}, want: fault.Unavailable},
		{name: "that breaks within a page says so", world: world{accounts: many[:7], breaks: fault.New(fault.Forbidden, "no_right", "")}, want: fault.Forbidden},
		{name: "that breaks at once says so", world: world{breaks: errors.New("nobody classified this")}, want: fault.Internal},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list, err := walk(serve(t, &tt.world).Accounts(t.Context()))
			if kind := fault.KindOf(err); kind != tt.want {
				t.Errorf("have %q (%v), want %q", kind, err, tt.want)
			}
			if err == nil && len(list) != len(tt.world.accounts) {
				t.Errorf("have %d accounts, want %d", len(list), len(tt.world.accounts))
			}
		})
	}
	t.Run("may be left early", func(t *testing.T) {
		seen := 0
		for _, err := range serve(t, &world{accounts: many}).Accounts(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if seen++; seen == 3 {
				break
			}
		}
		if seen != 3 {
			t.Errorf("went on to %d", seen)
		}
	})
}

// dying is a panel whose program is killed in the middle of a walk.
type dying struct {
	shelf
	kill func()
}

func (d *dying) Accounts(ctx context.Context) iter.Seq2[panel.Account, error] {
	return func(yield func(panel.Account, error) bool) {
		for range 600 { // the first page is sent
			if !yield(panel.Account{ID: "1"}, nil) {
				return
			}
		}
		d.kill()
		<-ctx.Done()
	}
}

func TestAWalkWhosePluginDiesIsNotComplete(t *testing.T) {
	var p *host.Loopback
	open := func(sdk.Env, noSettings) (*dying, error) {
		return &dying{shelf{&world{}}, func() { go p.Kill() }}, nil
	}
	p, err := host.Local(sdk.Plugin{Name: "dying", Title: "Dying", Version: "1.0.0", Type: panel.Type(open)}, host.World{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	list, err := walk(panel.NewClient(p.Instance("rack", form.Values{})).Accounts(t.Context()))
	if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("have %v after %d accounts, want unavailable", err, len(list))
	}
}

func TestWhatAnErrorLeavesOpen(t *testing.T) {
	w := &world{}
	c := serve(t, w)
	for name, call := range changes(t, c) {
		t.Run(name+" may have been done", func(t *testing.T) {
			r := fill[panel.Ref](t)
			w.err = errors.New("nobody classified this")
			if _, _, err := call(t.Context(), r); fault.KindOf(err) != fault.Unknown {
				t.Errorf("have %v, want unknown", err)
			}
			noted(t, r)
			w.err = fault.New(fault.Declined, "out_of_stock", "Sold out.").On("package").Retry(time.Minute)
			_, _, err := call(t.Context(), r)
			f := fault.Of(err)
			if f == nil || f.Kind != fault.Declined || f.Code != "out_of_stock" || f.Text != "Sold out." || f.Field != "package" || f.After != time.Minute {
				t.Errorf("its own fault became %+v", f)
			}
		})
	}
	w.err = errors.New("nobody classified this")
	for name, call := range map[string]func() error{
		"Find":  func() error { _, err := c.Find(t.Context(), panel.Creation{}); return err },
		"State": func() error { _, err := c.State(t.Context(), panel.Ref{}); return err },
		"Login": func() error { _, err := c.Login(t.Context(), panel.Ref{}, false); return err },
		"Usage": func() error { _, err := c.Usage(t.Context(), nil); return err },
		"Stock": func() error { _, err := c.Stock(t.Context(), nil); return err },
	} {
		t.Run(name+" changed nothing", func(t *testing.T) {
			if err := call(); fault.KindOf(err) != fault.Internal {
				t.Errorf("have %v, want internal", err)
			}
		})
	}
}

// plain has no powers.
type plain struct{ panel.Panel }

func TestOnlyAnnouncedPowersCount(t *testing.T) {
	all := serve(t, &world{})
	open := func(sdk.Env, noSettings) (*plain, error) { return &plain{&shelf{&world{}}}, nil }
	p, err := host.Local(sdk.Plugin{Name: "plain", Title: "Plain", Version: "1.0.0", Type: panel.Type(open)}, host.World{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	none := panel.NewClient(p.Instance("rack", form.Values{}))
	for name, has := range map[string]func(any) bool{
		"Resizer":          is[panel.Resizer],
		"PasswordResetter": is[panel.PasswordResetter],
		"PowerSwitch":      is[panel.PowerSwitch],
		"Reinstaller":      is[panel.Reinstaller],
		"LoginLinker":      is[panel.LoginLinker],
		"UsageReader":      is[panel.UsageReader],
		"Lister":           is[panel.Lister],
		"StockKeeper":      is[panel.StockKeeper],
		"Chooser":          is[form.Chooser],
	} {
		if !has(all) || has(none) {
			t.Errorf("%s: of all %t, of none %t", name, has(all), has(none))
		}
	}
	if !is[panel.Panel](none) {
		t.Error("a panel is no panel")
	}
	if _, err := none.Stock(t.Context(), nil); fault.KindOf(err) != fault.Unsupported {
		t.Errorf("a power it has not: %v", err)
	}
}

func is[T any](v any) bool { _, ok := sdk.As[T](v); return ok }
