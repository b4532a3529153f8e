package admin

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/platform/auth"
)

// queries is how many statements a page takes. The counts of the rail are known by then.
func (b *browser) queries(path string) int {
	b.w.t.Helper()
	b.get(path).has("</html>")
	b.w.counts = true
	defer func() { b.w.counts = false }()
	b.get(path)
	return b.w.counted.N()
}

func TestListsTakeAsManyQueriesForManyRowsAsForFew(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		first := w.customer("Customer 000")
		b := w.as(auth.RoleAdmin)
		w.pay(w.order(first.ID, "web-000"))
		for i := 1; i < 20; i++ {
			w.customer(fmt.Sprintf("Customer %03d", i))
		}
		pages := []string{"/customers", "/customers?q=customer", "/customers?sort=name", "/services", "/orders", "/provisioning", "/search?q=customer", "/", "/customers/" + string(first.ID), "/customers/" + string(first.ID) + "?tab=services"}
		few := map[string]int{}
		for _, p := range pages {
			few[p] = b.queries(p)
		}
		for i := 20; i < 500; i++ {
			w.customer(fmt.Sprintf("Customer %03d", i))
		}
		for i := 1; i < 12; i++ {
			w.order(first.ID, fmt.Sprintf("web-%03d", i))
		}
		for _, p := range pages {
			if many := b.queries(p); many > few[p]+1 { // the lookups of things that were not there before
				t.Errorf("%s takes %d queries, and %d with more rows:\n%s", p, few[p], many, strings.Join(w.counted.Statements(), "\n"))
			}
		}
		if n := few["/customers"]; n > 4 || b.queries("/customers") != n {
			t.Errorf("the list of customers takes %d queries, %d with 500 rows", n, b.queries("/customers"))
		}
		for p, n := range few {
			if n > 40 {
				t.Errorf("%s takes %d queries", p, n)
			}
		}
	})
}

var rowName = regexp.MustCompile(`<th scope="row"><a class="hover:underline" href="/customers/[^"]+">(Customer \d+)</a>`)

func TestAListIsWalkedByCursors(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	for i := range 120 {
		w.customer(fmt.Sprintf("Customer %03d", i))
	}
	b := w.as(auth.RoleReadOnly)
	seen := map[string]bool{}
	path, texts := "/customers?sort=name", []string{}
	var prev []string
	for path != "" {
		page := b.get(path)
		for _, m := range rowName.FindAllStringSubmatch(page.body, -1) {
			if seen[m[1]] {
				t.Errorf("%s is there twice", m[1])
			}
			seen[m[1]] = true
		}
		texts = append(texts, regexp.MustCompile(`\d+ – \d+ of \d+`).FindString(page.body))
		prev = append(prev, href(page.body, "prev"))
		path = href(page.body, "next")
	}
	if len(seen) != 120 || strings.Join(texts, "; ") != "1 – 50 of 120; 51 – 100 of 120; 101 – 120 of 120" {
		t.Errorf("%d rows, %v", len(seen), texts)
	}
	if prev[0] != "" || prev[1] != "/customers?sort=name" {
		t.Errorf("back leads to %q", prev)
	}
	b.get(prev[2]).has("51 – 100 of 120", "Customer 050")
	b.get("/customers?after=%00nonsense").is(t, 422)
}

func href(body, rel string) string {
	m := regexp.MustCompile(`rel="` + rel + `" href="([^"]+)"`).FindStringSubmatch(body)
	if m == nil {
		return ""
	}
	return strings.ReplaceAll(m[1], "&amp;", "&")
}

func TestAnotherFilterBeginsAtTheStart(t *testing.T) {
	a := asked{path: "/customers", query: map[string][]string{"q": {"a b"}, "after": {"xyz"}, "row": {"51"}, "before": {"abc"}, "state": {"active"}}}
	for got, want := range map[string]string{
		a.with():                          "/customers?q=a+b&state=active",
		a.with("state", ""):               "/customers?q=a+b",
		a.with("state", "", "q", ""):      "/customers",
		a.tab("All", "state", "", 0).Link: "/customers",
		a.pager("next", 50, 200).Next:     "/customers?after=next&before=xyz&q=a+b&row=101&state=active",
		a.pager("next", 50, 200).Prev:     "/customers?after=abc&q=a+b&row=1&state=active",
		a.pager("", 50, 100).Text:         "51 – 100 of 100",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if one(a, "state", "closed", "ended") != "" || one(a, "state", "active") != "active" {
		t.Error("a filter that is none counts")
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567"} {
		if count(n) != want {
			t.Errorf("%d is %s", n, count(n))
		}
	}
}
