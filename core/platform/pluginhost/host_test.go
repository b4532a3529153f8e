package pluginhost

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/panel"
)

func TestAClientGoesOnWhenItsPluginIsKilled(t *testing.T) {
	at := newSite(t)
	at.config(block("one", at.install("one")) + block("two", at.install("two")))
	h := at.start(dbtest.SQLite(t), clock.System{})
	p, err := h.Panel("one")
	if err != nil {
		t.Fatal(err)
	}
	before, err := p.State(t.Context(), panel.Ref{})
	if err != nil {
		t.Fatal(err)
	}
	for range 6 { // more often than it may fail by itself
		pid := h.Status()[0].PID
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a new process", func() bool { s := h.Status()[0]; return s.State == Healthy && s.PID != pid })
	}
	after, err := p.State(t.Context(), panel.Ref{})
	if err != nil || after.ID == before.ID {
		t.Errorf("after the kills: %v, process %s, before %s", err, after.ID, before.ID)
	}
	s := h.Status()
	if s[0].Restarts != 6 || s[1].Restarts != 0 || s[0].LastError != "" {
		t.Errorf("restarts %d and %d, last error %q", s[0].Restarts, s[1].Restarts, s[0].LastError)
	}
	if c := s[0].Calls; len(c) != 1 || c[0].Method != "State" || c[0].Count < 2 || c[0].P99 == 0 {
		t.Errorf("calls %+v", c)
	}
}

func TestACallUnderWayWhenItsPluginDiesIsDoubt(t *testing.T) {
	at := newSite(t)
	at.config(block("one", at.install("one")))
	h := at.start(dbtest.SQLite(t), clock.System{})
	_, err := create(t.Context(), h, "one", "dies", "")
	wantFault(t, err, fault.Unknown, "plugin_gone")
	eventually(t, "it is started again", func() bool { return h.Status()[0].Restarts == 1 })
	c, err := create(t.Context(), h, "one", "jane", "")
	if err != nil || c.Notes["pid"] == "" {
		t.Errorf("the next call: %v, notes %v", err, c.Notes)
	}
	words := func(l LogLine) bool { return strings.Contains(l.Message, "the shelf with *** fell down") }
	if log := h.Status()[0].Log; !slices.ContainsFunc(log, words) {
		t.Errorf("its last words are not in the log, or with the secret: %v", log)
	}
}

func TestAFlippedByteNeverStartsAndOthersGoOn(t *testing.T) {
	d := dbtest.SQLite(t)
	at := newSite(t)
	good, bad := at.install("good"), at.install("bad")
	path := filepath.Join(at.dir, "plugins", "panel-bad")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 1
	if err := os.WriteFile(path, text, 0o700); err != nil {
		t.Fatal(err)
	}
	at.config(block("good", good) + block("bad", bad))
	h := at.start(d, clock.System{})
	if _, err := create(t.Context(), h, "good", "jane", ""); err != nil {
		t.Errorf("the good one: %v", err)
	}
	_, err = create(t.Context(), h, "bad", "jane", "")
	wantFault(t, err, fault.Unavailable, "plugin_not_running")
	s := h.Status()[1]
	if s.State != Failed || s.PID != 0 || len(s.Problems) != 1 || !strings.HasPrefix(s.Problems[0], `plugins.hcl:8: panel "bad": checksum differs: have sha256:`) {
		t.Errorf("status %s, pid %d, %q", s.State, s.PID, s.Problems)
	}
	page, err := h.deps.Audit.List(t.Context(), audit.Filter{Action: "plugin.refused"})
	if err != nil || len(page.Rows) != 1 || page.Rows[0].Subject != "panel/bad" {
		t.Errorf("trail %+v, %v", page.Rows, err)
	}
}

