package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/api"
)

func TestEachOperationIsForThoseWhoMayAsk(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	owner, admin, nobody := w.owner("jana"), w.staff(auth.RoleAdmin), &program{w: w}
	onlySees, narrow := w.staff(auth.RoleAdmin, string(auth.CustomerSee)), w.owner("kim", string(auth.InvoiceSee))
	id := strings.NewReplacer(":id", "inv_01JD0Y9F6Z8V5M3B1N7K2T4QWX")
	for _, e := range w.web.Table() {
		if !strings.HasPrefix(e.Path, "/api/v1/") || e.Who != "token" {
			continue
		}
		path := id.Replace(strings.TrimPrefix(e.Path, "/api/v1"))
		staffOnly := strings.HasPrefix(path, "/admin/")
		var body any
		if e.Method == "POST" {
			body = map[string]any{}
		}
		name := e.Method + " " + e.Path
		if a := nobody.do(e.Method, path, body); a.Code != 401 || a.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s without a token: %d", name, a.Code)
		}
		if staffOnly {
			// A customer's owner has every right there is for users, some of which staff has by the same name.
			if a := owner.do(e.Method, path, body, "Idempotency-Key", "k"); a.Code != 403 {
				t.Errorf("%s by a customer: %d %s", name, a.Code, a.Body)
			}
		} else if a := admin.do(e.Method, path, body, "Idempotency-Key", "k"); a.Code != 403 {
			t.Errorf("%s by staff: %d %s", name, a.Code, a.Body)
		}
		if staffOnly && e.Method == "POST" {
			if a := onlySees.do(e.Method, path, body, "Idempotency-Key", "k"); a.Code != 403 {
				t.Errorf("%s by staff beyond the scopes: %d %s", name, a.Code, a.Body)
			}
		}
		if !staffOnly && e.Right != string(auth.InvoiceSee) {
			if a := narrow.do(e.Method, path, body, "Idempotency-Key", "k"); a.Code != 403 {
				t.Errorf("%s beyond the scopes: %d %s", name, a.Code, a.Body)
			}
		}
		w.clock.Forward(w.clock.Now().Add(2e9)) // limits have their own test
	}
}

func TestWhatIsAnothersIsNotThere(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	jana, eve := w.owner("jana"), w.owner("eve")
	var placed api.Placed
	jana.post("/orders", "1", w.order(0)).is(201, &placed)
	var started api.Started
	jana.post("/invoices/"+placed.Invoice.ID+"/pay", "2", map[string]any{"gateway": "bank"}).is(200, &started)
	service := placed.Order.Services[0].ID
	tests := []struct {
		method, path, id, none string
		body                   any
	}{
		{"GET", "/orders/%s", placed.Order.ID, string(ids.New[ids.Order]()), nil},
		{"GET", "/invoices/%s", placed.Invoice.ID, string(ids.New[ids.Invoice]()), nil},
		{"GET", "/invoices/%s/pdf", placed.Invoice.ID, string(ids.New[ids.Invoice]()), nil},
		{"POST", "/invoices/%s/pay", placed.Invoice.ID, string(ids.New[ids.Invoice]()), map[string]any{"gateway": "bank"}},
		{"GET", "/payments/attempts/%s", started.Attempt, string(ids.New[ids.Attempt]()), nil},
		{"GET", "/services/%s", service, string(ids.New[ids.Subscription]()), nil},
		{"GET", "/services/%s/usage", service, string(ids.New[ids.Subscription]()), nil},
		{"POST", "/services/%s/power", service, string(ids.New[ids.Subscription]()), map[string]any{"action": "stop"}},
		{"POST", "/services/%s/cancel", service, string(ids.New[ids.Subscription]()), map[string]any{"when": "now"}},
		{"POST", "/services/%s/keep", service, string(ids.New[ids.Subscription]()), map[string]any{}},
	}
	for n, tt := range tests {
		tell := func(id, key string) string {
			a := eve.do(tt.method, fmt.Sprintf(tt.path, id), tt.body, "Idempotency-Key", key)
			text, _, _ := strings.Cut(string(a.Body), `"reference"`)
			return fmt.Sprint(a.Code, text)
		}
		hers, none, bad := tell(tt.id, fmt.Sprint(n, "a")), tell(tt.none, fmt.Sprint(n, "b")), tell("x", fmt.Sprint(n, "c"))
		if hers != none || hers != bad || !strings.HasPrefix(hers, "404") {
			t.Errorf("%s %s: %s, %s, %s", tt.method, tt.path, hers, none, bad)
		}
	}
	var page api.Invoices
	eve.get("/invoices").is(200, &page)
	if page.Total != 0 {
		t.Errorf("%+v", page)
	}
	var order api.Order
	jana.get("/orders/"+placed.Order.ID).is(200, &order)
	if order.Services[0].Status != "pending" {
		t.Errorf("%+v", order)
	}
}

