package view

import (
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/money"
	"github.com/ezscale/bursar/themes"
)

// serve answers a request to a site with one handler at every path.
func serve(t *testing.T, e *Engine, s Site, h echo.HandlerFunc, req *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	server := echo.New()
	server.HTTPErrorHandler = ErrorHandler(slog.New(slog.NewTextHandler(t.Output(), nil)))
	server.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Response().Header().Set(echo.HeaderXRequestID, "req_01")
			return next(c)
		}
	}, e.Use(s))
	server.Any("/*", h)
	rec := httptest.NewRecorder()
	server.ServeHTTP(rec, req)
	return rec
}

func TestEveryTemplateCompiles(t *testing.T) {
	if err := newEngine(t).Check(); err != nil {
		t.Fatal(err)
	}
}

func TestPagesShowWhatTheyAreGiven(t *testing.T) {
	e := newEngine(t)
	for site, want := range map[string][]string{
		"portal":     {`aria-current="page">Services`, "€1,204.88", "−€10.00", "state-busy", "12 Dec<", "4 Mar 2025", "2 h ago", `data-copy="203.0.113.24"`, `name="_csrf" value="token"`, "Nordlicht Medien GmbH", "btn-error", "web-01.nordlicht.example – ezscale"},
		"admin":      {`aria-current="page"`, "count-bad", "Mon 23 Nov 2026, 15:04 CET", "Partly paid", "data-chart="},
		"storefront": {"leader-total", "€155.89", `<html lang="en">`, "Sign in"},
	} {
		rec := serve(t, e, sampleSite(site), func(c echo.Context) error {
			p := samples()
			p.Current = "/services/svc_1"
			if site == "admin" {
				p.Current = "/invoices"
			}
			if site == "storefront" {
				p.User = ""
			}
			return Render(c, http.StatusOK, "sample/"+site+".html", p)
		}, httptest.NewRequest("GET", "/x", nil))
		if rec.Code != 200 {
			t.Fatalf("%s: %d %s", site, rec.Code, rec.Body)
		}
		for _, w := range want {
			if w == "Sign in" {
				continue
			}
			if !strings.Contains(rec.Body.String(), w) {
				t.Errorf("%s page lacks %q", site, w)
			}
		}
		for _, bad := range []string{"style=", "<nil>", "%!", "onclick", "reflect.Value"} {
			if strings.Contains(rec.Body.String(), bad) {
				t.Errorf("%s page holds %q", site, bad)
			}
		}
		if got := rec.Header().Get("Cache-Control"); got != "no-store" {
			t.Errorf("Cache-Control is %q", got)
		}
	}
}

func TestFormKeepsWhatWasTypedAndSaysWhatIsWrong(t *testing.T) {
	e := newEngine(t)
	post := httptest.NewRequest("POST", "/account/address", strings.NewReader("company=++A+%3Cb%3E++&vat=12&country=FR&copies=on&note=x&cycle=y&admin=1"))
	post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := serve(t, e, sampleSite("portal"), func(c echo.Context) error {
		p := samples()
		p.Form.Field("vat").Error = ""
		p.Form.Read(c)
		p.Form.Need("zip")
		p.Failed = p.Form.Failed(fault.New(fault.Invalid, "vat", "The register does not know it.").On("vat"))
		if !p.Failed || p.Form.OK() {
			t.Error("the form counts as right")
		}
		if p.Form.Get("company") != "A <b>" || p.Form.Get("copies") != "1" || p.Form.Get("admin") != "" {
			t.Errorf("read %q, %q", p.Form.Get("company"), p.Form.Get("copies"))
		}
		return Render(c, http.StatusUnprocessableEntity, "sample/form.html", p)
	}, post)
	body := rec.Body.String()
	for _, want := range []string{"<title>Error: ", `id="errors"`, "The register does not know it.", "Choose one of these.", "Postcode is needed.", `value="A &lt;b&gt;"`, `aria-invalid="true"`, `href="#f-vat"`, "4 fields need a look"} {
		if !strings.Contains(body, want) {
			t.Errorf("form lacks %q", want)
		}
	}
	if NewForm("/", "Go").Failed(errors.New("disk")) || NewForm("/", "Go").Failed(fault.New(fault.Unavailable, "x", "")) {
		t.Error("an error that nobody can mend at the form was taken for its own")
	}
}

