package host_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/host"
	"github.com/ezscale/bursar/sdk/panel"
)

// The test's own program is the plugin, too.
func TestMain(m *testing.M) {
	if os.Getenv("BURSAR_PLUGIN") != "" {
		sdk.Serve(newProbe)
		return
	}
	os.Exit(m.Run())
}

// probe tells about its surroundings.
type probe struct {
	shed
	env sdk.Env
}

func newProbe() sdk.Plugin {
	return sdk.Plugin{Name: "probe", Title: "Probe", Version: "1.0.0", Type: panel.Type(func(e sdk.Env, s shedSettings) (*probe, error) {
		return &probe{env: e}, nil
	})}
}

// Check warns of all that a program can see of its host: variables, files, folder, privileges.
func (p *probe) Check(context.Context) (sdk.Report, error) {
	fmt.Println("printed past the log")
	p.env.Log.Warn("looked around", "n", 7)
	seen := os.Environ()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return sdk.Report{}, err
	}
	for _, e := range entries {
		to, _ := os.Readlink("/proc/self/fd/" + e.Name())
		seen = append(seen, "fd "+e.Name()+" "+to)
	}
	dir, err := os.Getwd()
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "NoNewPrivs") {
			seen = append(seen, strings.Join(strings.Fields(line), " "))
		}
	}
	return sdk.Report{VendorVersion: dir, Warnings: seen}, err
}

// Unsuspend tries what a plugin must not do, and names what it could.
func (p *probe) Unsuspend(_ context.Context, _ sdk.Op, r panel.Ref) (panel.Progress, error) {
	could := []string{}
	try := func(what string, err error) {
		if err == nil {
			could = append(could, what)
		}
	}
	_, err := os.ReadFile(r.RemoteID)
	try("read a file", err)
	try("write a file", os.WriteFile(r.RemoteID, nil, 0o600))
	try("make a file", os.WriteFile(r.RemoteID+"2", nil, 0o600))
	_, err = os.ReadFile(fmt.Sprintf("/proc/%d/environ", os.Getppid()))
	try("read its host's environment", err)
	try("signal its host", syscall.Kill(os.Getppid(), 0))
	conn, err := net.Dial("tcp", r.Service)
	if err == nil {
		conn.Close()
	}
	try("connect", err)
	try("write in its folder", os.WriteFile("own", nil, 0o600))
	_, err = os.ReadDir("/etc/ssl")
	try("read certificates", err)
	return panel.Progress{Done: true, Text: strings.Join(could, ", ")}, nil
}

// Suspend starts a child that outlives its parent, if nobody stops it, and names it.
func (p *probe) Suspend(context.Context, sdk.Op, panel.Ref, string) (panel.Progress, error) {
	child, err := os.StartProcess("/bin/sleep", []string{"sleep", "600"}, &os.ProcAttr{})
	if err != nil {
		return panel.Progress{}, err
	}
	return panel.Progress{Done: true, Text: fmt.Sprint(child.Pid)}, nil
}

func program(t *testing.T, script string) (host.Program, chan host.Line) {
	t.Helper()
	dir, err := os.MkdirTemp("", "host") // short: a socket's path is
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if script != "" {
		path = filepath.Join(dir, "program")
		if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	lines := make(chan host.Line, 300)
	return host.Program{Name: "panel/probe", Path: path, Dir: dir, Sockets: dir, Log: func(l host.Line) {
		select {
		case lines <- l:
		default:
		}
	}}, lines
}

func connect(p *host.Process) *host.Instance {
	return &host.Instance{
		Label: "north", Settings: func(context.Context) (form.Values, error) { return form.Values{"name": {"North"}}, nil },
		Conn: func(context.Context) (grpc.ClientConnInterface, error) { return p.Conn(), nil },
	}
}

func TestAProgramSeesOnlyWhatIsDocumented(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("looks into /proc")
	}
	t.Setenv("DATABASE_PASSWORD", "hunter2")
	var leak [2]int
	if err := syscall.Pipe(leak[:]); err != nil { // without close-on-exec, as if inherited from whoever started us
		t.Fatal(err)
	}
	prog, lines := program(t, "")
	p, err := host.Start(t.Context(), prog)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	if d, err := host.Describe(t.Context(), p.Conn()); err != nil || d.Name != "probe" {
		t.Fatalf("described %+v, %v", d, err)
	}
	if err := p.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
	c := panel.NewClient(connect(p))
	report, err := c.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pipes := 0
	for _, seen := range report.Warnings {
		name, _, _ := strings.Cut(seen, "=")
		switch {
		case strings.HasPrefix(seen, "fd "):
			if strings.Contains(seen, "pipe:") {
				pipes++
			}
		case strings.HasPrefix(seen, "NoNewPrivs"):
			if seen != "NoNewPrivs: 1" {
				t.Error(seen)
			}
		case !slices.Contains(host.Environment, name):
			t.Errorf("the program sees the variable %s", name)
		}
	}
	if pipes != 3+4 { // in, out, log; and go-plugin's own two pipes for what is printed
		t.Errorf("the program has %d pipes open: %q", pipes, report.Warnings)
	}
	if !slices.Contains(report.Warnings, "TZ=UTC") {
		t.Error("the program's zone is not UTC")
	}
	if report.VendorVersion != prog.Dir {
		t.Errorf("its folder is %s, want %s", report.VendorVersion, prog.Dir)
	}
	for looked, printed := false, false; !looked || !printed; {
		switch line := <-lines; line.Message {
		case "looked around":
			looked = true
			if line.Level != hclog.Warn || line.Instance != "north" || fmt.Sprint(line.Args) != "[n 7]" {
				t.Errorf("logged %+v", line)
			}
		case "printed past the log":
			printed = true
		}
	}
}

