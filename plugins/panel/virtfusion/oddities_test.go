package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	virtfusion "github.com/ezscale/bursar/plugins/panel/virtfusion/sim"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/host"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/secret"
	"github.com/ezscale/bursar/sdk/sim"
)

// shop is one panel and us.
type shop struct {
	t      *testing.T
	vendor *sim.Sim
	plugin *host.Loopback
	panel  panel.Client
	url    string
}

func newShop(t *testing.T, wrap func(http.Handler) http.Handler) *shop {
	t.Helper()
	vendor := virtfusion.New()
	vendor.StopClock(time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC))
	var h http.Handler = vendor
	if wrap != nil {
		h = wrap(h)
	}
	server := httptest.NewServer(h)
	plugin, err := host.Local(New(), host.World{Now: vendor.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { plugin.Close(); vendor.Close(); server.Close() })
	return &shop{t, vendor, plugin, panel.NewClient(plugin.Instance("london", settings(server.URL))), server.URL}
}

func jane() sdk.Customer {
	return sdk.Customer{ID: "cus_1", Number: 1042, First: "Jane", Last: "Doe", Email: "jane@example.test", Notes: sdk.Notes{}}
}

func (s *shop) creation(service string, product, checkout form.Values) panel.Creation {
	return panel.Creation{
		Op:  sdk.Op{ID: "op_" + service, Attempt: 1, First: s.vendor.Now()},
		Ref: panel.Ref{Service: service, Customer: jane(), Notes: sdk.Notes{}}, Product: product, Checkout: checkout, Password: secret.New("Wanted0123456789abcdefgh"),
	}
}

// until calls until it is Done or refused, past doubt and locks.
func (s *shop) until(call func(attempt int) (panel.Progress, error)) (credentials []panel.Credential, id string, err error) {
	s.t.Helper()
	for n := 1; n < 60; n++ {
		p, err := call(n)
		if kind := fault.KindOf(err); err != nil && kind != fault.Unknown && kind != fault.Unavailable {
			return nil, id, err
		}
		if len(p.Credentials) > 0 {
			credentials = p.Credentials
		}
		if p.RemoteID != "" {
			id = p.RemoteID
		}
		if err == nil && p.Done {
			return credentials, id, nil
		}
		s.vendor.AddClock(max(p.After, time.Second))
	}
	s.t.Fatal("it was never done")
	return nil, "", nil
}

func (s *shop) make(c panel.Creation) ([]panel.Credential, panel.Ref, error) {
	s.t.Helper()
	credentials, id, err := s.until(func(int) (panel.Progress, error) { return s.panel.Create(s.t.Context(), c) })
	c.RemoteID = id
	return credentials, c.Ref, err
}

// passwordOf is the one that the server's main user signs on with.
func (s *shop) passwordOf(id string) string {
	var extra struct{ Passwords map[string]string }
	if err := json.Unmarshal(s.vendor.State().Extra, &extra); err != nil {
		s.t.Fatal(err)
	}
	return extra.Passwords[id]
}

func (s *shop) declined(what string, err error, code string) {
	s.t.Helper()
	if f := fault.Of(err); f == nil || f.Kind != fault.Declined || f.Code != code {
		s.t.Errorf("%s: have %v, want declined %s", what, err, code)
	}
}

func (s *shop) act(do, id, more string) {
	s.t.Helper()
	raw := `{"do":"` + do + `","id":"` + id + `"` + more + `}`
	if err := s.vendor.Act(sim.Act{Do: do, ID: id, Raw: []byte(raw)}); err != nil {
		s.t.Fatal(err)
	}
}

func TestThePasswordThatTheCustomerGetsIsTheServers(t *testing.T) {
	for name, do := range map[string]string{"from the build": "", "also when the answer of the build was lost": "cut-after", "also when the build's answer was no JSON": "garbage"} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, nil)
			if do != "" {
				if err := s.vendor.Faults(sim.Fault{Path: "*/build", Times: 1, Do: do}); err != nil {
					t.Fatal(err)
				}
			}
			credentials, ref, err := s.make(s.creation("sub_1", vps2, order))
			if err != nil {
				t.Fatal(err)
			}
			if len(credentials) != 1 || credentials[0].Username != "root" || credentials[0].Password.Reveal() != s.passwordOf(ref.RemoteID) || credentials[0].Host == "" {
				t.Errorf("have %+v", credentials)
			}
		})
	}
	t.Run("after a reset, of a Windows server whose notes were lost", func(t *testing.T) {
		s := newShop(t, nil)
		_, ref, err := s.make(s.creation("sub_1", vps2, values("template", "11")))
		if err != nil {
			t.Fatal(err)
		}
		ref.Notes = sdk.Notes{}
		credentials, _, err := s.until(func(n int) (panel.Progress, error) {
			return s.panel.ResetPassword(t.Context(), sdk.Op{ID: "op_r", Attempt: n}, ref, secret.New("no"))
		})
		if err != nil || len(credentials) != 1 || credentials[0].Username != "Administrator" || credentials[0].Password.Reveal() != s.passwordOf(ref.RemoteID) {
			t.Errorf("have %+v, %v", credentials, err)
		}
	})
	t.Run("not after a reset of a server that is off: the guest must do it", func(t *testing.T) {
		s := newShop(t, nil)
		_, ref, err := s.make(s.creation("sub_1", vps2, order))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.panel.Power(t.Context(), sdk.Op{ID: "op_k"}, ref, panel.Kill); err != nil {
			t.Fatal(err)
		}
		_, _, err = s.until(func(n int) (panel.Progress, error) {
			return s.panel.ResetPassword(t.Context(), sdk.Op{ID: "op_r", Attempt: n}, ref, secret.New("no"))
		})
		s.declined("ResetPassword", err, "password_not_set")
	})
}

