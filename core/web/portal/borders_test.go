package portal

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/contact/notify"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/platform/auth"
)

var variable = regexp.MustCompile(`req_[A-Z0-9]+|name="_csrf" value="[^"]+"|<dd class="mono">[^<]*</dd>|<time[^>]*>[^<]*</time>|<dd class="num">[^<]*</dd>`)

// same is an answer without what differs from request to request.
func same(a answer, id string) string {
	return fmt.Sprint(a.status, " ", strings.ReplaceAll(a.to, id, "ID"), "\n", variable.ReplaceAllString(strings.ReplaceAll(a.body, id, "ID"), ""))
}

// Every route with an ID is asked for what is another customer's and for what never was: nobody can tell the two apart.
func TestWhatIsAnothersDoesNotExist(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	mine, theirs := h.member("Jana", "Petersen", ""), h.member("Otto", "Gast", "")
	h.buy(mine, "own-01")
	sub, inv := h.buy(theirs, "foreign-01")
	methods, err := h.deps.Payments.Methods(h.ctx, theirs.ID)
	h.ok(err)
	attempts, err := h.deps.Payments.List(h.ctx, payment.AttemptFilter{Customer: theirs.ID})
	h.ok(err)
	mails, err := h.deps.Notify.List(h.ctx, notify.Filter{Customer: theirs.ID})
	h.ok(err)
	other := h.as(theirs)
	other.post("/account/tokens", "label", "deploy", "expires", "90", "scopes", "service.see").want(t, 200, auth.TokenPrefix)
	asOther, err := h.deps.Auth.ActorOfUser(h.ctx, theirs.user.ID, theirs.ID)
	h.ok(err)
	tokens, err := h.deps.Auth.Tokens(auth.With(h.ctx, asOther), string(theirs.user.ID))
	h.ok(err)
	sessions, err := h.deps.Auth.ListSessions(auth.With(h.ctx, asOther), string(theirs.user.ID))
	h.ok(err)
	draft := invoice.Draft{Customer: mine.ID, Kind: invoice.KindManual, Currency: "EUR", Lines: []invoice.Line{{Text: "Work", Kind: "once", QtyMicro: 1_000_000, Unit: 100, Per: 1, List: 100, Net: 100, Explain: "{}"}}, Net: 100, Total: 100}
	kept, err := h.deps.Invoices.SaveDraft(h.ctx, &draft)
	h.ok(err)

	foreign := map[string][2]string{ // by the beginning of the path: another's, and one that never was
		"/services/": {string(sub), string(ids.New[ids.Subscription]())}, "/invoices/": {string(inv), string(ids.New[ids.Invoice]())}, "/pay/return/": {string(attempts.List[0].ID), string(ids.New[ids.Attempt]())},
		"/methods/": {string(methods[0].ID), string(ids.New[ids.Method]())}, "/account/mails/": {string(mails.List[0].ID), string(ids.New[ids.Mail]())},
		"/account/tokens/": {string(tokens[0].ID), string(ids.New[ids.Token]())}, "/account/security/sessions/": {sessions[0].ID, "nosuchsession"},
	}
	form := []string{"old", pass, "key", "k", "action", "restart", "when", "end", "label", "x", "way", "page:card"}
	b := h.as(mine)
	asked := 0
	for _, r := range h.site.Routes() {
		start, rest, ok := strings.Cut(r.Path, ":")
		if !ok || strings.HasSuffix(r.Path, ":token") { // links that are secrets have their own tests
			continue
		}
		pair, ok := foreign[start]
		if !ok {
			t.Errorf("%s %s is not asked for", r.Method, r.Path)
			continue
		}
		_, rest, _ = strings.Cut(rest, "/")
		if rest != "" {
			rest = "/" + strings.Replace(rest, ":note", string(ids.New[ids.CreditNote]()), 1)
		}
		ask := func(id string) answer {
			if r.Method == http.MethodGet {
				return b.get(start + id + rest)
			}
			return b.post(start+id+rest, form...)
		}
		theirs, none := ask(pair[0]), ask(pair[1])
		asked++
		if a, z := same(theirs, pair[0]), same(none, pair[1]); a != z {
			t.Errorf("%s %s tells what is another's from what is not:\n%s\n%s", r.Method, r.Path, mainOf(a), mainOf(z))
		}
		if theirs.status != http.StatusNotFound && start != "/account/security/sessions/" { // a session that is over already is no error
			t.Errorf("%s %s answers %d for another's", r.Method, r.Path, theirs.status)
		}
		if start != "/account/security/sessions/" {
			if p := ask("nonsense"); p.status != http.StatusNotFound {
				t.Errorf("%s %s answers %d for what is no ID", r.Method, r.Path, p.status)
			}
		}
	}
	if asked < 20 {
		t.Errorf("only %d routes were asked", asked)
	}
	other.get("/account").want(t, 200) // the other's session goes on
	b.get("/invoices/"+string(kept.ID)).want(t, 404)
	b.get("/invoices/"+string(kept.ID)+"/pdf").want(t, 404)
	b.get("/invoices").want(t, 200, "!Work", "1 document")
	for id, path := range map[string]string{string(sub): "/services/", string(inv): "/invoices/"} {
		other.get(path+id).want(t, 200)
	}
}