func TestErrorsTellFaultTextOnly(t *testing.T) {
	e := newEngine(t)
	for _, c := range []struct {
		err    error
		status int
		says   string
	}{
		{fault.New(fault.NotFound, "invoice_not_found", "That invoice does not exist."), 404, "That invoice does not exist."},
		{fault.New(fault.Forbidden, "x", ""), 403, "You may not do this."},
		{fault.New(fault.Conflict, "x", "Paid already."), 409, "Paid already."},
		{fault.New(fault.Unavailable, "x", "").Retry(30 * time.Second), 503, "does not answer"},
		{fault.New(fault.Declined, "slow", "Too many tries.").Retry(time.Minute), 429, "Too many tries."},
		{fault.New(fault.Internal, "secret_code", "secret text"), 500, "Something on our side went wrong."},
		{errors.New("dial tcp 10.0.0.7: secret"), 500, "Something on our side went wrong."},
		{echo.ErrMethodNotAllowed, 405, "cannot be used"},
		{echo.NewHTTPError(404, "secret"), 404, "This page does not exist."},
	} {
		for _, path := range []string{"/x", "/api/v1/x"} {
			rec := serve(t, e, sampleSite("portal"), func(echo.Context) error { return c.err }, httptest.NewRequest("GET", path, nil))
			body := rec.Body.String()
			if rec.Code != c.status || !strings.Contains(body, c.says) || !strings.Contains(body, "req_01") || strings.Contains(body, "secret") {
				t.Errorf("%v at %s: %d %s", c.err, path, rec.Code, body)
			}
			if path != "/x" && rec.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("content type %q", rec.Header().Get("Content-Type"))
			}
		}
	}
}

func TestChildThemeReplacesAndReachesItsParent(t *testing.T) {
	child := fstest.MapFS{
		"layout/portal.html": {Data: []byte(`{% extends "base:layout/portal.html" %}{% block tools %}MINE{% endblock %}`)},
		"part/mark.html":     {Data: []byte(`<i>mark</i>`)},
		"assets/theme.css":   {Data: []byte(`:root{}`)},
	}
	e := newEngine(t, child)
	rec := serve(t, e, sampleSite("portal"), func(c echo.Context) error { return Render(c, 200, "sample/portal.html", samples()) }, httptest.NewRequest("GET", "/", nil))
	for _, want := range []string{"MINE", "<i>mark</i>", "Next 30 days", `href="/assets/theme.`} {
		if !strings.Contains(rec.Body.String(), want) {
			t.Errorf("lacks %q", want)
		}
	}
}

