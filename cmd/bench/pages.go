package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing/fstest"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/flosch/pongo2/v6"
	echoweb "github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/app"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/ledger"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/web/route"
)

// What the pages are measured with.
const (
	listedCustomers = 600
	fewDocuments    = 20
	manyDocuments   = 500
)

// site is the three sites on a port, and who asks there.
type site struct {
	*world
	web     http.Handler
	listens string
	staff   string // cookies
	few     string // of the user of a customer with few documents
	many    string
}

// subject is a page that is measured.
type subject struct {
	name, host, path, cookie, template string
	least                              float64
}

// pages measures pages with a load of clients beside what answers the same bytes, or draws the same struct.
func pages(ctx context.Context, b *bench) error {
	for _, database := range b.databases() {
		if err := b.pagesOn(ctx, database); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) pagesOn(ctx context.Context, database string) error {
	p, gone, err := b.fresh(ctx, database)
	if err != nil {
		return err
	}
	defer gone()
	s, err := newSite(ctx, p)
	if err != nil {
		return err
	}
	defer s.Close()
	server, err := serveOn(ctx, route.Server(s.web))
	if err != nil {
		return err
	}
	defer server.Close()
	s.listens = server.Addr
	drawn, err := captured(ctx, p, s)
	if err != nil {
		return fmt.Errorf("capture the page structs: %w", err)
	}
	all := []subject{
		{"storefront_home", "shop.bench", "/", "", "", 0.5}, {"storefront_pricing", "shop.bench", "/pricing", "", "", 0.5},
		{"portal_overview", "account.shop.bench", "/", s.few, "portal/overview.html", 0.33}, {"admin_customers", "admin.shop.bench", "/customers", s.staff, "admin/customers.html", 0.33},
	}
	for _, page := range all {
		if err := b.page(ctx, s, database, page, drawn[page.template]); err != nil {
			b.fail(page.name+" "+database, err)
		}
	}
	if err := b.pageQueries(ctx, s, database); err != nil {
		b.fail("portal_overview_queries "+database, err)
	}
	if err := b.pageGrowth(ctx, s, database); err != nil {
		b.fail("portal_overview_documents "+database, err)
	}
	return nil
}

// page measures one page at three loads.
func (b *bench) page(ctx context.Context, s *site, database string, p subject, drawn any) error {
	floor := b.echoes
	if p.template != "" {
		if drawn == nil {
			return fmt.Errorf("the page of %s was not drawn", p.template)
		}
		floor = b.draws
	}
	for _, n := range []int{1, 16, 100} {
		var rates, floors, p50, p99 []float64
		for range 3 {
			least, err := floor(ctx, s, p, drawn, n)
			if err != nil {
				return fmt.Errorf("floor: %w", err)
			}
			got, err := visitors(ctx, n, s.listens, p.host, p.path, p.cookie)
			if err != nil {
				return err
			}
			rates, floors, p50, p99 = append(rates, got.perSecond), append(floors, least.perSecond), append(p50, got.p50), append(p99, got.p99)
		}
		b.put(figure{Name: p.name, N: n, Value: median(rates), Unit: "requests/s, n clients", Database: database}.over(median(floors)), ratioAtLeast(p.least))
		b.put(figure{Name: p.name + "_p50", N: n, Value: median(p50), Unit: "µs, n clients", Database: database}, noTarget)
		b.put(figure{Name: p.name + "_p99", N: n, Value: median(p99), Unit: "µs, n clients", Database: database}, noTarget)
	}
	return nil
}

// echoes is a bare handler that answers what the page answers, behind the same server.
func (b *bench) echoes(ctx context.Context, s *site, p subject, _ any, n int) (load, error) {
	res := s.answer(ctx, p)
	if res.Code != http.StatusOK {
		return load{}, fmt.Errorf("%s answers %d", p.path, res.Code)
	}
	body := res.Body.Bytes()
	bare := echoweb.New()
	bare.GET(p.path, func(c echoweb.Context) error { return c.HTMLBlob(http.StatusOK, body) })
	server, err := serveOn(ctx, route.Server(bare))
	if err != nil {
		return load{}, err
	}
	defer server.Close()
	return visitors(ctx, n, server.Addr, p.host, p.path, "")
}

// draws is the template engine alone, without a server: the page struct was captured from an answer of the site.
func (b *bench) draws(ctx context.Context, s *site, p subject, drawn any, n int) (load, error) {
	want := s.answer(ctx, p).Body.Len()
	return together(ctx, n, func(int) (func() error, func(), error) {
		return func() error {
			out, err := s.Engine.Draw(p.template, drawn, s.Engine.Reader("en", nil))
			if err == nil && (len(out) < want*9/10 || len(out) > want*11/10) {
				err = fmt.Errorf("%d bytes were drawn, the page has %d", len(out), want)
			}
			return err
		}, func() {}, nil
	})
}

// answer asks the sites without a connection.
func (s *site) answer(ctx context.Context, p subject) *httptest.ResponseRecorder {
	req := httptest.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.host+p.path, nil)
	req.RemoteAddr = elsewhere() + ":1"
	if p.cookie != "" {
		req.Header.Set("Cookie", p.cookie)
	}
	res := httptest.NewRecorder()
	s.web.ServeHTTP(res, req)
	return res
}

