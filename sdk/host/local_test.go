package host_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/host"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/secret"
)

// shed is a panel that keeps its accounts in memory.
type shed struct {
	name  string
	hangs chan struct{} // is told of each call that hangs
}

type shedSettings struct {
	Name  string
	Token secret.Value
}

func (s *shedSettings) Form() form.Form {
	return form.Form{form.Text(&s.Name, "name", "Name").Need(), form.Secret(&s.Token, "token", "Token")}
}

func newShed(hangs chan struct{}) sdk.Plugin {
	return sdk.Plugin{Name: "shed", Title: "Shed", Version: "1.0.0", Type: panel.Type(func(e sdk.Env, s shedSettings) (*shed, error) {
		e.Log.Info("opened", "with", s.Token.Reveal())
		return &shed{name: s.Name, hangs: hangs}, nil
	})}
}

func (s *shed) Check(context.Context) (sdk.Report, error) {
	return sdk.Report{VendorVersion: s.name}, nil
}
func (s *shed) Create(ctx context.Context, c panel.Creation) (panel.Progress, error) {
	switch c.Username {
	case "panics":
		panic("no such shelf")
	case "is stuck":
		<-s.hangs // whatever the deadline
	case "hangs":
		s.hangs <- struct{}{}
		<-ctx.Done()
		return panel.Progress{}, ctx.Err()
	}
	c.Notes["shelf"], c.Customer.Notes["key"] = s.name, c.Op.ID
	if c.Username == "refused" {
		return panel.Progress{}, fault.New(fault.Declined, "out_of_stock", "Sold out.").On("size").Retry(time.Minute)
	}
	return panel.Progress{Done: true, RemoteID: "7", Credentials: []panel.Credential{{Label: "root", Password: c.Password}}}, nil
}
func (s *shed) Find(context.Context, panel.Creation) (panel.Account, error) {
	return panel.Account{}, errors.New("nobody classified this")
}
func (s *shed) State(context.Context, panel.Ref) (panel.Account, error) {
	return panel.Account{ID: "7", Status: panel.Active}, nil
}
func (s *shed) Suspend(context.Context, sdk.Op, panel.Ref, string) (panel.Progress, error) {
	return panel.Progress{Done: true}, nil
}
func (s *shed) Unsuspend(context.Context, sdk.Op, panel.Ref) (panel.Progress, error) {
	return panel.Progress{Done: true}, nil
}
func (s *shed) Terminate(context.Context, sdk.Op, panel.Ref) (panel.Progress, error) {
	return panel.Progress{Done: true}, nil
}
func (s *shed) Accounts(context.Context) iter.Seq2[panel.Account, error] {
	return func(yield func(panel.Account, error) bool) {
		for range 1200 {
			if !yield(panel.Account{ID: "7"}, nil) {
				return
			}
		}
	}
}

// log is a writer for many goroutines.
type log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func creation(username string) panel.Creation {
	return panel.Creation{
		Op: sdk.Op{ID: "op_1", Attempt: 1}, Ref: panel.Ref{Service: "sub_1", Notes: sdk.Notes{}, Customer: sdk.Customer{ID: "cus_1", Notes: sdk.Notes{}}},
		Username: username, Password: secret.New("correct horse"),
	}
}

func serveShed(t *testing.T, w host.World) (p *host.Loopback, hangs chan struct{}) {
	t.Helper()
	hangs = make(chan struct{}, 1)
	p, err := host.Local(newShed(hangs), w)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p, hangs
}

func TestAPluginInThisProcessIsCalledAsOverTheWire(t *testing.T) {
	var written log
	p, _ := serveShed(t, host.World{Log: &written})
	if d := p.Described(); d.Name != "shed" || d.Type != "panel" || strings.Join(d.Powers, " ") != "Lister" || strings.Join(d.Settings.Names(), " ") != "name token" {
		t.Errorf("described %+v", d)
	}
	c := panel.NewClient(p.Instance("north", form.Values{"name": {"North"}, "token": {"hush-hush"}}))
	n := creation("jane")
	progress, err := c.Create(t.Context(), n)
	if err != nil || !progress.Done || progress.Credentials[0].Password.Reveal() != "correct horse" {
		t.Errorf("create: %+v, %v", progress, err)
	}
	if n.Notes["shelf"] != "North" || n.Customer.Notes["key"] != "op_1" {
		t.Errorf("notes did not come back: %v, %v", n.Notes, n.Customer.Notes)
	}
	accounts := 0
	for _, err := range c.Accounts(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		accounts++
	}
	if accounts != 1200 {
		t.Errorf("%d accounts over three pages, want 1200", accounts)
	}
	if _, ok := sdk.As[panel.Resizer](c); ok {
		t.Error("a power that was not announced counts")
	}
	if text := written.String(); strings.Contains(text, "hush-hush") || !strings.Contains(text, "***") {
		t.Errorf("the log shows a secret: %s", text)
	}
}