func TestRequestsAreStrict(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.checker, w.asked = newChecker(t, w), map[string]bool{}
	p, staff := w.owner("jana"), w.staff(auth.RoleAdmin)
	var placed api.Placed
	p.post("/orders", "first", w.order(0)).is(201, &placed)
	pay := "/invoices/" + placed.Invoice.ID + "/pay"
	line := `{"product":"vps-1","cycle":"1 month"%s}`
	cart := `{"currency":"EUR","lines":[` + line + `]%s}`
	tests := []struct {
		name        string
		by          *program
		path        string
		body        any
		status      int
		code, field string
	}{
		{"an own price", p, "/quote", fmt.Sprintf(cart, `,"price":1`, ""), 422, "field_unknown", "lines[0].price"},
		{"an own total", p, "/orders", fmt.Sprintf(cart, "", `,"total":{"minor":1}`), 422, "field_unknown", "total"},
		{"another's customer", p, "/orders", fmt.Sprintf(cart, "", `,"customer":"cus_x"`), 422, "field_unknown", "customer"},
		{"a field twice", p, "/quote", `{"currency":"EUR","Currency":"USD","lines":[]}`, 422, "field_twice", "Currency"},
		{"a field twice, deep", p, "/quote", fmt.Sprintf(cart, `,"cycle":"1 year"`, ""), 422, "field_twice", "lines[0].cycle"},
		{"no lines", p, "/quote", `{"currency":"EUR","lines":[]}`, 422, "field_invalid", "lines"},
		{"lines are missing", p, "/quote", `{"currency":"EUR"}`, 422, "field_missing", "lines"},
		{"a number for a text", p, "/quote", `{"currency":5,"lines":[]}`, 422, "field_invalid", "currency"},
		{"no body", p, "/quote", nil, 422, "body_missing", ""},
		{"no JSON", p, "/quote", `{"currency"`, 422, "body_unreadable", ""},
		{"two values", p, "/quote", `{} {}`, 422, "body_unreadable", ""},
		{"a list", p, "/quote", `[]`, 422, "field_invalid", ""},
		{"a deep body", p, "/quote", strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40), 422, "body_too_deep", ""},
		{"a deep list", p, "/quote", strings.Repeat(`[`, 400_000), 422, "body_too_deep", ""},
		{"a long text", p, "/quote", fmt.Sprintf(cart, "", `,"coupon":"`+strings.Repeat("x", 30_000)+`"`), 422, "text_too_long", "coupon"},
		{"too large", p, "/quote", strings.Repeat(" ", 1<<20+1), 413, "request_entity_too_large", ""},
		{"a negative quantity", p, "/quote", fmt.Sprintf(cart, `,"options":{"`+string(w.extra.ID)+`":"-1"}`, ""), 422, "option_range", "lines.1." + string(w.extra.ID)},
		{"another currency", p, "/quote", strings.Replace(fmt.Sprintf(cart, "", ""), "EUR", "USD", 1), 422, "no_price", "currency"},
		{"a product that is not sold", p, "/quote", strings.Replace(fmt.Sprintf(cart, "", ""), "vps-1", "vps-9", 1), 422, "not_sold", "lines.1.product"},
		{"a cycle that is none", p, "/quote", strings.Replace(fmt.Sprintf(cart, "", ""), "1 month", "fortnight", 1), 422, "cycle_unknown", "lines.1.cycle"},
		{"an unknown coupon", p, "/quote", fmt.Sprintf(cart, "", `,"coupon":"NONE"`), 422, "coupon_unknown", "coupon"},
		{"terms of before", p, "/orders", fmt.Sprintf(cart, "", `,"terms_version":"of before"`), 409, "terms_changed", "terms"},
		{"no way to pay", p, pay, `{}`, 422, "way_needed", "gateway"},
		{"two ways to pay", p, pay, `{"gateway":"bank","method":"pm_1"}`, 422, "way_needed", "gateway"},
		{"an unknown gateway", p, pay, `{"gateway":"vault"}`, 422, "gateway_unknown", "gateway"},
		{"a way back that is no address", p, pay, `{"gateway":"bank","return":"javascript:alert(1)"}`, 422, "return_invalid", "return"},
		{"a way back without TLS", p, pay, `{"gateway":"bank","return":"http://example.com/"}`, 422, "return_invalid", "return"},
		{"a way back with a name in it", p, pay, `{"gateway":"bank","return":"https://bank@example.com/"}`, 422, "return_invalid", "return"},
		{"an action that is none", p, "/services/" + placed.Order.Services[0].ID + "/power", `{"action":"explode"}`, 422, "field_invalid", "action"},
		{"words where there are none", p, "/services/" + placed.Order.Services[0].ID + "/keep", `{"price":1}`, 422, "field_unknown", "price"},
		{"a status of one's own", staff, "/admin/customers", `{"email":"x@example.com","country":"DE","currency":"EUR","status":"active"}`, 422, "field_unknown", "status"},
		{"a bad mail address", staff, "/admin/customers", `{"first":"A","last":"B","email":"x","country":"DE","currency":"EUR","line1":"W 1","city":"K","postcode":"24103"}`, 422, "email_invalid", "email"},
		{"nothing was paid", staff, "/admin/invoices/" + placed.Invoice.ID + "/payments", `{"amount":{"minor":0,"currency":"EUR"}}`, 422, "amount_positive", "amount"},
		{"another currency was paid", staff, "/admin/invoices/" + placed.Invoice.ID + "/payments", `{"amount":{"minor":5,"currency":"USD"}}`, 422, "other_currency", "amount"},
		{"back to the past", staff, "/admin/clock/advance", `{"days":-1}`, 422, "field_invalid", "days"},
		{"a day that is none", staff, "/admin/run", `{"day":"2027-02-30"}`, 422, "field_invalid", "day"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := tt.by.do("POST", tt.path, tt.body, "Idempotency-Key", tt.name)
			a.t = t
			a.problem(tt.status, tt.code, tt.field)
		})
		w.clock.Forward(w.clock.Now().Add(1e9))
	}
	for path, field := range map[string]string{
		"/invoices?sort=total": "sort", "/invoices?limit=201": "limit", "/invoices?limit=x": "limit", "/invoices?status=open,draft": "status[1]", "/invoices?order_by=1": "order_by",
		"/invoices?from=yesterday": "from", "/services?product=x": "product", "/catalog?currency=eur": "currency",
	} {
		a := p.get(path)
		if !strings.Contains(string(a.Body), `"field":"`+field+`"`) || a.Code != 422 {
			t.Errorf("%s: %d %s", path, a.Code, a.Body)
		}
	}
	if a := p.do("POST", "/quote", "currency=EUR", "Content-Type", "application/x-www-form-urlencoded"); a.Code != 415 && a.Code != 422 {
		t.Errorf("a form: %d %s", a.Code, a.Body)
	}
	p.get("/invoices?sort=newest;limit=1").problem(422, "query_unreadable", "")
	w.checker = nil
	if a := p.do("DELETE", "/orders", nil); a.Code != 405 {
		t.Errorf("another method: %d", a.Code)
	}
	var page api.Invoices
	p.get("/invoices").is(200, &page)
	if page.Total != 1 {
		t.Errorf("what was refused had an effect: %+v", page)
	}
}