func runs(pid string) bool {
	status, err := os.ReadFile("/proc/" + pid + "/status")
	return err == nil && !strings.Contains(string(status), "zombie")
}

func TestASandboxKeepsAProgramIn(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	prog, _ := program(t, "")
	way, err := net.Listen("unix", filepath.Join(prog.Dir, "way"))
	if err != nil {
		t.Fatal(err)
	}
	defer way.Close()
	prog.Egress, prog.Files, prog.Memory = way.Addr().String(), 64, 1<<30
	secret := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(secret, []byte("key"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := host.Start(t.Context(), prog)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	if p.Open() != nil {
		t.Skipf("no sandbox to test: %v", p.Open())
	}
	progress, err := panel.NewClient(connect(p)).Unsuspend(t.Context(), sdk.Op{ID: "op"}, panel.Ref{RemoteID: secret, Service: listener.Addr().String()})
	if want := "write in its folder, read certificates"; err != nil || progress.Text != want {
		t.Errorf("it could %q, want %q; %v", progress.Text, want, err)
	}
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", p.PID()))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Max open files 64 64", "Max core file size 0 0", "Max data size 1073741824 1073741824"} {
		if !strings.Contains(strings.Join(strings.Fields(string(limits)), " "), want) {
			t.Errorf("no limit %q", want)
		}
	}
}

func TestAProgramEndsWithItsGroup(t *testing.T) {
	tests := []struct {
		name string
		end  func(*host.Process)
	}{
		{"killed", (*host.Process).Kill},
		{"stopped", (*host.Process).Stop},
		{"frozen, then stopped", func(p *host.Process) {
			if err := syscall.Kill(p.PID(), syscall.SIGSTOP); err != nil {
				t.Error(err)
			}
			p.Stop()
		}},
		{"killed by somebody else", func(p *host.Process) {
			if err := syscall.Kill(p.PID(), syscall.SIGKILL); err != nil {
				t.Error(err)
			}
			<-p.Done()
			p.Kill()
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			prog, _ := program(t, "")
			p, err := host.Start(t.Context(), prog)
			if err != nil {
				t.Fatal(err)
			}
			progress, err := panel.NewClient(connect(p)).Suspend(t.Context(), sdk.Op{ID: "op"}, panel.Ref{}, "")
			if err != nil {
				t.Fatal(err)
			}
			tt.end(p)
			<-p.Done()
			if p.Ended() == "" {
				t.Error("nobody knows how it ended")
			}
			for _, pid := range []string{fmt.Sprint(p.PID()), progress.Text} {
				for end := time.Now().Add(5 * time.Second); runs(pid); time.Sleep(time.Millisecond) { // a kill is not waited for but by a parent
					if time.Now().After(end) {
						t.Fatalf("process %s still runs", pid)
					}
				}
			}
			if left, _ := filepath.Glob(prog.Sockets + "/plugin-dir*"); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

func TestAStartThatFailsSaysWhy(t *testing.T) {
	tests := []struct{ name, script, want string }{
		{"it prints something else", "#!/bin/sh\necho welcome to this program\nsleep 60\n", `the program does not speak the plugin protocol: it printed "welcome to this program"`},
		{"it ends with a word", "#!/bin/sh\necho 'field \"token\": Match: missing )' >&2\nexit 3\n", `the program ended without a word (exit status 3): field "token": Match: missing )`},
		{"it says nothing", "#!/bin/sh\nsleep 60\n", "the program said nothing for 300ms"},
		{"it is of another machine", "\x7fELF not really", "the program cannot be started: fork/exec"},
		{"it speaks another version", "#!/bin/sh\necho '1|9|unix|/tmp/x|grpc|'\nsleep 60\n", "the program speaks another version of the plugin protocol; build it with this host's SDK"},
		{"it listens elsewhere", "#!/bin/sh\necho '1|1|tcp|10.0.0.1:80|grpc|'\nsleep 60\n", `the program listens at tcp "10.0.0.1:80", which is not in its folder`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			prog, _ := program(t, tt.script)
			prog.Within = 300 * time.Millisecond
			if tt.name != "it says nothing" {
				prog.Within = 10 * time.Second
			}
			p, err := host.Start(t.Context(), prog)
			if err == nil {
				p.Kill()
				t.Fatal("it started")
			}
			if !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("have %q\nwant %q", err, tt.want)
			}
		})
	}
	t.Run("the start is called off", func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		stop()
		prog, _ := program(t, "#!/bin/sh\nsleep 60\n")
		if p, err := host.Start(ctx, prog); err == nil {
			p.Kill()
			t.Error("it started")
		}
	})
}

func TestALogIsCappedAndTagged(t *testing.T) {
	prog, lines := program(t, `#!/bin/sh
i=0
while [ $i -lt 250 ]; do echo '{"@level":"debug","@message":"noise","instance":"north"}' >&2; i=$((i+1)); done
head -c 100000 /dev/zero | tr '\0' x >&2
exit 1
`)
	if p, err := host.Start(t.Context(), prog); err == nil {
		p.Kill()
		t.Fatal("it started")
	}
	if n := len(lines); n < 100 || n > 205 {
		t.Errorf("%d lines came through", n)
	}
	for range len(lines) {
		if l := <-lines; len(l.Message) > 4096 {
			t.Errorf("a line of %d bytes", len(l.Message))
		}
	}
}