func TestWhatIsWrongIsSaidLineByLine(t *testing.T) {
	at := newSite(t)
	pin := at.install("sample")
	at.install("other")
	garbage := at.write("panel-garbage", []byte("#!/bin/sh\necho hello there\nsleep 60\n"))
	at.config(`
plugin "panel" "missing" { pin = "` + pin + `" }
plugin "panel" "garbage" { pin = "` + garbage + `" }
plugin "panel" "other" { pin = "` + strings.Replace(pin, "1.0.0", "1.0.1", 1) + `" }
plugin "tax" "vies" { pin = "` + pin + `" }
plugin "panel" "sample" {
  pin      = "` + pin + `"
  settings = { timeout = "soon", token = "x" }
}
plugin "panel" "off" {
  enabled = false
  instance "away" { settings = { token = env("NOPE") } }
}
plugin "panel" "sample2" {
  pin = "` + at.install("sample2") + `"
  instance "typo"    { settings = { urll = "https://a.example.com", token = env("TOKEN") } }
  instance "unset"   { settings = { url = "https://a.example.com", token = env("NOPE") } }
  instance "literal" { settings = { url = "https://a.example.com", token = "plain" } }
  instance "scope"   { settings = { url = "https://a.example.com", token = env("TOKEN"), timeout = "3s" } }
  instance "form"    { settings = { url = "ftp://a.example.com", token = env("TOKEN") } }
}
`)
	h := at.start(nil, clock.System{})
	want := []string{
		`plugins.hcl:2: panel "missing": there is no program ` + at.dir + "/plugins/panel-missing: build it (`make plugins`) or set path.",
		`plugins.hcl:3: panel "garbage": the program does not speak the plugin protocol: it printed "hello there"`,
		`plugins.hcl:4: panel "other": the program says that it is panel "other" 1.0.0, pinned is panel "other" 1.0.1; not started.`,
		`plugins.hcl:5: tax "vies": plugins of type "tax" are not used by this version.`,
		`plugins.hcl:8: panel "sample": "token" belongs to an instance: move it into the settings of each.`,
		`plugins.hcl:16: panel "sample2", instance "typo": "urll" is no setting. Did you mean "url"?`,
		`plugins.hcl:16: panel "sample2", instance "typo": url: Address is needed.`,
		`plugins.hcl:17: panel "sample2", instance "unset": token: the environment variable NOPE is not set.`,
		`plugins.hcl:18: panel "sample2", instance "literal": token: a secret stands in the file; env("NAME") or file("PATH") keeps it out.`,
		`plugins.hcl:19: panel "sample2", instance "scope": "timeout" is one value for all instances: move it into the settings of the plugin.`,
		`plugins.hcl:20: panel "sample2", instance "form": url: Address: this is no address, such as https://panel.example.com.`,
	}
	have := lines(h.Problems())
	for _, line := range want {
		if !slices.Contains(have, line) {
			t.Errorf("not said: %s", line)
		}
	}
	if len(have) != len(want) {
		t.Errorf("said:\n%s", strings.Join(have, "\n"))
	}
	if _, err := create(t.Context(), h, "literal", "jane", ""); err != nil {
		t.Errorf("a warning keeps an instance from working: %v", err)
	}
	_, err := create(t.Context(), h, "typo", "jane", "")
	wantFault(t, err, fault.Unavailable, "instance_off")
	_, err = h.Panel("nowhere")
	wantFault(t, err, fault.NotFound, "instance_not_found")
	for _, of := range []func(string) error{
		func(l string) error { _, err := h.Gateway(l); return err },
		func(l string) error { _, err := h.Mailer(l); return err },
		func(l string) error { _, err := h.Poster(l); return err },
		func(l string) error { _, err := h.Receiver(l); return err },
	} {
		wantFault(t, of("literal"), fault.NotFound, "instance_not_found")
	}
}

func TestAFileThatCannotBeReadSaysWhere(t *testing.T) {
	at := newSite(t)
	at.config("plugin \"panel\" {{\n")
	h := New(at.deps(nil, clock.System{}))
	err := h.Start(t.Context())
	wantFault(t, err, fault.Invalid, "plugins_file")
	if !strings.Contains(err.Error(), "plugins.hcl:1: ") {
		t.Errorf("error %v", err)
	}
	h.Stop()
}