func TestListsAreReadOn(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	p := w.owner("jana")
	for n := range 5 {
		p.post("/orders", fmt.Sprint(n), w.order(0)).is(201)
	}
	seen, path := map[string]bool{}, "/services?limit=2"
	for pages := 0; path != ""; pages++ {
		var page api.Services
		p.get(path).is(200, &page)
		for _, s := range page.Data {
			if seen[s.ID] {
				t.Errorf("%s is there twice", s.ID)
			}
			seen[s.ID] = true
		}
		if path = ""; page.Next != "" {
			path = "/services?limit=2&after=" + page.Next
		}
		if page.Total != 5 || pages > 3 {
			t.Fatalf("%d pages of %d", pages, page.Total)
		}
	}
	if len(seen) != 5 {
		t.Errorf("%d seen", len(seen))
	}
}

func TestLimitsAreTold(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	p, other := w.owner("jana"), w.owner("kim")
	codes := map[int]int{}
	var last answer
	for range 120 {
		last = p.get("/me")
		codes[last.Code]++
	}
	if codes[200] != 100 || codes[429] != 20 || last.Header.Get("Retry-After") == "" || last.Header.Get("RateLimit-Remaining") != "0" {
		t.Errorf("%v %v", codes, last.Header)
	}
	last.problem(http.StatusTooManyRequests, "too_often", "")
	if a := other.get("/me"); a.Code != 200 || a.Header.Get("RateLimit-Limit") != "100" {
		t.Errorf("another token: %d %v", a.Code, a.Header)
	}
}
