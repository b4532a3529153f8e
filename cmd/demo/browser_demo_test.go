package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/sim"
)

// play is the built demo as a process of its own.
type play struct {
	t    *testing.T
	dir  string
	says told
	cmd  *exec.Cmd
	log  *os.File
}

// newPlay starts the demo and waits until it says that it is ready.
func newPlay(t *testing.T, database string) *play {
	t.Helper()
	p := &play{t: t}
	var err error
	if p.dir, err = os.MkdirTemp("", "demo"); err != nil { // paths of sockets must be short
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(p.dir) })
	if p.log, err = os.Create(filepath.Join(p.dir, "demo.log")); err != nil {
		t.Fatal(err)
	}
	args := []string{"--dir", p.dir, "--listen", "127.0.0.1:0"}
	if database != "" {
		args = append(args, "--database", database)
	}
	p.cmd = exec.Command(built(t, "bursar-demo"), args...)
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.SysProcAttr = p.log, p.log, &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.cmd != nil {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait() // killed: that is its error
		}
		if text, _ := os.ReadFile(p.log.Name()); t.Failed() {
			t.Logf("the demo said last: %s", text[max(0, len(text)-6000):])
		}
		p.log.Close()
	})
	p.until("the demo is ready", func() bool {
		text, err := os.ReadFile(filepath.Join(p.dir, readyFile))
		return err == nil && json.Unmarshal(text, &p.says) == nil
	})
	return p
}

// until waits for something that nobody sees on a page.
func (p *play) until(what string, is func() bool) {
	p.t.Helper()
	for end := time.Now().Add(patient); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("it never came about that %s", what)
		}
	}
}

// ends stops the demo as Ctrl-C does.
func (p *play) ends() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("the demo ended with %v", err)
	}
	p.cmd = nil
}

// holds is what a vendor has.
func (p *play) holds(name string) sim.State {
	p.t.Helper()
	return state(p.t, p.says, name)
}

// account is the state of a service's account at a panel, "" for none. Two are one too many.
func (p *play) account(panel, service string) string {
	p.t.Helper()
	status, n := "", 0
	for _, a := range p.holds(panel).Accounts {
		if a.Service == service {
			status = a.Status
			n++
		}
	}
	if n > 1 {
		p.t.Fatalf("%s has %d accounts of %s", panel, n, service)
	}
	return status
}

// accountIs waits for the panel.
func (p *play) accountIs(panel, service, status string) {
	p.t.Helper()
	p.until(fmt.Sprintf("%s at %s is %q", service, panel, status), func() bool { return p.account(panel, service) == status })
}

// money is how many payments a gateway took, and how much of it in all.
func (p *play) money() (n int, minor int64) {
	p.t.Helper()
	for _, m := range p.holds("stripe").Money {
		if m.Taken > 0 {
			n++
			minor += m.Taken
		}
	}
	return n, minor
}

// mail waits for the newest mail to an address whose subject has these words.
func (p *play) mail(to, subject string) (found sim.Message) {
	p.t.Helper()
	p.until(fmt.Sprintf("%s gets a mail about %q", to, subject), func() bool {
		for _, m := range p.holds("mailgun").Messages {
			if strings.Contains(m.To, to) && strings.Contains(m.Subject, subject) {
				found = m
			}
		}
		return found.Subject != ""
	})
	return found
}

// link is the address in a mail that has this in it.
func (p *play) link(m sim.Message, part string) string {
	p.t.Helper()
	for _, a := range regexp.MustCompile(`https?://[^\s<>")]+`).FindAllString(m.Text, -1) {
		if strings.Contains(a, part) {
			return a
		}
	}
	p.t.Fatalf("the mail %q has no link to %s: %s", m.Subject, part, m.Text)
	return ""
}

// faulty makes a vendor misbehave; no faults make it well again.
func (p *play) faulty(name string, faults ...sim.Fault) {
	p.t.Helper()
	p.tells(name, http.MethodPut, "faults", append([]sim.Fault{}, faults...))
}

// busyWith waits until a vendor is at work on a change of this path, and has not answered yet.
func (p *play) busyWith(name, path string) {
	p.t.Helper()
	p.until(name+" is at work", func() bool {
		answer, err := http.Get(p.says.Simulators[name] + "/_sim/requests")
		if err != nil {
			p.t.Fatal(err)
		}
		defer answer.Body.Close()
		var all []sim.Request
		if err := json.NewDecoder(answer.Body).Decode(&all); err != nil {
			p.t.Fatal(err)
		}
		return slices.ContainsFunc(all, func(r sim.Request) bool { return r.Change && r.Status == 0 && strings.HasSuffix(r.Path, path) })
	})
}

// installed has a panel's nodes be done with what they install.
func (p *play) installed(name string) {
	p.t.Helper()
	for _, a := range p.holds(name).Accounts {
		if a.Status == string(panel.Building) {
			p.tells(name, http.MethodPost, "act", sim.Act{Do: "finish", ID: a.Service})
		}
	}
}

func (p *play) tells(name, method, what string, body any) {
	p.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.says.Simulators[name]+"/_sim/"+what, bytes.NewReader(text))
	if err != nil {
		p.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		why, _ := io.ReadAll(answer.Body)
		p.t.Fatalf("%s of %s: %s %s", what, name, answer.Status, why)
	}
}

// kills ends the process of a plugin at once and answers its number.
func (p *play) kills(name string) (pid int) {
	p.t.Helper()
	for _, pid = range childrenOf(p.cmd.Process.Pid, name) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			p.t.Fatal(err)
		}
	}
	if pid == 0 {
		p.t.Fatalf("there is no process of %s", name)
	}
	return pid
}

// verifies proves the books with the program that operators have.
func (p *play) verifies() {
	p.t.Helper()
	config := filepath.Join(p.dir, "bursar.hcl")
	text := fmt.Sprintf("data = %q\ndatabase = %q\nplugins = %q\nenvironment = \"test\"\nsites {\n  storefront = %q\n  portal = %q\n  admin = %q\n}\n",
		p.dir, p.says.Database, filepath.Join(p.dir, "plugins.hcl"), p.says.Sites.Storefront, p.says.Sites.Portal, p.says.Sites.Admin)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.Command(built(p.t, "bursar"), "verify", "--json", "--config", config)
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Errorf("verify: %v: %s", err, out)
	}
}