func TestEveryPageButTheOpenOnesWantsSomebodySignedIn(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	b := h.visitor()
	for _, r := range h.site.Routes() {
		open := r.Path == SignIn || r.Path == "/sign-out" || r.Path == "/forgot" || strings.HasPrefix(r.Path, "/reset/") || strings.HasPrefix(r.Path, "/verify/") || strings.HasPrefix(r.Path, "/pay/")
		if open || r.Method != http.MethodGet {
			continue
		}
		path := regexp.MustCompile(`:[a-z]+`).ReplaceAllString(r.Path, "x")
		if p := b.get(path); p.status != http.StatusSeeOther || !strings.HasPrefix(p.to, SignIn) {
			t.Errorf("%s answers %d to %q", path, p.status, p.to)
		}
	}
}

func TestRolesMayDoWhatTheyMayAndSeeNoButtonsForTheRest(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	m, tech := h.member("Jana", "Petersen", ""), h.member("Tina", "Tech", "")
	sub, _ := h.buy(m, "web-01")
	inv := h.order(m, "db-01").Invoice.ID
	h.ok(h.deps.Auth.Join(h.ctx, tech.user.ID, m.ID, auth.RoleTechnical))
	b := h.visitor()
	b.get(SignIn)
	b.post(SignIn, "email", tech.user.Email, "password", pass).gone(t, "/accounts") // two to choose from
	b.get("/accounts").want(t, 200, "Jana Petersen", "Tina Tech", "Go on as this customer")
	b.post("/accounts", "customer", string(m.ID)).gone(t, "/")
	b.get("/services/"+string(sub)).want(t, 200, "Restart web-01?", "!/cancel")
	b.get("/services/"+string(sub)+"/cancel").want(t, 403)
	b.get("/invoices/"+string(inv)).want(t, 200, "!Pay €")
	b.post("/invoices/"+string(inv)+"/pay", "way", "page:card").want(t, 403)
	b.get("/methods").want(t, 200, "!Remove", "!Make default")
	b.post("/methods", "gateway", "card").want(t, 403)
	b.post("/accounts", "customer", string(h.member("Eve", "Else", "").ID)).want(t, 404)
}

func TestSigningInOutAndLostPasswords(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	m := h.member("Jana", "Petersen", "")
	b := h.visitor()
	b.get("/invoices?show=pay").gone(t, "/sign-in?next=%2Finvoices%3Fshow%3Dpay")
	page := b.get("/sign-in?next=%2Finvoices%3Fshow%3Dpay").want(t, 200, "Mail address", "Forgot the password")
	b.post(SignIn, "email", m.user.Email, "password", "wrong", "next", page.value("next")).want(t, 422, "do not belong together", `value="jana@petersen.example"`, "!wrong")
	b.post(SignIn, "email", m.user.Email, "password", pass, "next", page.value("next")).gone(t, "/invoices?show=pay")
	b.get(SignIn).gone(t, "/")
	b.get("/").want(t, 200, "Jana Petersen")
	b.post("/sign-out").gone(t, SignIn)
	b.get("/").gone(t, SignIn)
	for _, evil := range []string{"//evil.example", "https://evil.example", "/\\evil.example"} {
		v := h.visitor()
		v.get(SignIn)
		v.post(SignIn, "email", m.user.Email, "password", pass, "next", evil).gone(t, "/")
	}

	known, unknown := h.visitor(), h.visitor()
	known.get("/forgot")
	unknown.get("/forgot")
	if a, z := known.post("/forgot", "email", m.user.Email), unknown.post("/forgot", "email", "nobody@nowhere.example"); same(a, "x") != same(z, "x") {
		t.Error("one can tell who has an account")
	}
	known.get(SignIn).want(t, 200, "If we know this address, a link is on its way to it.")
	h.ok(h.flow.Drain(h.ctx))
	link := h.mails.link(m.user.Email)
	if !strings.HasPrefix(link, "/reset/") || len(h.mails.mails) != 1 {
		t.Fatalf("mails %d, link %q", len(h.mails.mails), link)
	}
	mailed := h.visitor()
	mailed.get(link).want(t, 200, "Choose a new password")
	mailed.post(link, "password", "short").want(t, 422, "at least 10 letters")
	mailed.post(link, "password", "a new and better one").gone(t, SignIn)
	mailed.get(link).gone(t, "/forgot")
	mailed.get("/forgot").want(t, 200, "This link was used before or is too old.")
	b.get(SignIn)
	b.post(SignIn, "email", m.user.Email, "password", pass).want(t, 422)
	b.post(SignIn, "email", m.user.Email, "password", "a new and better one").gone(t, "/")
}