func TestErrorsOverTheWireMeanWhatTheTableSays(t *testing.T) {
	p, _ := serveShed(t, host.World{})
	north := p.Instance("north", form.Values{"name": {"North"}})
	north.Deadline = func(string, time.Duration) time.Duration { return 300 * time.Millisecond }
	unset := p.Instance("unset", form.Values{})
	nobody := *north
	nobody.Conn = func(context.Context) (grpc.ClientConnInterface, error) { return nil, errors.New("still starting") }
	create := func(i *host.Instance, username string) error {
		n := creation(username)
		_, err := panel.NewClient(i).Create(t.Context(), n)
		if username == "refused" && n.Notes["shelf"] != "North" {
			t.Error("notes do not come back with a fault")
		}
		return err
	}
	find := func(i *host.Instance) error {
		_, err := panel.NewClient(i).Find(t.Context(), creation("jane"))
		return err
	}
	tests := []struct {
		name       string
		err        error
		kind       fault.Kind
		code, with string
	}{
		{"a fault keeps its kind, code, field and time", create(north, "refused"), fault.Declined, "out_of_stock", "size"},
		{"a panic in a change is doubt", create(north, "panics"), fault.Unknown, "unclassified", ""},
		{"a deadline in a change is doubt", create(north, "hangs"), fault.Unknown, "interrupted", ""},
		{"an error in a read that nobody classified is a bug", find(north), fault.Internal, "unclassified", ""},
		{"a setting that is needed names its field", find(unset), fault.Invalid, "needed", "name"},
		{"a plugin that does not run was not asked", create(&nobody, "jane"), fault.Unavailable, "plugin_not_running", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := fault.Of(tt.err)
			if f == nil || f.Kind != tt.kind || f.Code != tt.code || f.Field != tt.with {
				t.Errorf("have %v, want %s %s %s", tt.err, tt.kind, tt.code, tt.with)
			}
		})
	}
}

func TestAKilledPluginCutsItsCallsAndIsThereAgain(t *testing.T) {
	p, hangs := serveShed(t, host.World{})
	c := panel.NewClient(p.Instance("north", form.Values{"name": {"North"}}))
	under := make(chan error)
	go func() {
		_, err := c.Create(t.Context(), creation("hangs"))
		under <- err
	}()
	<-hangs
	p.Kill()
	if kind := fault.KindOf(<-under); kind != fault.Unknown {
		t.Errorf("a change that was cut is %q, want unknown", kind)
	}
	if _, err := c.State(t.Context(), panel.Ref{}); err != nil {
		t.Errorf("after the kill: %v", err)
	}
	p.Close()
	if _, err := c.State(t.Context(), panel.Ref{}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("after the end: %v", err)
	}
}

func TestACallThatRunsOnAfterItsDeadlineIsTold(t *testing.T) {
	t.Parallel() // it takes the five seconds that a call is given
	overdue := make(chan string, 1)
	p, stuck := serveShed(t, host.World{Overdue: func(instance string) { overdue <- instance }})
	i := p.Instance("north", form.Values{"name": {"North"}})
	i.Deadline = func(string, time.Duration) time.Duration { return 50 * time.Millisecond }
	_, err := panel.NewClient(i).Create(t.Context(), creation("is stuck"))
	if f := fault.Of(err); f == nil || f.Kind != fault.Unknown || f.Code != "plugin_too_slow" {
		t.Errorf("the caller is told %v", err)
	}
	if instance := <-overdue; instance != "north" {
		t.Errorf("overdue is %q", instance)
	}
	close(stuck)
}