func TestACreationMeetsThePanelsWays(t *testing.T) {
	t.Run("the buyer's location goes before the product's", func(t *testing.T) {
		s := newShop(t, nil)
		if _, _, err := s.make(s.creation("sub_1", vps2, values("template", "9", "location", "3"))); err != nil {
			t.Fatal(err)
		}
		if plan := s.vendor.State().Accounts[0].Plan; plan["group"] != "3" || plan["template"] != "9" || plan["storage"] != "40" {
			t.Errorf("have %v", plan)
		}
	})
	t.Run("a system that cannot be installed is build_failed", func(t *testing.T) {
		s := newShop(t, nil)
		_, _, err := s.make(s.creation("sub_1", vps2, values("template", "99")))
		s.declined("Create", err, "build_failed")
	})
	t.Run("a system that the package has not is Invalid on its field", func(t *testing.T) {
		s := newShop(t, nil)
		_, _, err := s.make(s.creation("sub_1", vps2, values("template", "1234")))
		if f := fault.Of(err); f == nil || f.Kind != fault.Invalid || f.Field != "template" {
			t.Errorf("have %v", err)
		}
	})
	t.Run("a disabled package is Invalid, not sold out", func(t *testing.T) {
		s := newShop(t, nil)
		_, _, err := s.make(s.creation("sub_1", values("package", "5", "group", "1"), order))
		if f := fault.Of(err); f == nil || f.Kind != fault.Invalid || f.Field != "package" {
			t.Errorf("have %v", err)
		}
	})
	t.Run("an address that another user has needs a person", func(t *testing.T) {
		s := newShop(t, nil)
		other := s.creation("sub_1", vps2, order)
		other.Customer.Number = 7
		if _, _, err := s.make(other); err != nil {
			t.Fatal(err)
		}
		_, _, err := s.make(s.creation("sub_2", vps2, order))
		s.declined("Create", err, "needs_person")
	})
	t.Run("a server of another size, made by hand in the same minute, is not ours", func(t *testing.T) {
		s := newShop(t, nil)
		_, first, err := s.make(s.creation("sub_1", vps2, order))
		if err != nil {
			t.Fatal(err)
		}
		s.act("stranger", "1042", `,"product":{"package":["3"],"group":["2"]}`)
		c := s.creation("sub_2", vps2, order)
		c.Known = []string{first.RemoteID}
		if _, _, err := s.make(c); err != nil || s.vendor.State().Things["account"] != 3 {
			t.Errorf("have %v, %+v", err, s.vendor.State().Things)
		}
	})
	t.Run("a server that staff removed meanwhile is not made again by itself", func(t *testing.T) {
		s := newShop(t, nil)
		c := s.creation("sub_1", vps2, order)
		_, ref, err := s.make(c)
		if err != nil {
			t.Fatal(err)
		}
		s.act("remove", ref.RemoteID, "")
		_, err = s.panel.Create(t.Context(), c)
		s.declined("Create, the same op", err, "needs_person")
		if n := s.vendor.State().Things["account"]; n != 0 {
			t.Errorf("have %d servers", n)
		}
		c.ID = "op_retry"
		if _, _, err := s.make(c); err != nil || s.vendor.State().Things["account"] != 1 {
			t.Errorf("staff's retry: %v", err)
		}
	})
}