func TestAnAddressIsProvenByAPressAndNotByALook(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	m := h.member("Jana", "Petersen", "")
	b := h.as(m)
	b.get("/account/security").want(t, 200, "Not confirmed")
	b.post("/account/security/verify").gone(t, "/account/security")
	h.ok(h.flow.Drain(h.ctx))
	link := h.mails.link(m.user.Email)
	for range 3 {
		h.visitor().get(link).want(t, 200, "Confirm the address")
	}
	v := h.visitor()
	v.get(link)
	v.post(link).gone(t, "/")
	b.get("/account/security").want(t, 200, ">Confirmed<")
	v.post(link).gone(t, "/forgot")
}

func TestSecurityEndsOtherSessionsAndKeepsThisOne(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	m := h.member("Jana", "Petersen", "")
	b, phone := h.as(m), h.as(m)
	page := b.get("/account/security").want(t, 200, "This one", "Sign out there")
	at := regexp.MustCompile(`/account/security/sessions/[^"]+/end`).FindString(page.body)
	b.post(at).gone(t, "/account/security")
	phone.get("/account").gone(t, "/sign-in?next=%2Faccount")
	b.get("/account/security").want(t, 200, "!Sign out there")
	phone = h.as(m)
	b.post("/account/security/password", "old", "wrong", "password", "a new and better one").want(t, 422, "This is not the present password.")
	b.post("/account/security/password", "old", pass, "password", "a new and better one").gone(t, "/account/security")
	b.get("/account/security").want(t, 200, "Everywhere else you are signed out.")
	phone.get("/account").gone(t, "/sign-in?next=%2Faccount")
	b.post("/account/security/email", "email", "new@petersen.example", "old", "a new and better one").gone(t, "/account/security")
	h.ok(h.flow.Drain(h.ctx))
	if h.mails.link("new@petersen.example") == "" {
		t.Error("the new address got no link")
	}
	told := false
	for _, mail := range h.mails.mails {
		told = told || mail.To.Address == "jana@petersen.example" && strings.Contains(mail.Text, "new@petersen.example")
	}
	if !told {
		t.Error("the old address was not told")
	}
}

func TestTokensAreShownOnceWithWhatTheyMay(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	m := h.member("Jana", "Petersen", "")
	b := h.as(m)
	b.get("/account/tokens")
	b.post("/account/tokens", "label", "", "expires", "90", "scopes", "service.see").want(t, 422, "!"+auth.TokenPrefix)
	b.post("/account/tokens", "label", "deploy", "expires", "90", "scopes", "customer.stand_in").want(t, 422, "Choose at least one scope", `value="deploy"`)
	made := b.post("/account/tokens", "label", "deploy", "expires", "30", "scopes", "service.see", "scopes", "invoice.see").want(t, 200, auth.TokenPrefix, "It is shown this once")
	secret := regexp.MustCompile(auth.TokenPrefix + `[A-Za-z0-9_-]+`).FindString(made.body)
	a, err := h.deps.Auth.ByToken(h.ctx, secret)
	h.ok(err)
	if a.Customer != m.ID || !a.Can(auth.ServiceSee) || a.Can(auth.ServiceControl) {
		t.Errorf("the token may %v for %s", a.Scopes, a.Customer)
	}
	list := b.get("/account/tokens").want(t, 200, "deploy", "last used", "12 Dec", "!"+auth.TokenPrefix)
	b.post(regexp.MustCompile(`/account/tokens/[^"]+/revoke`).FindString(list.body)).gone(t, "/account/tokens")
	if _, err := h.deps.Auth.ByToken(h.ctx, secret); err == nil {
		t.Error("the token still opens")
	}
}

