package panel_test

import (
	"bufio"
	"bytes"
	"fmt"
	"go/format"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/platform/pluginhost"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/secret"
)

// TestThePageForAuthorsWorks does what docs/plugins.md tells an author to do, with the very text of the page: it writes the
// files, passes the suite, builds, pins, checks, and sells a server through the real host, which kills the plugin meanwhile.
func TestThePageForAuthorsWorks(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds a module")
	}
	a := author(t)
	t.Run("what it says to run runs", func(t *testing.T) {
		for _, script := range a.scripts {
			cmd := exec.CommandContext(t.Context(), "sh", "-eu", "-c", script)
			cmd.Dir, cmd.Env = a.dir, append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v:\n%s\n%s", err, script, out)
			}
		}
	})
	if t.Failed() {
		return
	}
	address := a.simulator()
	a.replace("plugins.hcl", "127.0.0.1:9900", strings.TrimPrefix(address, "http://"))
	deps := pluginhost.Deps{
		Config: filepath.Join(a.dir, "plugins.hcl"), Dir: filepath.Join(a.dir, "run"), Clock: clock.System{}, Getenv: os.LookupEnv, Log: hclog.NewNullLogger(),
	}
	if text, err := pluginhost.Pin(t.Context(), deps); err != nil || !strings.Contains(text, `panel "acme": pinned 1.0.0 sha256:`) {
		t.Fatalf("pin: %v\n%s", err, text)
	}
	if text, ok := pluginhost.CheckFile(t.Context(), deps); !ok || text != "1 plugins; 1 of 1 instances are ready.\n" {
		t.Fatalf("check:\n%s", text)
	}
	h := pluginhost.New(deps)
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Stop)
	a.sell(h, address)
}

// page is a module that holds what the page says.
type page struct {
	t       *testing.T
	dir     string
	scripts []string // of blocks that are to be run
}

var block = regexp.MustCompile("(?ms)^```(\\w+) ([^\\n]+)\\n(.*?)^```$")

// author writes the page's files. The module needs what this one needs, as `go mod tidy` would find.
func author(t *testing.T) *page {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "au") // t.TempDir is too long for sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	a := &page{t: t, dir: dir}
	needs := strings.Replace(a.read(filepath.Join(root, "go.mod")), "module github.com/ezscale/bursar\n", "module example.com/acme\n", 1)
	a.write("go.mod", needs+"\nrequire github.com/ezscale/bursar v0.0.0\n\nreplace github.com/ezscale/bursar => "+root+"\n")
	a.write("go.sum", a.read(filepath.Join(root, "go.sum")))
	for _, m := range block.FindAllStringSubmatch(a.read(filepath.Join(root, "docs", "plugins.md")), -1) {
		if m[1] == "sh" {
			a.scripts = append(a.scripts, m[3])
			continue
		}
		if formed, err := format.Source([]byte(m[3])); m[1] == "go" && (err != nil || string(formed) != m[3]) {
			t.Errorf("gofmt has something to say about the page's %s: %v", m[2], err)
		}
		a.write(m[2], m[3])
	}
	if len(a.scripts) < 2 {
		t.Fatalf("the page has %d blocks to run", len(a.scripts))
	}
	return a
}

func (a *page) read(path string) string {
	a.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		a.t.Fatal(err)
	}
	return string(text)
}

// write makes a file, or adds the next part to it.
func (a *page) write(name, text string) {
	a.t.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		a.t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		a.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		a.t.Fatal(err)
	}
}

func (a *page) replace(name, from, to string) {
	a.t.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(a.read(path), from, to)), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// simulator starts the page's simulator and answers where it is.
func (a *page) simulator() string {
	a.t.Helper()
	cmd := exec.CommandContext(a.t.Context(), filepath.Join(a.dir, "build", "simulator"), "-listen", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		a.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		a.t.Fatal(err)
	}
	return strings.TrimSpace(line[strings.Index(line, "http://"):])
}