func TestThemesThatNeverEndAreRefused(t *testing.T) {
	for name, theme := range map[string]fstest.MapFS{
		"circle":   {"a.html": {Data: []byte(`{% include "b.html" %}`)}, "b.html": {Data: []byte(`{% extends "a.html" %}`)}},
		"computed": {"a.html": {Data: []byte(`{% include page.Name %}`)}},
		"file":     {"a.html": {Data: []byte(`{% ssi "/etc/passwd" %}`)}},
		"missing":  {"a.html": {Data: []byte(`{% include "../../etc/passwd" %}`)}},
	} {
		if _, err := New(Options{Themes: []fs.FS{theme}, Clock: clock.System{}}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestATemplateThatPanicsIsAnError(t *testing.T) {
	e, err := New(Options{Themes: []fs.FS{fstest.MapFS{"a.html": {Data: []byte(`{{ 1/page.N }}`)}}}, Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := e.Draw("a.html", struct{ N int }{0}, nil); err == nil {
		t.Errorf("drew %q", out)
	}
}

func TestFiltersSpeakTheReadersLanguage(t *testing.T) {
	e := newEngine(t)
	de, en := e.Reader("de", nil), e.Reader("en", nil)
	if got := de.Money(money.Of(120488, "EUR")); got != "1.204,88\u00a0€" {
		t.Errorf("German: %q", got)
	}
	if got := en.Money(money.Of(-5, "JPY")); got != "−¥5" {
		t.Errorf("yen: %q", got)
	}
	if got := en.Time(noon.Add(-3 * time.Hour)); got != "today, 12:04" {
		t.Errorf("time: %q", got)
	}
	if got := de.Day(time.Date(2027, 3, 1, 23, 30, 0, 0, time.UTC), false); got != "2 März 2027" {
		t.Errorf("day: %q", got)
	}
	if got := byteText(9.4e12); got != "9.4 TB" {
		t.Errorf("bytes: %q", got)
	}
}

func TestFlashIsSignedAndShownOnce(t *testing.T) {
	e := newEngine(t)
	set := serve(t, e, sampleSite("portal"), func(c echo.Context) error { Tell(c, Good, "Done & saved."); return c.NoContent(204) }, httptest.NewRequest("POST", "/", nil))
	cookie := set.Result().Cookies()[0]
	show := func(value string) string {
		req := httptest.NewRequest("GET", "/", nil)
		req.AddCookie(&http.Cookie{Name: cookie.Name, Value: value})
		return serve(t, e, sampleSite("portal"), func(c echo.Context) error {
			p := samples()
			p.Flash = nil
			return Render(c, 200, "sample/portal.html", p)
		}, req).Body.String()
	}
	if !strings.Contains(show(cookie.Value), "Done &amp; saved.") {
		t.Error("not shown")
	}
	if strings.Contains(show(cookie.Value+"x"), "saved.") {
		t.Error("a forged one was shown")
	}
}

func TestFormsMayLeadToTheGateway(t *testing.T) {
	rec := serve(t, newEngine(t), sampleSite("storefront"), func(c echo.Context) error {
		AllowForms(c, "https://pay.example/x?y", "javascript:alert(1)")
		return c.NoContent(204)
	}, httptest.NewRequest("GET", "/", nil))
	if got := rec.Header().Get("Content-Security-Policy"); !strings.Contains(got, "form-action 'self' https://pay.example;") || strings.Contains(got, "unsafe") {
		t.Error(got)
	}
}

func TestCacheDrawsOncePerVersion(t *testing.T) {
	e, cache, built := newEngine(t), NewCache(8), 0
	get := func(version, match string) *httptest.ResponseRecorder {
		req := httptest.NewRequest("GET", "/vps", nil)
		req.Header.Set("Accept-Encoding", "gzip")
		req.Header.Set("If-None-Match", match)
		return serve(t, e, sampleSite("storefront"), func(c echo.Context) error {
			key := KeyOf(c)
			key.Version = version
			return cache.Serve(c, key, func() (string, any, error) { built++; return "sample/storefront.html", samples(), nil })
		}, req)
	}
	first := get("1", "")
	if first.Header().Get("Content-Encoding") != "gzip" || first.Code != 200 {
		t.Fatalf("%d %v", first.Code, first.Header())
	}
	if again := get("1", first.Header().Get("ETag")); again.Code != 304 || built != 1 {
		t.Errorf("%d, built %d times", again.Code, built)
	}
	if get("2", ""); built != 2 {
		t.Errorf("built %d times", built)
	}
}

func TestEveryMailHasSubjectTextAndPage(t *testing.T) {
	e := newEngine(t)
	data := map[string]any{"Brand": "ezscale", "Sender": "EZSCALE, Frankfurt", "Link": "https://account.example/i?a=1&b=2", "Number": "INV-1", "Subject": "A & B", "Text": "Hello.",
		"Total": money.Of(7805, "EUR"), "Paid": money.Of(7805, "EUR"), "Due": period.Date(2026, 11, 27), "Service": "web <01>", "Method": "Visa 4242",
		"Lines": []map[string]any{{"Label": "VPS-8 <b>", "Amount": money.Of(6559, "EUR")}, {"Label": "VAT", "Amount": money.Of(1246, "EUR")}}}
	files, err := fs.Glob(themes.FS, "mail/*.html")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, file := range append(files, "mail/nobody-wrote-this.html") {
		name := strings.TrimSuffix(strings.TrimPrefix(file, "mail/"), ".html")
		if name == "layout" {
			continue
		}
		m, err := e.Mail(name, "en", data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if strings.ContainsAny(m.Subject, "\n<{") && !strings.Contains(m.Subject, "web <01>") || strings.Contains(m.Text, "&") && !strings.Contains(m.Text, "a=1&b=2") || strings.Contains(m.Text, "{") ||
			!strings.Contains(m.Text, "VPS-8 <b>: €65.59") || strings.Contains(m.HTML, "<b>") || !strings.Contains(m.HTML, "€78.05") {
			t.Errorf("%s: %q\n%s", name, m.Subject, m.Text)
		}
		if !strings.Contains(m.Text, "\nhttps://account.example/i?a=1&b=2\n") || !strings.Contains(m.Text, "\nVAT: €12.46\n") {
			t.Errorf("%s runs its lines together:\n%s", name, m.Text)
		}
	}
	if m, err := e.Mail("invoice_issued", "de", data); err != nil || !strings.Contains(m.Subject, "78,05\u00a0€") {
		t.Errorf("%q %v", m.Subject, err)
	}
}

func TestPaperShowsSums(t *testing.T) {
	e := newEngine(t)
	page := &PaperPage{Page: Page{Title: "Invoice INV-1"}, Kind: "Invoice", Number: "INV-1", Buyer: []string{"Nordlicht <Medien>", "Hamburg"}, Paid: true, Facts: []Fact{{Label: "Issued", Value: period.Date(2026, 11, 12)}},
		Lines: []PaperLine{{Text: "VPS-8", Sub: "12 Nov – 12 Dec", Quantity: "1 month", Price: money.Of(1690, "EUR"), Net: money.Of(1690, "EUR"), Tax: "19 %"}},
		Sums:  []Leader{{Label: "Total", Amount: money.Of(2011, "EUR"), Total: true}}, Seller: [][]string{{"EZSCALE", "Frankfurt"}}}
	out, err := e.Draw("paper/invoice.html", page, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"€20.11", "Nordlicht &lt;Medien&gt;<br>Hamburg", "12 Nov 2026", "Paid.", "VPS-8"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("lacks %q", want)
		}
	}
}
