package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ezscale/bursar/sdk/internal/wire"
)

// run is the process itself, as go-plugin's runner.
type run struct {
	program Program
	log     *lines
	env     []string
	sockets string // its own folder, made by go-plugin
	out     head   // what it printed first

	pid    int // written once, under mu
	stdout *os.File
	stderr *os.File
	stdin  *os.File // held open as long as we live: its end tells the program that we are gone
	done   chan struct{}
	ended  string // set before done is closed
	failed error  // why it was not started
	open   error  // why it is in no sandbox

	mu     sync.Mutex
	reaped bool // the process ID is no longer ours
	killed bool
}

func (r *run) prepare(env []string, sockets string) {
	r.sockets = sockets
	r.env = []string{"TZ=UTC"}
	for _, v := range env {
		if name, _, _ := strings.Cut(v, "="); slices.Contains(Environment, name) {
			r.env = append(r.env, v)
		}
	}
	if r.program.Egress != "" {
		r.env = append(r.env, wire.EgressVariable+"="+r.program.Egress)
	}
}

// Start starts the program from an operating system thread that lives as long as the program does: the death signal of a
// child is sent when the thread ends that started it, not when the process does.
func (r *run) Start(context.Context) error {
	started := make(chan error)
	onOwnThread(func() {
		cmd, err := r.start()
		r.failed = err
		started <- err
		if err != nil {
			return
		}
		waitUntilEnded(r.pid)
		r.mu.Lock()
		killGroup(cmd) // what it started itself; until Wait the ID cannot be another's
		_ = cmd.Wait() // how it ended is in ProcessState
		r.reaped = true
		r.mu.Unlock()
		r.ended = cmd.ProcessState.String()
		close(r.done)
		time.AfterFunc(time.Second, func() { // what left its group may hold our pipes open
			_ = errors.Join(r.stdin.Close(), r.stdout.Close(), r.stderr.Close())
		})
	})
	return <-started
}

// onOwnThread runs f on a thread that serves nothing else and ends with f, for it is closed in for good. It is never the
// main thread, which cannot end and by which others know the process.
func onOwnThread(f func()) {
	go func() {
		runtime.LockOSThread()
		if !isMainThread() {
			f()
			return
		}
		taken := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			close(taken)
			f()
		}()
		<-taken
		runtime.UnlockOSThread()
	}()
}

func (r *run) start() (*exec.Cmd, error) {
	stdin, stdinEnd, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	stdout, stdoutEnd, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, stdin.Close(), stdinEnd.Close())
	}
	stderr, stderrEnd, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, stdin.Close(), stdinEnd.Close(), stdout.Close(), stdoutEnd.Close())
	}
	cmd := &exec.Cmd{Path: r.program.Path, Args: []string{r.program.Path}, Dir: r.program.Dir, Env: r.env, Stdin: stdin, Stdout: stdoutEnd, Stderr: stderrEnd}
	confine(cmd)
	if r.open = sandbox(r.program, r.sockets); r.open != nil && r.program.Strict {
		err = fmt.Errorf("strict: %w", r.open)
	} else {
		err = startPatiently(cmd)
	}
	for _, f := range []*os.File{stdin, stdoutEnd, stderrEnd} {
		_ = f.Close()
	}
	if err != nil {
		for _, f := range []*os.File{stdinEnd, stdout, stderr} {
			_ = f.Close()
		}
		return nil, err
	}
	r.open = errors.Join(r.open, limit(cmd.Process.Pid, r.program))
	r.stdin, r.stdout, r.stderr = stdinEnd, stdout, stderr
	go r.log.read(stderr)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pid = cmd.Process.Pid; r.killed {
		killPID(r.pid)
	}
	return cmd, nil
}

// startPatiently tries again where the file just written is still open in a child that was forked meanwhile.
func startPatiently(cmd *exec.Cmd) error {
	for try := 0; ; try++ {
		err := cmd.Start()
		if err == nil || !isBusy(err) || try == 20 {
			return err
		}
		time.Sleep(5 * time.Millisecond)
		*cmd = exec.Cmd{Path: cmd.Path, Args: cmd.Args, Dir: cmd.Dir, Env: cmd.Env, Stdin: cmd.Stdin, Stdout: cmd.Stdout, Stderr: cmd.Stderr, SysProcAttr: cmd.SysProcAttr}
	}
}

// kill ends the process and its group. It may be called at any time and twice.
func (r *run) kill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.killed = true; r.pid != 0 && !r.reaped {
		killPID(r.pid)
	}
}

// Diagnose says nothing: because does.
func (r *run) Diagnose(context.Context) string { return "" }

// Stdout is where the handshake is read.
func (r *run) Stdout() io.ReadCloser {
	return struct {
		io.Reader
		io.Closer
	}{io.TeeReader(r.stdout, &r.out), r.stdout}
}

// Stderr is empty for go-plugin: we read it ourselves.
func (r *run) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

// Name is the program's name.
func (r *run) Name() string { return r.program.Name }

// Wait waits for the end.
func (r *run) Wait(context.Context) error {
	<-r.done
	return nil
}

// Kill ends it.
func (r *run) Kill(context.Context) error {
	r.kill()
	return nil
}

// ID is the process ID, "" before the start.
func (r *run) ID() string {
	if r.pid == 0 {
		return ""
	}
	return strconv.Itoa(r.pid)
}

// PluginToHost accepts no address but a socket in the folder that the program was given.
func (r *run) PluginToHost(network, address string) (string, string, error) {
	if network != "unix" || filepath.Dir(filepath.Clean(address)) != filepath.Clean(r.sockets) {
		return "", "", fmt.Errorf("the program listens at %s %q, which is not in its folder", network, address)
	}
	return network, address, nil
}

// HostToPlugin changes nothing.
func (r *run) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}

// head keeps the first bytes of what is written.
type head struct {
	mu   sync.Mutex
	text []byte
}

func (h *head) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text = append(h.text, b[:min(len(b), 200-len(h.text))]...)
	return len(b), nil
}

func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.TrimSpace(string(h.text))
}
