package notifiertest_test

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/notifier/notifiertest"
	"github.com/ezscale/bursar/sdk/sim"
)

func suite(bug string) notifiertest.Suite {
	return notifiertest.Suite{
		Plugin: acme(bug), Sim: acmeSim,
		Settings: func(url string) form.Values { return form.Values{"url": {url}, "token": {acmeToken}} },
		Subscribe: func(s *sim.Sim, hook string) (form.Values, error) {
			return form.Values{"sign": {acmeSign}}, s.Act(sim.Act{Do: "subscribe", ID: hook})
		},
	}
}

func TestAGoodPluginPasses(t *testing.T) { notifiertest.Run(t, suite("")) }

// bugVariable says which bug a copy of this test program runs the suite with.
const bugVariable = "NOTIFIERTEST_BUG"

func TestAcme(t *testing.T) {
	bug := os.Getenv(bugVariable)
	if bug == "" {
		t.Skip("is run by TestABadPluginFails, as a program of its own")
	}
	notifiertest.Run(t, suite(bug))
}

func TestABadPluginFails(t *testing.T) {
	tests := []struct{ name, bug, says string }{
		{"that takes doubt for success", "optimist", "--- FAIL: TestAcme/html_half_garbage_and_huge_answers_are_faults_and_no_panics"},
		{"that does not find what was taken", "forgetful", "--- FAIL: TestAcme/cut_anywhere_there_is_one_message_at_most"},
		{"that believes any webhook", "trusting", "--- FAIL: TestAcme/a_forged_stale_future_and_edited_webhook_is_Forbidden"},
		{"that lets line breaks into headers", "injector", "--- FAIL: TestAcme/a_line_break_in_a_name_adds_no_header"},
		{"that calls everybody", "shouter", "--- FAIL: TestAcme/nobody_is_mentioned_and_nothing_is_formatted"},
		{"that cuts nothing", "endless", "--- FAIL: TestAcme/too_long_is_cut"},
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
			if !strings.Contains(string(out), tt.says) {
				t.Errorf("the suite does not say %q:\n%s", tt.says, out)
			}
		})
	}
}
