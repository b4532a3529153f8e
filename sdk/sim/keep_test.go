package sim

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

type owner struct {
	name string
	has  []*thing
}

type thing struct {
	id    int64
	of    *owner
	made  time.Time
	at    netip.Addr
	used  map[int]int64
	body  []byte
	pause time.Duration
}

type bag map[string]any

// store is a vendor with a memory of every shape that vendors have.
type store struct {
	mu     sync.Mutex
	owners []*owner
	byID   map[int64]*thing
	values map[string]struct{ a, b string }
	bags   []bag
	things map[string]map[string]any
	last   any
	count  int64
	woken  bool
}

func (s *store) sim() *Sim {
	return New(Vendor{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.count++
			w.WriteHeader(http.StatusCreated)
		}),
		State: func() State {
			s.mu.Lock()
			defer s.mu.Unlock()
			return State{Things: map[string]int{"thing": int(s.count)}}
		},
		Act: func(Act) error { s.mu.Lock(); defer s.mu.Unlock(); s.count += 100; return nil },
		Memory: func() (sync.Locker, map[string]any) {
			return &s.mu, map[string]any{
				"owners": &s.owners, "byID": &s.byID, "values": &s.values, "bags": &s.bags, "things": &s.things, "last": &s.last, "count": &s.count,
			}
		},
		Woken: func() { s.woken = true },
	})
}

func TestAMemoryIsTheSameInAnotherProcess(t *testing.T) {
	jane := &owner{name: "Jane"}
	one := &thing{id: 1 << 60, of: jane, made: time.Date(2027, 1, 31, 9, 0, 0, 1000, time.UTC), at: netip.MustParseAddr("2001:db8::1"), used: map[int]int64{-1: 5},
		body: []byte{0xff, 0}, pause: time.Minute}
	jane.has = []*thing{one, nil}
	meta := map[string]string{"op": "op_1"}
	before := &store{
		owners: []*owner{jane, {name: "Ann"}}, byID: map[int64]*thing{one.id: one}, values: map[string]struct{ a, b string }{"x": {"1", "<2>"}},
		bags:   []bag{{"n": int64(7), "i": 7, "f": 0.5, "t": true, "number": json.Number("0.10"), "at": time.Date(2027, 1, 31, 9, 0, 0, 0, time.UTC), "none": nil, "list": []any{"a", int64(1)}, "texts": []string{"a"}, "maps": []map[string]any{{"k": "v"}}}},
		things: map[string]map[string]any{"pi_1": {"metadata": meta, "amount": int64(1999)}, "ch_1": {"metadata": meta}}, last: map[string]any{"deep": map[string]any{}}, count: 3,
	}
	file := filepath.Join(t.TempDir(), "store.json")
	if err := before.sim().KeepIn(file); err != nil {
		t.Fatal(err)
	}
	after := &store{}
	if err := after.sim().KeepIn(file); err != nil {
		t.Fatal(err)
	}
	if !after.woken {
		t.Error("nobody was woken")
	}
	after.woken = false
	if !reflect.DeepEqual(before, after) {
		t.Errorf("have %+v", after)
	}
	if got := after.owners[0].has[0]; got.of != after.owners[0] || after.byID[one.id] != got {
		t.Error("what was one thing is two")
	}
	after.things["pi_1"]["metadata"].(map[string]string)["op"] = "op_2"
	if after.things["ch_1"]["metadata"].(map[string]string)["op"] != "op_2" {
		t.Error("a map that was shared is two")
	}
}

func TestEachChangeIsKeptBeforeItIsAnswered(t *testing.T) {
	file := filepath.Join(t.TempDir(), "store.json")
	first := (&store{}).sim()
	if err := first.KeepIn(file); err != nil {
		t.Fatal(err)
	}
	kept := func() int {
		t.Helper()
		s := (&store{}).sim()
		copied := filepath.Join(t.TempDir(), "copy.json")
		text, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(copied, text, 0o600)
		}
		if err == nil {
			err = s.KeepIn(copied)
		}
		if err != nil {
			t.Fatal(err)
		}
		return s.State().Things["thing"]
	}
	send := func(method, path, body string) {
		first.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, path, strings.NewReader(body)))
	}
	send("POST", "/things", "")
	if n := kept(); n != 1 {
		t.Errorf("after a change: %d", n)
	}
	if err := first.Faults(Fault{Do: "cut-after"}); err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() { _ = recover() }() // the connection breaks
		send("POST", "/things", "")
	}()
	if n := kept(); n != 2 {
		t.Errorf("after an answer that was lost: %d", n)
	}
	send("POST", "/_sim/act", `{"do":"anything"}`)
	if n := kept(); n != 102 {
		t.Errorf("after an act: %d", n)
	}
	send("POST", "/_sim/clock", `{"add":"48h"}`)
	second := (&store{}).sim()
	if err := second.KeepIn(file); err != nil {
		t.Fatal(err)
	}
	if ahead := time.Until(second.Now()); ahead < 47*time.Hour {
		t.Errorf("its clock is %v ahead", ahead)
	}
}

func TestAFileThatIsOfNoUseIsNotOverwritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "store.json")
	for _, text := range []string{"{", `{"memory":{"count":"many"}}`, `{"memory":{"owners":[{"n":1}]}}`, `{"memory":{"byID":{"n":1,"v":5}}}`} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := (&store{}).sim().KeepIn(file); err == nil {
			t.Errorf("%s was taken", text)
		}
		if now, _ := os.ReadFile(file); string(now) != text {
			t.Errorf("%s became %s", text, now)
		}
	}
}