func TestStaffInACustomersPlaceSeesABarAndNoSecrets(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	m := h.member("Jana", "Petersen", "")
	sub, _ := h.buy(m, "web-01")
	boss, err := h.deps.Auth.CreateStaff(h.ctx, auth.NewStaff{Email: "mira@shop.test", Name: "Mira", Password: pass, Role: auth.RoleAdmin})
	h.ok(err)
	actor, err := h.deps.Auth.ActorOfStaff(h.ctx, boss.ID)
	h.ok(err)
	secret, err := h.deps.Auth.StandIn(auth.With(h.ctx, actor), m.ID, "asked on the phone")
	h.ok(err)
	b := h.visitor()
	b.get("/enter?pass="+secret+"&next=/services").want(t, 200, "Continue as")
	b.post("/enter", "pass", secret, "next", "/services").gone(t, "/services")
	b.get("/services").want(t, 200, "Mira is here in place of Jana Petersen.", "web-01")
	b.get("/services/"+string(sub)).want(t, 200, "!Reveal once")
	b.get("/services/"+string(sub)+"/reveal").want(t, 403)
	b.get("/account/security").want(t, 403)
	b.get("/account/tokens").want(t, 403)
	b.post("/enter", "pass", secret).want(t, 422)
}

func TestMailsAreReadAsTextAndRunNothing(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	m := h.member("Jana", "Petersen", "")
	h.ok(h.deps.Notify.Queue(h.ctx, notify.Message{OnceKey: "x", Customer: m.ID, Channel: notify.Mail, Template: "notice", To: m.Email, Data: map[string]any{"Subject": "Hello <b>", "Text": "<script>alert(1)</script>", "Brand": "ezscale", "Sender": "us"}}))
	h.ok(h.flow.Drain(h.ctx))
	b := h.as(m)
	list := b.get("/account/mails").want(t, 200, "Hello &lt;b&gt;")
	at := regexp.MustCompile(`/account/mails/[a-z]+_[A-Z0-9]+`).FindString(list.body)
	b.get(at).want(t, 200, "&lt;script&gt;", "!<script>alert", "!srcdoc")
}

// The overview costs the same however much there is: at most 15 statements, sessions and all.
func TestTheOverviewCostsAConstantFewQueries(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		small, large := h.member("Jana", "Petersen", ""), h.member("Otto", "Gross", "")
		h.buy(small, "web-01")
		h.buy(large, "web-01")
		h.documents(small, 20)
		h.documents(large, 500)
		for range 4 {
			h.order(large, strings.ReplaceAll("more-"+string(ids.New[ids.Op]()), "_", "-"))
		}
		for _, path := range []string{"/", "/services", "/invoices", "/payments"} {
			costs := map[string]int{}
			for name, m := range map[string]member{"20": small, "500": large} {
				b := h.as(m)
				b.get(path) // settings, catalogue and taxes are kept in memory for all; looking after them is nobody's page
				ctx, n := db.CountQueries(h.ctx)
				req := httptest.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
				if a := b.send(req); a.status != http.StatusOK {
					t.Fatal(a.status)
				}
				costs[name] = n.N()
				if n.N() > 15 {
					t.Errorf("%s with %s documents takes %d statements:\n%s", path, name, n.N(), strings.Join(n.Statements(), "\n"))
				}
			}
			if costs["20"] != costs["500"] {
				t.Errorf("%s takes %d statements for 20 documents and %d for 500", path, costs["20"], costs["500"])
			}
			t.Log(path, costs)
		}
	})
}

// documents gives a customer open invoices.
func (h *house) documents(m member, n int) {
	h.t.Helper()
	today := period.On(h.clock.Now(), time.UTC)
	set := make([]invoice.Draft, n)
	for i := range set {
		set[i] = invoice.Draft{Customer: m.ID, Kind: invoice.KindManual, Currency: "EUR", Issued: today, Due: today.Add(i % 40), Seller: invoice.Party{Name: "ezscale", Country: "DE"}, Buyer: invoice.Party{Name: m.Name(), Country: "DE"},
			Lines: []invoice.Line{{Text: "Work", Kind: "once", QtyMicro: 1_000_000, Unit: 100, Per: 1, List: 100, Net: 100, Group: "S", Explain: "{}"}}, Taxes: []invoice.Tax{{Group: "S", Code: "VAT", Category: "S", Base: 100}}, Net: 100, Total: 100}
	}
	h.ok(h.deps.DB.Tx(h.ctx, func(ctx context.Context) error {
		_, err := h.deps.Invoices.IssueSet(ctx, set)
		return err
	}))
}
