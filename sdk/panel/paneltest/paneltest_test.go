package paneltest_test

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/panel/paneltest"
)

func suite(bug string) paneltest.Suite {
	return paneltest.Suite{
		Plugin: acme(bug), Sim: acmeSim,
		Settings: func(address string) form.Values { return form.Values{"url": {address}, "token": {acmeToken}} },
		Product:  form.Values{"package": {"small"}}, Plan: map[string]string{"package": "small"},
	}
}

func TestAGoodPluginPasses(t *testing.T) { paneltest.Run(t, suite("")) }

// bugVariable says which bug a copy of this test program runs the suite with.
const bugVariable = "PANELTEST_BUG"

func TestAcme(t *testing.T) {
	bug := os.Getenv(bugVariable)
	if bug == "" {
		t.Skip("is run by TestABadPluginFails, as a program of its own")
	}
	t.Chdir(t.TempDir()) // what fails is written there
	paneltest.Run(t, suite(bug))
}

func TestABadPluginFails(t *testing.T) {
	tests := []struct {
		name, bug string
		says      []string
	}{
		{"that does not look before it makes another", "blind", []string{
			"--- FAIL: TestAcme/a_create_is_cut/after_its_2nd_change", "Change 2 of 3 was done, its answer lost. Create was called",
			"want  1 active account for sub_1 of 1 customer", "Create must look for what an unanswered call left behind", "again: go test -run '^TestAcme/a_create_is_cut/after_its_2nd_change$' -v", "testdata/fail/",
			"--- FAIL: TestAcme/a_create_whose_answer_the_host_forgets",
		}},
		{"that makes two changes in one call", "hasty", []string{"made 2 changes at the vendor, PUT /v1/users/by-ref/1042 and POST /v1/servers"}},
		{"that takes any 404 for the end", "believer", []string{"--- FAIL: TestAcme/a_404_of_a_wrong_base_path_is_not_NotFound"}},
		{"that takes what is another's", "greedy", []string{"--- FAIL: TestAcme/somebody_else's_account_is_not_taken_up", "--- FAIL: TestAcme/two_candidates_are_Unknown"}},
		{"that notes a secret", "talker", []string{"a note holds a secret", "<the secret>"}},
		{"that believes any answer", "optimist", []string{"--- FAIL: TestAcme/a_later_change_is_cut/Suspend,_by_a_page_of_HTML_instead_of_its_1st_change"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			run := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAcme$")
			run.Env = append(os.Environ(), bugVariable+"="+tt.bug)
			out, err := run.CombinedOutput()
			var failed *exec.ExitError
			if !errors.As(err, &failed) {
				t.Fatalf("the suite did not fail: %v\n%s", err, out)
			}
			for _, text := range tt.says {
				if !strings.Contains(string(out), text) {
					t.Errorf("the suite does not say %q:\n%s", text, out)
				}
			}
		})
	}
}

// operate calls a Fake's Create until it is done.
func operate(t *testing.T, f *paneltest.Fake, c panel.Creation) (panel.Progress, int) {
	t.Helper()
	for calls := 1; calls < 50; calls++ {
		p, err := f.Create(t.Context(), c)
		if err == nil && p.Done {
			return p, calls
		}
	}
	t.Fatal("it was never done")
	return panel.Progress{}, 0
}

func creation(service, op string) panel.Creation {
	return panel.Creation{
		Op: sdk.Op{ID: op}, Ref: panel.Ref{Service: service, Notes: sdk.Notes{}, Customer: sdk.Customer{Notes: sdk.Notes{}}}, Product: form.Values{"package": {"small"}},
	}
}

func TestTheFake(t *testing.T) {
	t.Run("makes one account under one op, however often it is asked", func(t *testing.T) {
		f := &paneltest.Fake{Waits: 2, After: time.Minute}
		c := creation("sub_1", "op_1")
		if _, calls := operate(t, f, c); calls != 3 {
			t.Errorf("have %d calls, want 3", calls)
		}
		operate(t, f, c)
		if n := f.Journal(); len(n) != 1 || n[0] != (paneltest.Entry{Method: "Create", Op: "op_1", Service: "sub_1"}) {
			t.Errorf("have %v", n)
		}
	})
	t.Run("does nothing when it fails and all when its answer is lost", func(t *testing.T) {
		f := new(paneltest.Fake)
		unknown := fault.New(fault.Unknown, "no_answer", "")
		f.Fail("Create", unknown)
		if _, err := f.Create(t.Context(), creation("sub_1", "op_1")); !errors.Is(err, unknown) {
			t.Errorf("have %v", err)
		}
		if _, err := f.Find(t.Context(), creation("sub_1", "op_1")); fault.KindOf(err) != fault.NotFound {
			t.Errorf("have %v", err)
		}
		f.Lose("Create", unknown)
		if _, err := f.Create(t.Context(), creation("sub_1", "op_1")); !errors.Is(err, unknown) {
			t.Errorf("have %v", err)
		}
		if a, err := f.Find(t.Context(), creation("sub_1", "op_1")); err != nil || a.ID == "" {
			t.Errorf("have %v, %v", a, err)
		}
	})
	t.Run("lives as an account does", func(t *testing.T) {
		f := new(paneltest.Fake)
		c := creation("sub_1", "op_1")
		operate(t, f, c)
		op := sdk.Op{ID: "op_2"}
		for range 2 {
			if p, err := f.Suspend(t.Context(), op, c.Ref, "unpaid"); err != nil || !p.Done {
				t.Fatal(err)
			}
		}
		if a, _ := f.Account("sub_1"); a.Status != panel.Suspended {
			t.Errorf("have %+v", a)
		}
		for range 2 {
			if p, err := f.Terminate(t.Context(), sdk.Op{ID: "op_3"}, c.Ref); err != nil || !p.Done {
				t.Fatal(err)
			}
		}
		if _, err := f.State(t.Context(), c.Ref); fault.KindOf(err) != fault.NotFound {
			t.Errorf("have %v", err)
		}
		if n := f.Journal(); len(n) != 3 {
			t.Errorf("have %v", n)
		}
	})
	t.Run("has the powers that it is given", func(t *testing.T) {
		if _, ok := sdk.As[panel.Resizer](new(paneltest.Fake)); !ok {
			t.Error("the zero one has not all")
		}
		f := &paneltest.Fake{Powers: []string{"PowerSwitch"}}
		_, power := sdk.As[panel.PowerSwitch](f)
		_, resize := sdk.As[panel.Resizer](f)
		_, is := sdk.As[panel.Panel](f)
		if !power || resize || !is {
			t.Errorf("have %t %t %t", power, resize, is)
		}
	})
	t.Run("may be used by many", func(t *testing.T) {
		f := new(paneltest.Fake)
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { operate(t, f, creation("sub_1", "op_1")) })
		}
		all.Wait()
		if n := len(f.Journal()); n != 1 {
			t.Errorf("have %d changes", n)
		}
	})
}
