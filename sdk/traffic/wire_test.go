package traffic_test

import (
	"context"
	"errors"
	"iter"
	"net/netip"
	"testing"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/host"
	"github.com/ezscale/bursar/sdk/internal/fill"
	"github.com/ezscale/bursar/sdk/traffic"
)

// world is what a meter was asked and what it answers.
type world struct {
	asked         traffic.Query
	samples       []traffic.Sample
	breaks        error // of the walk, after samples
	from, settled time.Time
	paused        chan struct{} // told after samples, if set; then the walk hangs until its context ends
}

type meter struct{ world *world }

type noSettings struct{}

func (*noSettings) Form() form.Form { return nil }

func (m *meter) Check(context.Context) (sdk.Report, error) { return sdk.Report{}, nil }

func (m *meter) Kept(context.Context) (from, settled time.Time, err error) {
	return m.world.from, m.world.settled, m.world.breaks
}

func (m *meter) Samples(ctx context.Context, q traffic.Query) iter.Seq2[traffic.Sample, error] {
	m.world.asked = q
	return func(yield func(traffic.Sample, error) bool) {
		for _, s := range m.world.samples {
			if !yield(s, nil) {
				return
			}
		}
		if m.world.paused != nil {
			m.world.paused <- struct{}{}
			<-ctx.Done()
			yield(traffic.Sample{}, ctx.Err())
			return
		}
		if m.world.breaks != nil {
			yield(traffic.Sample{}, m.world.breaks)
		}
	}
}

func serve(t *testing.T, w *world) (traffic.Client, *host.Loopback) {
	t.Helper()
	open := func(sdk.Env, noSettings) (*meter, error) { return &meter{w}, nil }
	p, err := host.Local(sdk.Plugin{Name: "meter", Title: "Meter", Version: "1.0.0", Type: traffic.Type(open)}, host.World{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return traffic.NewClient(p.Instance("edge", form.Values{})), p
}

func walk(all iter.Seq2[traffic.Sample, error]) (list []traffic.Sample, err error) {
	for s, err := range all {
		if err != nil {
			return list, err
		}
		list = append(list, s)
	}
	return list, nil
}

// many are n samples, each of its own prefix and bytes.
func many(n int) []traffic.Sample {
	list := make([]traffic.Sample, n)
	for i := range list {
		address := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		list[i] = traffic.Sample{Prefix: netip.PrefixFrom(address, 32), At: time.Unix(int64(i+1), 0).UTC(), InBytes: int64(i) << 33, OutBytes: 1}
	}
	return list
}

func TestEveryFieldTravels(t *testing.T) {
	w := &world{samples: fill.New[[]traffic.Sample](t), from: time.UnixMicro(1).UTC(), settled: time.UnixMicro(2).UTC()}
	w.samples = append(w.samples, traffic.Sample{Prefix: netip.MustParsePrefix("2001:db8::/56"), InBytes: 1 << 60})
	c, _ := serve(t, w)
	list, err := walk(c.Samples(t.Context(), fill.New[traffic.Query](t)))
	if err != nil {
		t.Fatal(err)
	}
	fill.Same(t, "asked", w.asked, fill.New[traffic.Query](t))
	fill.Same(t, "answer", list, w.samples)
	from, settled, err := c.Kept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	fill.Same(t, "kept", []time.Time{from, settled}, []time.Time{w.from, w.settled})
}

func TestAWalk(t *testing.T) {
	samples := many(4321) // more than two pages
	gone := fault.New(fault.NotFound, "no_index", "")
	tests := []struct {
		name  string
		world world
		want  fault.Kind
	}{
		{name: "of nothing ends well", world: world{}},
		{name: "of exactly a page ends well", world: world{samples: samples[:2000]}},
		{name: "of several pages ends well", world: world{samples: samples}},
		{name: "that breaks at once says so", world: world{breaks: gone}, want: fault.NotFound},
		{name: "that breaks within the first page says so", world: world{samples: samples[:5], breaks: gone}, want: fault.NotFound},
		{name: "that breaks after whole pages says so", world: world{samples: samples[:4000], breaks: gone}, want: fault.NotFound},
		{name: "that breaks within a later page says so", world: world{samples: samples, breaks: gone}, want: fault.NotFound},
		{name: "that nobody classified is a bug", world: world{samples: samples, breaks: errors.New("?")}, want: fault.Internal},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := serve(t, &tt.world)
			list, err := walk(c.Samples(t.Context(), traffic.Query{}))
			if kind := fault.KindOf(err); kind != tt.want {
				t.Errorf("want %q, have %v", tt.want, err)
			}
			if err == nil {
				fill.Same(t, "samples", len(list), len(tt.world.samples))
			}
			for i, s := range list {
				if s != tt.world.samples[i] {
					t.Fatalf("sample %d: want %v, have %v", i, tt.world.samples[i], s)
				}
			}
		})
	}
	t.Run("whose plugin dies in the middle is no whole one", func(t *testing.T) {
		w := &world{samples: samples, paused: make(chan struct{})}
		c, plugin := serve(t, w)
		go func() {
			<-w.paused
			plugin.Kill()
		}()
		list, err := walk(c.Samples(t.Context(), traffic.Query{}))
		if fault.KindOf(err) != fault.Unavailable || len(list) > len(samples) {
			t.Errorf("%d samples, %v", len(list), err)
		}
	})
	t.Run("that is given up in the middle is no whole one", func(t *testing.T) {
		w := &world{samples: samples, paused: make(chan struct{})}
		c, _ := serve(t, w)
		ctx, stop := context.WithCancel(t.Context())
		go func() {
			<-w.paused
			stop()
		}()
		if _, err := walk(c.Samples(ctx, traffic.Query{})); fault.KindOf(err) != fault.Unavailable {
			t.Error(err)
		}
	})
	t.Run("whose next page does not come in time is no whole one", func(t *testing.T) {
		w := &world{samples: samples, paused: make(chan struct{}, 1)}
		c, _ := serve(t, w)
		c.Deadline = func(string, time.Duration) time.Duration { return 50 * time.Millisecond }
		if _, err := walk(c.Samples(t.Context(), traffic.Query{})); fault.KindOf(err) != fault.Unavailable {
			t.Error(err)
		}
	})
	t.Run("may be left early", func(t *testing.T) {
		c, _ := serve(t, &world{samples: samples})
		seen := 0
		for _, err := range c.Samples(t.Context(), traffic.Query{}) {
			if err != nil {
				t.Fatal(err)
			}
			if seen++; seen == 2500 {
				break
			}
		}
	})
}

func TestAQueryHasAtMostFiveThousandPrefixes(t *testing.T) {
	c, _ := serve(t, &world{})
	q := traffic.Query{Prefixes: make([]netip.Prefix, traffic.MaxPrefixes)}
	for i := range q.Prefixes {
		q.Prefixes[i] = netip.MustParsePrefix("192.0.2.1/32")
	}
	if _, err := walk(c.Samples(t.Context(), q)); err != nil {
		t.Error(err)
	}
	q.Prefixes = append(q.Prefixes, q.Prefixes[0])
	if _, err := walk(c.Samples(t.Context(), q)); fault.KindOf(err) != fault.Invalid {
		t.Errorf("one more: %v", err)
	}
}

func TestASourceThatDoesNotKnowWhatItHasSaysSo(t *testing.T) {
	c, _ := serve(t, &world{breaks: fault.New(fault.Unavailable, "no_answer", "")})
	if _, _, err := c.Kept(t.Context()); fault.KindOf(err) != fault.Unavailable {
		t.Error(err)
	}
}