// pageQueries counts the statements behind the overview.
func (b *bench) pageQueries(ctx context.Context, s *site, database string) error {
	for _, who := range []struct {
		documents int
		cookie    string
	}{{fewDocuments, s.few}, {manyDocuments, s.many}} {
		// Once a second some page also looks whether catalogue, taxes and settings are still those in memory.
		var counts []float64
		for range 9 {
			counting, counter := db.CountQueries(ctx)
			if res := s.answer(counting, subject{host: "account.shop.bench", path: "/", cookie: who.cookie}); res.Code != http.StatusOK {
				return fmt.Errorf("the overview answers %d", res.Code)
			}
			counts = append(counts, float64(counter.N()))
		}
		b.put(figure{Name: "portal_overview_queries", N: who.documents, Value: median(counts), Unit: "statements, n documents", Database: database}, atMost(15))
	}
	return nil
}

// pageGrowth compares the overview of a customer with many documents with that of one with few, in turns.
func (b *bench) pageGrowth(ctx context.Context, s *site, database string) error {
	var few, many []float64
	for range 7 {
		for _, side := range []struct {
			cookie string
			to     *[]float64
		}{{s.few, &few}, {s.many, &many}} {
			got, err := visitors(ctx, 1, s.listens, "account.shop.bench", "/", side.cookie)
			if err != nil {
				return err
			}
			*side.to = append(*side.to, got.p50)
		}
	}
	b.put(figure{Name: "portal_overview_documents", N: manyDocuments, Value: median(many), Unit: fmt.Sprintf("µs, beside %d documents", fewDocuments), Database: database}.over(median(few)), ratioAtMost(1.2))
	return nil
}

// listening is a server on a port of its own.
type listening struct {
	*http.Server
	done sync.WaitGroup
}

func serveOn(ctx context.Context, s *http.Server) (*listening, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.Addr = l.Addr().String()
	on := &listening{Server: s}
	on.done.Go(func() { s.Serve(l) }) //nolint:errcheck // it ends when it is closed
	return on, nil
}

// keepFilter is the filter of a theme that hands out the page struct instead of drawing it.
const keepFilter = "bench_keep"

