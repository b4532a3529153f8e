package route

import (
	"bytes"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/themes"
)

var noon = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	pass   = "correct horse battery"
	shop   = "https://shop.example.com"
	portal = "https://account.example.com"
	admin  = "https://admin.example.com"
)

// world is three small sites: each page says who asks.
type world struct {
	t    *testing.T
	web  *Web
	auth *auth.Service
	clk  *clock.Stopped
	log  *bytes.Buffer
}

func newWorld(t *testing.T, d *db.DB, change ...func(*Deps)) *world {
	t.Helper()
	w := &world{t: t, clk: clock.At(noon), log: &bytes.Buffer{}}
	w.auth = auth.New(auth.Deps{DB: d, Clock: w.clk, Audit: audit.New(d, w.clk)})
	deps := Deps{
		Auth: w.auth, Wall: w.clk, Log: slog.New(slog.NewTextHandler(&locked{w: w.log}, nil)), Key: bytes.Repeat([]byte("k"), 32),
		Probes: map[string]http.Handler{"/healthz": http.HandlerFunc(func(res http.ResponseWriter, _ *http.Request) { io.WriteString(res, "ok") })},
	}
	for _, c := range change {
		c(&deps)
	}
	var err error
	w.web, err = New(deps, sites(t, w.clk)...)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func who(c echo.Context) error {
	a := Actor(c)
	token, _ := c.Get(view.CSRFKey).(string)
	return c.String(http.StatusOK, "who="+string(a.Kind)+" person="+a.Person()+" for="+string(a.Customer)+" csrf="+token+";")
}

func sites(t *testing.T, clk clock.Clock) []Site {
	engine, err := view.New(view.Options{Themes: []fs.FS{themes.FS}, Clock: clk, Key: bytes.Repeat([]byte("v"), 32), Secure: true})
	if err != nil {
		t.Fatal(err)
	}
	signIn := func(c echo.Context) error {
		if _, err := SignInUser(c, c.FormValue("email"), c.FormValue("password")); err != nil {
			return err
		}
		return c.Redirect(http.StatusSeeOther, Next(c))
	}
	signInStaff := func(c echo.Context) error {
		if _, err := SignInStaff(c, c.FormValue("email"), c.FormValue("password")); err != nil {
			return err
		}
		return c.Redirect(http.StatusSeeOther, Next(c))
	}
	signOut := func(c echo.Context) error {
		if err := SignOut(c); err != nil {
			return err
		}
		return c.Redirect(http.StatusSeeOther, "/sign-in")
	}
	actFor := func(c echo.Context) error {
		if err := ActFor(c, ids.Customer(c.FormValue("customer"))); err != nil {
			return err
		}
		return who(c)
	}
	return []Site{
		{Name: "storefront", Base: shop, Realm: auth.CustomerKind, Engine: engine, View: view.Site{Name: "storefront"}, SignIn: portal + "/sign-in", Routes: []Route{
			{Method: "GET", Path: "/", Handler: who, Who: Anyone(), Rate: Page, Shared: true},
			{Method: "GET", Path: "/cart", Handler: who, Who: Anyone(), Rate: Page},
			{Method: "GET", Path: "/api/v1/services", Handler: who, Who: Token(auth.ServiceSee), Rate: API},
			{Method: "POST", Path: "/api/v1/services/:id/cancel", Handler: who, Who: Token(auth.ServiceCancel), Rate: API},
			{Method: "POST", Path: "/hooks/:instance", Handler: who, Who: Anyone(), Rate: Hook, Shared: true, NoCSRF: true},
		}},
		{Name: "portal", Base: portal, Realm: auth.CustomerKind, Engine: engine, View: view.Site{Name: "portal"}, SignIn: "/sign-in", Enter: "/enter", Routes: []Route{
			{Method: "GET", Path: "/", Handler: who, Who: Customer(auth.CustomerSee), Rate: Page},
			{Method: "GET", Path: "/services/:id", Handler: who, Who: Customer(auth.ServiceSee), Rate: Page},
			{Method: "GET", Path: "/sign-in", Handler: who, Who: Anyone(), Rate: Page},
			{Method: "POST", Path: "/sign-in", Handler: signIn, Who: Anyone(), Rate: SignInOn},
			{Method: "POST", Path: "/sign-out", Handler: signOut, Who: SignedIn(), Rate: Page},
			{Method: "POST", Path: "/act-for", Handler: actFor, Who: SignedIn(), Rate: Page},
			{Method: "POST", Path: "/services/:id/cancel", Handler: who, Who: Customer(auth.ServiceCancel), Rate: Page},
			{Method: "POST", Path: "/tickets", Handler: who, Who: Customer(auth.TicketWrite), Rate: Ticket},
			{Method: "GET", Path: "/panic", Handler: func(echo.Context) error { panic("secret 1234") }, Who: Anyone(), Rate: Page},
		}},
		{Name: "admin", Base: admin, Realm: auth.StaffKind, Engine: engine, View: view.Site{Name: "admin"}, SignIn: "/sign-in", Routes: []Route{
			{Method: "GET", Path: "/", Handler: who, Who: Staff(auth.CustomerSee), Rate: Page},
			{Method: "GET", Path: "/sign-in", Handler: who, Who: Anyone(), Rate: Page},
			{Method: "POST", Path: "/sign-in", Handler: signInStaff, Who: Anyone(), Rate: SignInOn},
			{Method: "GET", Path: "/staff", Handler: who, Who: Staff(auth.StaffEdit), Rate: Page},
		}},
	}
}

// browser keeps cookies for each host, as a browser does.
type browser struct {
	w       *world
	cookies map[string]map[string]string // host, name
	from    string                       // network address
	header  map[string]string            // sent with everything
}

func (w *world) browser() *browser {
	return &browser{w: w, cookies: map[string]map[string]string{}, from: "192.0.2.1:5000", header: map[string]string{}}
}

func (b *browser) do(method, address string, form url.Values) *httptest.ResponseRecorder {
	b.w.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		b.w.t.Fatal(err)
	}
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req := httptest.NewRequest(method, u.RequestURI(), body)
	req.Host, req.RemoteAddr = u.Host, b.from
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", u.Scheme+"://"+u.Host)
	}
	for name, value := range b.header {
		req.Header.Set(name, value)
	}
	for name, value := range b.cookies[u.Host] {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	res := httptest.NewRecorder()
	b.w.web.ServeHTTP(res, req)
	for _, k := range res.Result().Cookies() {
		if b.cookies[u.Host] == nil {
			b.cookies[u.Host] = map[string]string{}
		}
		if k.MaxAge < 0 {
			delete(b.cookies[u.Host], k.Name)
		} else {
			b.cookies[u.Host][k.Name] = k.Value
		}
	}
	return res
}