// sell takes a server from its order to its end, by calls of the host.
func (a *page) sell(h *pluginhost.Host, address string) {
	t := a.t
	t.Helper()
	p, err := h.Panel("acme")
	if err != nil {
		t.Fatal(err)
	}
	if r, err := p.Check(t.Context()); err != nil || r.VendorVersion != "1.7" {
		t.Fatalf("check: %+v, %v", r, err)
	}
	if list, err := h.Choices(t.Context(), "acme", form.Question{Scope: "product", Field: "plan"}); err != nil || len(list) != 2 {
		t.Errorf("plans: %v, %v", list, err)
	}
	c := panel.Creation{
		Op:      sdk.Op{ID: "op_1", First: time.Now()},
		Ref:     panel.Ref{Service: "sub_1", Notes: sdk.Notes{}, Customer: sdk.Customer{ID: "cus_1", Number: 1042, Email: "jane@example.test", Notes: sdk.Notes{}}},
		Product: form.Values{"plan": {"small"}}, Username: "jane", Password: secret.New("correcthorsebatterystaple"),
	}
	c.RemoteID = a.until(h, address, "Create", func(op sdk.Op) (panel.Progress, error) {
		c.Op = op
		return p.Create(t.Context(), c)
	})
	if s, err := p.State(t.Context(), c.Ref); err != nil || s.Status != panel.Active || s.Service != "sub_1" || s.Plan != "small" {
		t.Errorf("state: %+v, %v", s, err)
	}
	if link, err := p.(panel.LoginLinker).Login(t.Context(), c.Ref, false); err != nil || !strings.HasPrefix(link.URL, address) {
		t.Errorf("login: %v", err)
	}
	a.until(h, address, "Power", func(op sdk.Op) (panel.Progress, error) {
		return p.(panel.PowerSwitch).Power(t.Context(), op, c.Ref, panel.Stop)
	})
	a.until(h, address, "Suspend", func(op sdk.Op) (panel.Progress, error) { return p.Suspend(t.Context(), op, c.Ref, "unpaid") })
	if s, err := p.State(t.Context(), c.Ref); err != nil || s.Status != panel.Suspended {
		t.Errorf("state: %+v, %v", s, err)
	}
	a.until(h, address, "Terminate", func(op sdk.Op) (panel.Progress, error) { return p.Terminate(t.Context(), op, c.Ref) })
	_, err = p.State(t.Context(), c.Ref)
	if fault.KindOf(err) != fault.NotFound {
		t.Errorf("state of what is gone: %v", err)
	}
}

// until calls as the host does, until Done, and kills the program between the calls. The simulator's clock does the
// waiting.
func (a *page) until(h *pluginhost.Host, address, what string, call func(sdk.Op) (panel.Progress, error)) (remote string) {
	t := a.t
	t.Helper()
	op := sdk.Op{ID: "op_" + strings.ToLower(what), First: time.Now()}
	for op.Attempt = 1; time.Since(op.First) < time.Minute; op.Attempt++ {
		pid := h.Status()[0].PID
		p, err := call(op)
		if p.RemoteID != "" {
			remote = p.RemoteID
		}
		switch kind := fault.KindOf(err); {
		case err == nil && p.Done:
			return remote
		case err != nil && kind != fault.Unavailable && kind != fault.Unknown:
			t.Fatalf("%s: %v", what, err)
		case kind == fault.Unavailable: // the program is being started again, in real time
			time.Sleep(50 * time.Millisecond)
			continue
		}
		if what == "Create" && op.Attempt == 2 && pid != 0 {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		add := fmt.Appendf(nil, `{"add":%q}`, max(p.After, time.Second))
		if res, err := http.Post(address+"/_sim/clock", "application/json", bytes.NewReader(add)); err != nil {
			t.Fatal(err)
		} else {
			res.Body.Close()
		}
	}
	t.Fatalf("%s is not done after a minute", what)
	return ""
}