// captured opens the sites once more, with a theme that keeps the page struct of each template that is measured.
func captured(ctx context.Context, p place, s *site) (map[string]any, error) {
	var kept any
	err := pongo2.RegisterFilter(keepFilter, func(in, _ *pongo2.Value) (*pongo2.Value, *pongo2.Error) {
		kept = in.Interface()
		return pongo2.AsValue("kept"), nil
	})
	if err != nil { // of a database before: it writes to that one's variable
		err = pongo2.ReplaceFilter(keepFilter, func(in, _ *pongo2.Value) (*pongo2.Value, *pongo2.Error) {
			kept = in.Interface()
			return pongo2.AsValue("kept"), nil
		})
	}
	if err != nil {
		return nil, err
	}
	theme := fstest.MapFS{}
	wanted := []subject{{template: "portal/overview.html", host: "account.shop.bench", path: "/", cookie: s.few}, {template: "admin/customers.html", host: "admin.shop.bench", path: "/customers", cookie: s.staff}}
	for _, w := range wanted {
		theme[w.template] = &fstest.MapFile{Data: []byte("{{ page|" + keepFilter + " }}")}
	}
	a, err := open(ctx, p, fs.FS(theme))
	if err != nil {
		return nil, err
	}
	defer a.Close()
	web, err := a.Web(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	for _, w := range wanted {
		kept = nil
		res := (&site{web: web}).answer(ctx, w)
		if res.Code != http.StatusOK || kept == nil {
			body, _ := io.ReadAll(res.Body)
			return nil, fmt.Errorf("%s answers %d and keeps nothing: %.200s", w.template, res.Code, body)
		}
		out[w.template] = kept
	}
	return out, nil
}

// newSite fills a shop with customers, two of whom sign in, and a member of staff.
func newSite(ctx context.Context, p place) (*site, error) {
	w, err := newWorld(ctx, p)
	if err != nil {
		return nil, err
	}
	s := &site{world: w}
	if err := s.fill(ctx); err != nil {
		w.Close()
		return nil, err
	}
	if s.web, err = w.Web(ctx); err != nil {
		w.Close()
		return nil, err
	}
	return s, nil
}

func (s *site) fill(ctx context.Context) error {
	day := s.today()
	if err := s.due(ctx, listedCustomers, day); err != nil {
		return err
	}
	if _, err := s.Flow.RunDay(ctx, day); err != nil {
		return err
	}
	m, err := s.Auth.SetUp(ctx, auth.NewStaff{Email: "staff@example.com", Name: "Astrid Berg", Password: "correct horse battery", Role: auth.RoleAdmin})
	if err != nil {
		return err
	}
	if s.staff, err = signedIn(ctx, s.App, auth.StaffKind, string(m.ID), ""); err != nil {
		return err
	}
	if s.few, err = s.member(ctx, "few", fewDocuments); err != nil {
		return err
	}
	s.many, err = s.member(ctx, "many", manyDocuments)
	return err
}

// member is a customer with four services and so many paid and open documents, and a user who is signed in.
func (s *site) member(ctx context.Context, name string, documents int) (cookie string, err error) {
	c, err := s.newcomer(ctx, name)
	if err != nil {
		return "", err
	}
	for i := range 4 {
		if _, err := s.running(ctx, c, s.today().Add(i+1)); err != nil {
			return "", err
		}
	}
	if err := s.documents(ctx, c, documents); err != nil {
		return "", err
	}
	u, err := s.Auth.RegisterUser(ctx, auth.NewUser{Email: c.Email, Name: c.Name(), Password: "correct horse battery"})
	if err != nil {
		return "", err
	}
	if err := s.Auth.Join(ctx, u.ID, c.ID, auth.RoleOwner); err != nil {
		return "", err
	}
	return signedIn(ctx, s.App, auth.CustomerKind, string(u.ID), string(c.ID))
}

// signedIn is the cookie of a session that the sites' own manager would have opened.
func signedIn(ctx context.Context, a *app.App, realm auth.Kind, person, acted string) (string, error) {
	m := &scs.SessionManager{Store: a.Auth.Sessions(realm, time.Hour), Codec: auth.SessionCodec{}, HashTokenInStore: true, Lifetime: 2 * time.Hour}
	ctx, err := m.Load(ctx, "")
	if err != nil {
		return "", err
	}
	for k, v := range map[string]string{auth.SessionRealm: string(realm), auth.SessionPerson: person, auth.SessionCustomer: acted, auth.SessionSince: a.Clock.Now().Format(time.RFC3339), auth.SessionAddress: "127.0.0.1", auth.SessionAgent: "bench"} {
		m.Put(ctx, k, v)
	}
	token, _, err := m.Commit(ctx)
	name := "session"
	if realm == auth.StaffKind {
		name = "session_staff"
	}
	return name + "=" + token, err
}

// openDocuments are left to be paid; all others are paid.
const openDocuments = 3

// documents issues n invoices to a customer.
func (s *site) documents(ctx context.Context, c customer.Customer, n int) error {
	day := s.today()
	set := make([]invoice.Draft, n)
	for i := range set {
		set[i] = invoice.Draft{
			Customer: c.ID, Kind: "manual", Currency: "EUR", Issued: day, Due: day.Add(14), Net: 1000, Total: 1000, Base: "EUR", RatePico: ledger.PicoOne,
			Seller: invoice.Party{Name: "Shop", Country: "DE"}, Buyer: invoice.Party{Name: c.Name(), Country: "DE"},
			Lines: []invoice.Line{{Kind: "manual", Text: "Work", QtyMicro: 1_000_000, Unit: 1000, Per: 1, List: 1000, Net: 1000, Explain: "{}"}},
		}
	}
	return s.DB.Tx(ctx, func(ctx context.Context) error {
		issued, err := s.Invoices.IssueSet(ctx, set)
		if err != nil {
			return err
		}
		for _, inv := range issued[:n-openDocuments] {
			if _, err := s.Invoices.Apply(ctx, inv.ID, inv.Total); err != nil {
				return err
			}
		}
		return nil
	})
}