func (b *browser) get(address string) *httptest.ResponseRecorder {
	b.w.t.Helper()
	return b.do("GET", address, nil)
}

var csrfIn = regexp.MustCompile(`csrf=([\w-]+);`)

// post fills in the token of the page at another address first.
func (b *browser) post(address, page string, form url.Values) *httptest.ResponseRecorder {
	b.w.t.Helper()
	m := csrfIn.FindStringSubmatch(b.get(page).Body.String())
	if m == nil {
		b.w.t.Fatalf("%s has no token", page)
	}
	if form == nil {
		form = url.Values{}
	}
	form.Set(view.CSRFField, m[1])
	return b.do("POST", address, form)
}

func (b *browser) signIn(site, email, password string) *httptest.ResponseRecorder {
	b.w.t.Helper()
	return b.post(site+"/sign-in", site+"/sign-in", url.Values{"email": {email}, "password": {password}})
}

func (w *world) user(email, role string) (auth.User, ids.Customer) {
	w.t.Helper()
	u, err := w.auth.RegisterUser(w.t.Context(), auth.NewUser{Email: email, Name: "Jane Doe", Password: pass})
	if err != nil {
		w.t.Fatal(err)
	}
	c := ids.New[ids.Customer]()
	if err := w.auth.Join(w.t.Context(), u.ID, c, role); err != nil {
		w.t.Fatal(err)
	}
	return u, c
}

func (w *world) staff(email, role string) auth.Staff {
	w.t.Helper()
	m, err := w.auth.CreateStaff(w.t.Context(), auth.NewStaff{Email: email, Name: "Sam Staff", Password: pass, Role: role})
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

func (b *browser) is(address, want string) {
	b.w.t.Helper()
	if res := b.get(address); !strings.Contains(res.Body.String(), want) {
		b.w.t.Errorf("%s: %d %q, want %q", address, res.Code, res.Body, want)
	}
}