func TestAServerThatIsThere(t *testing.T) {
	s := newShop(t, nil)
	_, ref, err := s.make(s.creation("sub_1", vps2, order))
	if err != nil {
		t.Fatal(err)
	}
	t.Run("is found by its ID, whatever the customer calls it", func(t *testing.T) {
		s.act("rename", ref.RemoteID, `,"name":"my web server"`)
		a, err := s.panel.State(t.Context(), ref)
		if err != nil || a.ID != ref.RemoteID || len(a.Addresses) != 2 || !strings.HasSuffix(a.URL, "/admin/servers/"+ref.RemoteID) || a.OwnerEmail != "jane@example.test" {
			t.Errorf("have %+v, %v", a, err)
		}
	})
	t.Run("can be read although its hypervisor does not answer", func(t *testing.T) {
		if err := s.vendor.Faults(sim.Fault{Times: 1, Do: "status:500"}); err != nil {
			t.Fatal(err)
		}
		if a, err := s.panel.State(t.Context(), ref); err != nil || a.Status != panel.Active || a.Power != "" {
			t.Errorf("have %+v, %v", a, err)
		}
	})
	t.Run("counts traffic by its own months", func(t *testing.T) {
		read := func() panel.Meter {
			t.Helper()
			all, err := s.panel.Usage(t.Context(), []panel.Ref{ref})
			if err != nil || len(all["sub_1"]) != 1 {
				t.Fatalf("have %v, %v", all, err)
			}
			return all["sub_1"][0]
		}
		s.act("traffic", ref.RemoteID, `,"rx":5000000000,"tx":7`)
		if m := read(); m.Used != 5_000_000_007 || m.Limit != 2_000_000_000_000 || !m.From.Equal(time.Date(2026, 3, 15, 0, 0, 0, 0, time.UTC)) || !m.To.Equal(s.vendor.Now()) {
			t.Errorf("have %+v", m)
		}
		s.vendor.AddClock(32 * 24 * time.Hour)
		if m := read(); m.Used != 0 || !m.From.Equal(time.Date(2026, 4, 15, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("a month later: have %+v", m)
		}
	})
	t.Run("is signed on to once, within a minute", func(t *testing.T) {
		open := func(url string) int {
			t.Helper()
			res, err := http.Get(url)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			_, _ = io.Copy(io.Discard, res.Body)
			return res.StatusCode
		}
		link, err := s.panel.Login(t.Context(), ref, false)
		if err != nil || !link.SignedOn || !link.Expires.Equal(s.vendor.Now().Add(time.Minute)) {
			t.Fatalf("have %v, %v", link.Expires, err)
		}
		if first, second := open(link.URL), open(link.URL); first != 200 || second != 403 {
			t.Errorf("have %d, then %d", first, second)
		}
		link, _ = s.panel.Login(t.Context(), ref, false)
		s.vendor.AddClock(2 * time.Minute)
		if status := open(link.URL); status != 403 {
			t.Errorf("too late: have %d", status)
		}
	})
	t.Run("is not ended while staff protects it", func(t *testing.T) {
		s.act("protect", ref.RemoteID, "")
		_, err := s.panel.Terminate(t.Context(), sdk.Op{ID: "op_t"}, ref)
		s.declined("Terminate", err, "needs_person")
	})
}

func TestALinkToAnotherHostIsRefused(t *testing.T) {
	for _, address := range []string{"https://evil.example/token_authenticate/?1=a&2=b", "//evil.example/x", "token?1=a", ""} {
		s := newShop(t, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.URL.Path, "AuthenticationTokens") {
					_ = json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{"authentication": map[string]any{"endpoint_complete": address}}})
					return
				}
				next.ServeHTTP(w, r)
			})
		})
		_, ref, err := s.make(s.creation("sub_1", vps2, order))
		if err != nil {
			t.Fatal(err)
		}
		if link, err := s.panel.Login(t.Context(), ref, false); fault.KindOf(err) != fault.Unavailable || link.URL != "" {
			t.Errorf("%q: have %q, %v", address, link.URL, err)
		}
	}
}

func TestATokenWithoutComputeWarnsAndCountsNoStock(t *testing.T) {
	s := newShop(t, nil)
	c := panel.NewClient(s.plugin.Instance("london", form.Values{"url": {s.url}, "token": {virtfusion.ScopedToken}}))
	report, err := c.Check(t.Context())
	if err != nil || len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0], "/compute") {
		t.Errorf("have %v, %v", report, err)
	}
	if free, err := c.Stock(t.Context(), vps2); err != nil || free != -1 {
		t.Errorf("have %d, %v", free, err)
	}
}

func TestTheCheckAdvises(t *testing.T) {
	s := newShop(t, nil)
	for field, settings := range map[string]form.Values{
		"url":   {"url": {s.url + "/panel"}, "token": {virtfusion.Token}},
		"token": {"url": {s.url}, "token": {"another"}},
		"ca":    {"url": {s.url}, "token": {virtfusion.Token}, "ca": {"no certificate"}},
	} {
		_, err := panel.NewClient(s.plugin.Instance("london", settings)).Check(context.Background())
		if f := fault.Of(err); f == nil || f.Field != field || f.Text == "" {
			t.Errorf("%s: have %+v", field, f)
		}
	}
}

func TestReasons(t *testing.T) {
	tests := []struct {
		name, body, why string
		msg             bool
	}{
		{"a list of texts", `{"errors":["Invalid ruleset","And more"]}`, "Invalid ruleset And more", false},
		{"a map of lists", `{"message":"The given data was invalid.","errors":{"name":["is needed"],"email":["is taken"]}}`, "email: is taken name: is needed", false},
		{"msg", `{"msg":"server not found"}`, "server not found", true},
		{"message of a missing route", `{"message":"not found"}`, "not found", false},
		{"both msg and errors", `{"errors":[],"msg":"server not found"}`, "server not found", true},
		{"a page", `<html>404</html>`, "", false},
		{"nothing", ``, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if why, msg := reasons([]byte(tt.body)); why != tt.why || msg != tt.msg {
				t.Errorf("have %q, %t", why, msg)
			}
		})
	}
}
