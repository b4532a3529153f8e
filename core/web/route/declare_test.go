package route

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/platform/auth"
)

func TestRoutesThatAreNotDeclaredAreRefused(t *testing.T) {
	h := func(echo.Context) error { return nil }
	tests := []struct {
		name, want string
		realm      auth.Kind
		r          Route
	}{
		{"nobody is named", "who may ask", auth.CustomerKind, Route{Method: "GET", Path: "/a", Handler: h, Rate: Page}},
		{"no rate", "no rate", auth.CustomerKind, Route{Method: "GET", Path: "/a", Handler: h, Who: Anyone()}},
		{"a rate of one's own", "no rate", auth.CustomerKind, Route{Method: "GET", Path: "/a", Handler: h, Who: Anyone(), Rate: "fast"}},
		{"no handler", "no handler", auth.CustomerKind, Route{Method: "GET", Path: "/a", Who: Anyone(), Rate: Page}},
		{"no method", "no method", auth.CustomerKind, Route{Path: "/a", Handler: h, Who: Anyone(), Rate: Page}},
		{"no path", "no path", auth.CustomerKind, Route{Method: "GET", Path: "a", Handler: h, Who: Anyone(), Rate: Page}},
		{"an unknown right", "no right", auth.StaffKind, Route{Method: "GET", Path: "/a", Handler: h, Who: Staff("invoice.burn"), Rate: Page}},
		{"no right", "no right", auth.StaffKind, Route{Method: "GET", Path: "/a", Handler: h, Who: Staff(""), Rate: Page}},
		{"a right that customers cannot have", "cannot have", auth.CustomerKind, Route{Method: "GET", Path: "/a", Handler: h, Who: Customer(auth.InvoiceRefund), Rate: Page}},
		{"staff on a site of customers", "do not sign in here", auth.CustomerKind, Route{Method: "GET", Path: "/a", Handler: h, Who: Staff(auth.InvoiceRefund), Rate: Page}},
		{"customers on the site of staff", "cannot have", auth.StaffKind, Route{Method: "GET", Path: "/a", Handler: h, Who: Customer(auth.InvoiceSee), Rate: Page}},
		{"shared, but for some", "shared", auth.CustomerKind, Route{Method: "GET", Path: "/a", Handler: h, Who: SignedIn(), Rate: Page, Shared: true}},
		{"cookies without the token of forms", "token of forms", auth.CustomerKind, Route{Method: "POST", Path: "/a", Handler: h, Who: Anyone(), Rate: Page, NoCSRF: true}},
		{"a shared form", "NoCSRF", auth.CustomerKind, Route{Method: "POST", Path: "/a", Handler: h, Who: Anyone(), Rate: Page, Shared: true}},
		{"cookies for programs", "no cookies", auth.CustomerKind, Route{Method: "GET", Path: "/api/v1/x", Handler: h, Who: SignedIn(), Rate: API}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.r.check(tt.realm); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Error(err)
			}
		})
	}
	w := newWorld(t, dbtest.SQLite(t))
	for name, change := range map[string]func(*[]Site){
		"undeclared": func(s *[]Site) { (*s)[0].Routes = append((*s)[0].Routes, Route{Method: "GET", Path: "/x", Handler: h}) },
		"twice":      func(s *[]Site) { (*s)[0].Routes = append((*s)[0].Routes, (*s)[0].Routes[1]) },
		"twice, renamed": func(s *[]Site) {
			r := (*s)[1].Routes[1]
			r.Path = "/services/:name"
			(*s)[1].Routes = append((*s)[1].Routes, r)
		},
		"nowhere to sign in": func(s *[]Site) { (*s)[1].SignIn = "" },
		"one host for two":   func(s *[]Site) { (*s)[1].Base = "https://SHOP.example.com:443/" },
		"one name for two":   func(s *[]Site) { (*s)[1].Name = "storefront" },
		"no address":         func(s *[]Site) { (*s)[1].Base = "account.example.com" },
		"no realm":           func(s *[]Site) { (*s)[1].Realm = "" },
		"passes for staff":   func(s *[]Site) { (*s)[2].Enter = "/enter" },
	} {
		all := sites(t, w.clk)
		change(&all)
		if _, err := New(w.web.deps, all...); err == nil {
			t.Error(name)
		}
	}
}

func TestTheTable(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	var out bytes.Buffer
	if err := w.web.WriteTable(&out); err != nil {
		t.Fatal(err)
	}
	var table []Entry
	if err := json.Unmarshal(out.Bytes(), &table); err != nil {
		t.Fatal(err)
	}
	for _, want := range []Entry{
		{Site: "*", Method: "GET", Path: "/healthz", Who: "anyone", Rate: Free},
		{Site: "portal", Method: "POST", Path: "/services/:id/cancel", Who: "customer", Right: "service.cancel", CSRF: true, Rate: Page},
		{Site: "storefront", Method: "POST", Path: "/hooks/:instance", Who: "anyone", Rate: Hook},
		{Site: "storefront", Method: "POST", Path: "/api/v1/services/:id/cancel", Who: "token", Right: "service.cancel", Rate: API},
		{Site: "admin", Method: "GET", Path: "/staff", Who: "staff", Right: "staff.edit", Rate: Page},
		{Site: "portal", Method: "GET", Path: "/enter", Who: "anyone", Rate: Page},
	} {
		found := false
		for _, e := range table {
			found = found || e == want
		}
		if !found {
			t.Errorf("%+v is not in the table", want)
		}
	}
	// What echo answers is what the table says, and nothing else.
	declared := map[string]bool{}
	for _, e := range w.web.Table() {
		declared[e.Site+" "+e.Method+" "+e.Path] = true
	}
	for name, s := range w.web.byName {
		for _, r := range s.echo.Routes() {
			method := r.Method
			if method == http.MethodHead {
				method = http.MethodGet
			}
			if !declared[name+" "+method+" "+r.Path] {
				t.Errorf("%s answers %s %s", name, r.Method, r.Path)
			}
		}
	}
}
