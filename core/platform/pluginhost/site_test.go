package pluginhost

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/secret"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/panel"
)

// sample is the program of testdata/sample, built once.
var sample = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "pluginhost")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "sample")
	out, err := exec.Command("go", "build", "-ldflags", "-s -w", "-o", path, "./testdata/sample").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, out)
	}
	return path, nil
})

// TestMain is also the host that PL-6 kills.
func TestMain(m *testing.M) {
	if dir := os.Getenv("PLUGINHOST_TEST_DIR"); dir != "" {
		beKilled(dir)
		return
	}
	code := m.Run()
	if path, err := sample(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// site is a folder with plugins.hcl and programs.
type site struct {
	t    *testing.T
	dir  string
	file string
}

func newSite(t *testing.T, plugins ...string) site {
	t.Helper()
	dir, err := os.MkdirTemp("", "ph")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := site{t, dir, filepath.Join(dir, "plugins.hcl")}
	for _, name := range plugins {
		p.install(name)
	}
	return p
}

// install puts the sample there under a name and answers its pin.
func (p site) install(name string) (pin string) {
	p.t.Helper()
	path, err := sample()
	if err != nil {
		p.t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.write("panel-"+name, text)
}

func (p site) write(program string, text []byte) (pin string) {
	p.t.Helper()
	path := filepath.Join(p.dir, "plugins", program)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o700); err != nil {
		p.t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	return "1.0.0 sha256:" + hex.EncodeToString(sum[:])
}

// block is a plugin with one instance of the same name and good settings.
func block(name, pin string) string {
	return fmt.Sprintf(`
plugin "panel" %q {
  pin = %q
  instance %q { settings = { url = "https://panel.example.com", token = env("TOKEN") } }
}
`, name, pin, name)
}

func (p site) config(text string) {
	p.t.Helper()
	if err := os.WriteFile(p.file, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p site) deps(d *db.DB, c clock.Clock) Deps {
	box, err := secret.New([]byte(strings.Repeat("k", secret.KeySize)))
	if err != nil {
		p.t.Fatal(err)
	}
	deps := Deps{Config: p.file, Dir: filepath.Join(p.dir, "run"), DB: d, Box: box, Clock: c, Getenv: func(name string) (string, bool) {
		return "hush-hush", name == "TOKEN"
	}}
	if d != nil {
		deps.Audit = audit.New(d, c)
	}
	return deps
}

// start starts a host that is impatient.
func (p site) start(d *db.DB, c clock.Clock) *Host {
	p.t.Helper()
	h := New(p.deps(d, c))
	h.pace.ping, h.pace.restart = 50*time.Millisecond, 10*time.Millisecond
	if err := h.Start(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(h.Stop)
	return h
}

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func create(ctx context.Context, h *Host, label, username, size string) (panel.Creation, error) {
	c := panel.Creation{
		Op: sdk.Op{ID: "op_1"}, Ref: panel.Ref{Service: "sub_1", Notes: sdk.Notes{}, Customer: sdk.Customer{Notes: sdk.Notes{}}},
		Username: username, Product: form.Values{"size": {size}},
	}
	p, err := h.Panel(label)
	if err != nil {
		return c, err
	}
	_, err = p.Create(ctx, c)
	return c, err
}

func wantFault(t *testing.T, err error, kind fault.Kind, code string) {
	t.Helper()
	if f := fault.Of(err); f == nil || f.Kind != kind || f.Code != code {
		t.Errorf("have %v, want %s %s", err, kind, code)
	}
}

// eventually waits for what happens in another process; it fails after ten seconds.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

func alive(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return err == nil && !strings.Contains(string(status), "zombie")
}