func TestAPluginThatKeepsDyingIsQuarantinedUntilStaffLiftsIt(t *testing.T) {
	at := newSite(t)
	at.config(block("one", at.install("one")))
	c := clock.At(noon)
	d := dbtest.SQLite(t)
	h := at.start(d, c)
	for n := range 5 {
		eventually(t, "it runs", func() bool { s := h.Status()[0]; return s.State == Healthy && s.Restarts == n })
		if _, err := create(t.Context(), h, "one", "dies", ""); fault.KindOf(err) != fault.Unknown {
			t.Fatalf("death %d: %v", n, err)
		}
		h.instances["one"].breaker.leave("", false, nil) // only the process is looked at here
		if n == 3 {
			c.Add(time.Minute)
		}
	}
	eventually(t, "quarantine", func() bool { return h.Status()[0].State == Quarantined })
	_, err := create(t.Context(), h, "one", "jane", "")
	wantFault(t, err, fault.Unavailable, "plugin_not_running")
	if s := h.Status()[0]; !strings.Contains(s.LastError, "5 times within 10 minutes") || !strings.Contains(s.LastError, "exit status 2") || strings.Contains(s.LastError, "hush-hush") {
		t.Errorf("why: %s", s.LastError)
	}
	if err := h.Restart(t.Context(), "panel", "one"); err != nil {
		t.Fatal(err)
	}
	if _, err := create(t.Context(), h, "one", "jane", ""); err != nil {
		t.Errorf("after it was lifted: %v", err)
	}
	page, err := h.deps.Audit.List(t.Context(), audit.Filter{Subject: "panel/one"})
	if err != nil || len(page.Rows) != 2 || page.Rows[0].Action != "plugin.restarted" || page.Rows[1].Action != "plugin.quarantined" {
		t.Errorf("trail %+v, %v", page.Rows, err)
	}
}

func TestAPluginThatNoLongerAnswersIsReplaced(t *testing.T) {
	at := newSite(t)
	at.config(block("one", at.install("one")))
	h := New(at.deps(dbtest.SQLite(t), clock.System{}))
	h.pace.ping, h.pace.pong = 20*time.Millisecond, 200*time.Millisecond
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Stop)
	pid := h.Status()[0].PID
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a new process", func() bool { s := h.Status()[0]; return s.State == Healthy && s.PID != pid })
	if alive(pid) {
		t.Error("the old process is still there")
	}
	if _, err := create(t.Context(), h, "one", "jane", ""); err != nil {
		t.Error(err)
	}
}

func TestStaffSwitchesAPluginOffAndOn(t *testing.T) {
	at := newSite(t)
	at.config(block("one", at.install("one")))
	h := at.start(dbtest.SQLite(t), clock.System{})
	pid := h.Status()[0].PID
	if err := h.Disable(t.Context(), "panel", "one"); err != nil {
		t.Fatal(err)
	}
	if s := h.Status()[0]; s.State != Off || s.PID != 0 || alive(pid) {
		t.Errorf("state %s, pid %d", s.State, s.PID)
	}
	_, err := create(t.Context(), h, "one", "jane", "")
	wantFault(t, err, fault.Unavailable, "plugin_not_running")
	if err := h.Enable(t.Context(), "panel", "one"); err != nil {
		t.Fatal(err)
	}
	if _, err := create(t.Context(), h, "one", "jane", ""); err != nil {
		t.Error(err)
	}
	wantFault(t, h.Disable(t.Context(), "panel", "two"), fault.NotFound, "plugin_not_found")
}

func TestACallWithinATransactionIsRefused(t *testing.T) {
	at := newSite(t)
	at.config(block("one", at.install("one")))
	d := dbtest.SQLite(t)
	h := at.start(d, clock.System{})
	err := d.Tx(t.Context(), func(ctx context.Context) error {
		_, err := create(ctx, h, "one", "jane", "")
		return err
	})
	wantFault(t, err, fault.Internal, "in_transaction")
	if len(h.Status()[0].Calls) != 0 {
		t.Error("it was sent")
	}
}

func TestCallsOverTheLimitWaitAndThenAreRefused(t *testing.T) {
	at := newSite(t)
	at.config(block("one", at.install("one")))
	h := at.start(dbtest.SQLite(t), clock.System{})
	p := h.plugins[0]
	p.queue = newQueue(pace{running: 2, waiting: 1, queue: 50 * time.Millisecond})
	gate := filepath.Join(at.dir, "gate")
	results := make(chan error)
	for range 2 {
		go func() {
			_, err := create(t.Context(), h, "one", "waits", gate)
			results <- err
		}()
	}
	eventually(t, "two calls under way", func() bool { return h.Status()[0].Running == 2 })
	_, err := create(t.Context(), h, "one", "jane", "")
	wantFault(t, err, fault.Unavailable, "plugin_busy")
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if _, err := create(t.Context(), h, "one", "jane", ""); err != nil {
		t.Errorf("when there is room again: %v", err)
	}
}

