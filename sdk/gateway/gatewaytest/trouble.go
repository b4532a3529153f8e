package gatewaytest

import (
	"fmt"
	"time"

	"github.com/ezscale/bursar/sdk/sim"
)

// changesMost is more than any call of any gateway makes.
const changesMost = 30

// trouble runs a story again and again, each time in a new world with one thing that goes wrong: the answer to the n-th
// change at the vendor is lost, before or after it was done, or done late; the same with the plugin killed before each
// call; and the host forgets the n-th answer. What prepare does goes well. It ends when there is no n-th any more.
func (b *bench) trouble(prepare, story func(*bench)) {
	b.Helper()
	runs := 0
	for _, do := range []string{"cut-before", "cut-after", "late:20ms", "half", "status:503:2"} {
		for _, kill := range []bool{false, true} {
			for n := 1; ; n++ {
				w := newBench(b.TB, b.suite)
				prepare(w)
				w.lost = &loss{kill: kill}
				if err := w.sim.Faults(sim.Fault{Method: "change", Nth: n, Times: 1, Do: do}); err != nil {
					b.Fatal(err)
				}
				story(w)
				if runs++; len(w.sim.FaultsLeft()) > 0 {
					break
				}
				if n > changesMost {
					b.fail("More than %d changes at the vendor", changesMost)
				}
			}
		}
	}
	if runs == 10 {
		b.fail("The story changes nothing at the vendor, so there is nothing to lose")
	}
	for n := 1; ; n++ {
		w := newBench(b.TB, b.suite)
		prepare(w)
		w.lost = &loss{kill: n%2 == 0, forget: n}
		story(w)
		if w.lost.calls < n {
			return
		}
	}
}

// settled waits until what was to happen late has happened.
func (b *bench) settled() {
	b.Helper()
	end := time.Now().Add(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		late := ""
		for _, r := range b.sim.Requests() {
			if r.Fault == "late:20ms" && r.Status == 0 {
				late = fmt.Sprintf("%s %s", r.Method, r.Path)
			}
		}
		if late == "" {
			return
		}
		if time.Now().After(end) {
			b.fail("%s was never done", late)
		}
		<-tick.C
	}
}
