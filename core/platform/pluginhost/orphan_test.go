package pluginhost

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/data/dbtest"
)

// beKilled is a host in a process of its own: it names its children and waits.
func beKilled(dir string) {
	h := New(Deps{Config: filepath.Join(dir, "plugins.hcl"), Dir: filepath.Join(dir, "run"), Clock: clock.System{}, Getenv: func(string) (string, bool) { return "x", true }})
	if err := h.Start(context.Background()); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for _, s := range h.Status() {
		fmt.Println(s.PID)
	}
	fmt.Println("ready")
	select {}
}

func TestAHostThatIsKilledLeavesNoChildrenAndTheNextRunsAlone(t *testing.T) {
	at := newSite(t)
	at.config(block("one", at.install("one")) + block("two", at.install("two")))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	first := exec.Command(self)
	first.Env = append(os.Environ(), "PLUGINHOST_TEST_DIR="+at.dir)
	out, err := first.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	var old []int
	for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != "ready"; {
		pid, err := strconv.Atoi(lines.Text())
		if err != nil || !alive(pid) {
			t.Fatalf("the first host says %q", lines.Text())
		}
		old = append(old, pid)
	}
	if len(old) != 2 {
		t.Fatalf("the first host has %d children", len(old))
	}
	second := at.start(dbtest.SQLite(t), clock.System{}) // beside the first, which lives
	for _, pid := range old {
		if !alive(pid) {
			t.Error("a second host ended the children of one that lives")
		}
	}
	second.Stop()

	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // it was killed
	killed := time.Now()
	eventually(t, "the children are gone", func() bool { return !alive(old[0]) && !alive(old[1]) })
	if took := time.Since(killed); took > 5*time.Second {
		t.Errorf("the children lived on for %s", took)
	}

	third := at.start(dbtest.SQLite(t), clock.System{})
	if running := runningFrom(filepath.Join(at.dir, "run")); len(running) != 2 {
		t.Errorf("%d programs run, want two", len(running))
	}
	if _, err := create(t.Context(), third, "one", "jane", ""); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(at.dir, "run", "run-*")); len(left) != 1 {
		t.Errorf("folders %q, want the third host's only", left)
	}
}

func TestAnOldChildIsEndedBeforeTheNextHostStarts(t *testing.T) {
	at := newSite(t)
	at.config(block("one", at.install("one")))
	folder := filepath.Join(at.dir, "run", "run-old")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("/bin/sleep")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "sleep")
	if err := os.WriteFile(path, text, 0o700); err != nil {
		t.Fatal(err)
	}
	child := exec.Command(path, "600")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	at.start(dbtest.SQLite(t), clock.System{})
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("the old child: %v", err)
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("its folder: %v", err)
	}
}