func TestABreakerOpensForASilentVendorAndClosesWhenItAnswers(t *testing.T) {
	at := newSite(t)
	at.config(block("one", at.install("one")) + block("two", at.install("two")))
	c := clock.At(noon)
	h := at.start(dbtest.SQLite(t), c)
	for range breakerFailures {
		_, err := create(t.Context(), h, "one", "silent", "")
		wantFault(t, err, fault.Unavailable, "vendor_down")
	}
	_, err := create(t.Context(), h, "one", "jane", "")
	wantFault(t, err, fault.Unavailable, "breaker_open")
	if f := fault.Of(err); f != nil && f.After != breakerFirst {
		t.Errorf("after %s", f.After)
	}
	if s := h.Status(); s[0].State != Open || s[0].Instances[0].State != "open" || s[0].Calls[0].Count != breakerFailures || s[1].State != Healthy {
		t.Errorf("status %+v", s)
	}
	if _, err := create(t.Context(), h, "two", "jane", ""); err != nil {
		t.Errorf("another instance: %v", err)
	}
	c.Add(breakerFirst)
	if _, err := create(t.Context(), h, "one", "jane", ""); err != nil {
		t.Errorf("the trial: %v", err)
	}
	if s := h.Status(); s[0].State != Healthy {
		t.Errorf("state %s", s[0].State)
	}
}

func TestAPluginSeesOnlyWhatIsDocumented(t *testing.T) {
	t.Setenv("DATABASE_PASSWORD", "hunter2")
	var leak [2]int
	if err := syscall.Pipe(leak[:]); err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(leak[0])
	defer syscall.Close(leak[1])
	at := newSite(t)
	at.config(block("one", at.install("one")))
	h := at.start(dbtest.SQLite(t), clock.System{})
	report, err := h.Check(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	if want := "https://panel.example.com hush-hush  30s"; report.VendorVersion != want {
		t.Errorf("settings %q, want %q", report.VendorVersion, want)
	}
	documented := []string{"BURSAR_PLUGIN", "PLUGIN_PROTOCOL_VERSIONS", "PLUGIN_CLIENT_CERT", "PLUGIN_UNIX_SOCKET_DIR", "TZ", "BURSAR_EGRESS"}
	pipes := 0
	for _, seen := range report.Warnings {
		if name, ok := strings.CutPrefix(seen, "env "); ok && !slices.Contains(documented, name) {
			t.Errorf("it sees the variable %s", name)
		}
		switch to, _ := strings.CutPrefix(seen, "fd "); {
		case strings.HasPrefix(to, "pipe:"):
			pipes++
		case strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "/proc/") && !strings.HasPrefix(to, "/sys/fs/cgroup/"): // Go looks there for its share
			t.Errorf("it has the file %s open", to)
		}
	}
	if pipes != 3+4 {
		t.Errorf("it has %d pipes, want its three and two of its own: %q", pipes, report.Warnings)
	}
}

func TestChoicesAreKeptForFiveMinutes(t *testing.T) {
	at := newSite(t)
	at.config(block("one", at.install("one")))
	c := clock.At(noon)
	h := at.start(dbtest.SQLite(t), c)
	ask := func(field string) string {
		list, err := h.Choices(t.Context(), "one", form.Question{Scope: "product", Field: field})
		if err != nil {
			t.Fatal(err)
		}
		return list[0].Value
	}
	if first, again := ask("size"), ask("size"); first != "1" || again != "1" {
		t.Error("the same question was asked again")
	}
	if ask("image") != "2" {
		t.Error("another question was answered from memory")
	}
	c.Add(keepChoices)
	if ask("size") != "3" {
		t.Error("an old answer was believed")
	}
	if f, ok := h.Forms("panel", "one"); !ok || !slices.Equal(f.Product.Names(), []string{"size"}) || len(f.Settings) != 4 {
		t.Errorf("forms %+v, %v", f, ok)
	}
}

func TestFivePluginsStartTogether(t *testing.T) {
	at := newSite(t)
	text := ""
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		text += block(name, at.install(name))
	}
	at.config(text)
	d := dbtest.SQLite(t)
	began := time.Now()
	h := at.start(d, clock.System{})
	took := time.Since(began)
	t.Logf("five plugins in %s", took)
	for _, s := range h.Status() {
		if s.State != Healthy {
			t.Errorf("%s is %s: %s", s.Name, s.State, s.LastError)
		}
	}
	if took > 5*time.Second { // 1.5 s on a machine that does nothing else
		t.Errorf("it took %s", took)
	}
	began = time.Now()
	h.Stop()
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("the stop took %s", took)
	}
	if left, _ := filepath.Glob(filepath.Join(at.dir, "run", "*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}
