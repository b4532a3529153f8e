package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/platform/inbox"
	"github.com/ezscale/bursar/core/platform/jobs"
	"github.com/ezscale/bursar/core/platform/pluginhost"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/coupon"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
)

// livePanel answers the choices of a panel, or fails to.
type livePanel struct {
	*fakePlugins
	choices map[string][]form.Choice
	down    error
	asked   []form.Question
}

func (l *livePanel) Choices(_ context.Context, _ string, q form.Question) ([]form.Choice, error) {
	l.asked = append(l.asked, q)
	return l.choices[q.Field], l.down
}

// panels puts a panel beside the site that asks for a package, from a live list, and for memory.
func (w *world) panels() *livePanel {
	w.plugins.status = []pluginhost.PluginStatus{
		{Type: "panel", Name: "virtfusion", Title: "VirtFusion", Version: "2.3.1", State: pluginhost.Healthy, PID: 4711, Since: noon.Add(-61 * 24 * time.Hour), Path: "/opt/bursar/plugins/panel/virtfusion", Sandboxed: true, Powers: []string{"Resizer", "LoginLinker"}, CanSwitchOff: true,
			Calls:     []pluginhost.Calls{{Method: "Create", Count: 1204, Errors: 3, P50: 500 * time.Millisecond, P99: 5 * time.Second}, {Method: "State", Count: 90210, P50: 100 * time.Millisecond, P99: time.Second}},
			Log:       []pluginhost.LogLine{{At: noon.Add(-time.Hour), Level: hclog.Info, Instance: "virtfusion-fra1", Message: "server built", Args: []any{"server", 1042}}, {At: noon, Level: hclog.Error, Instance: "virtfusion-ash1", Message: "no free address", Args: []any{"pool", "ash1-a"}}},
			Instances: []pluginhost.InstanceInfo{{Label: "virtfusion-fra1", Title: "Frankfurt", Type: "panel", Name: "virtfusion", State: "ready", Checked: noon.Add(-time.Hour)}, {Label: "virtfusion-ash1", Title: "Ashburn", Type: "panel", Name: "virtfusion", State: "open", Why: "its vendor did not answer several times in a row", OpenUntil: noon.Add(time.Minute), Checked: noon, CheckError: "connection refused"}}},
		{Type: "gateway", Name: "stripe", Title: "Stripe", Version: "3.0.2", State: pluginhost.Healthy, PID: 4712, Since: noon.Add(-time.Hour), CanSwitchOff: true, Instances: []pluginhost.InstanceInfo{{Label: "card", Type: "gateway", Name: "stripe", State: "ready", AccountKey: "stripe:acct_1:live"}}},
		{Type: "tax", Name: "taxjar", State: pluginhost.Quarantined, LastError: "exit 2, panic in client.list", Restarts: 5},
		{Type: "traffic", Name: "elastiflow", State: pluginhost.Off},
	}
	w.plugins.problems = []pluginhost.Problem{{File: "/etc/bursar/plugins.hcl", Line: 61, Where: `tax "taxjar"`, Text: "token: it is empty.", Plug: "tax/taxjar"}}
	w.plugins.forms = pluginhost.Forms{
		Product:  form.From([]form.Spec{{Kind: form.KindOne, Name: "package", Label: "Package", Need: true, Remote: true}, {Kind: form.KindMany, Name: "templates", Label: "Templates", Remote: true}, {Kind: form.KindInt, Name: "memory", Label: "Memory in MB", Ranged: true, Low: 512, High: 65536, Default: []string{"8192"}}, {Kind: form.KindBool, Name: "ipv6", Label: "IPv6 as well"}, {Kind: form.KindOne, Name: "prefix", Label: "Prefix", When: "ipv6", WhenIs: []string{"true"}, Options: []form.Choice{{Value: "64"}, {Value: "56"}}}}),
		Checkout: form.From([]form.Spec{{Kind: form.KindOne, Name: "location", Label: "Location", Remote: true}}),
	}
	live := &livePanel{fakePlugins: w.plugins, choices: map[string][]form.Choice{"package": {{Value: "8", Label: "VPS 8 GB", Group: "KVM"}, {Value: "16", Label: "VPS 16 GB", Group: "KVM"}}, "templates": {{Value: "ubuntu", Label: "Ubuntu 24.04"}, {Value: "debian", Label: "Debian 13"}}}}
	w.site.Plugins = live
	return live
}

// The form of a product is the panel's own, with its lists; what it refuses is said beside the field.
func TestAProductIsEditedInItsPanelsOwnForm(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		live := w.panels()
		b := w.as(auth.RoleAdmin)
		here := "/catalog/products/" + string(w.plan.ID)
		edit := here + "/edit"
		b.get("/catalog").has("VPS-8", "virtfusion-fra1", "€16.90", "no limit", "New product")
		b.get(here).has("Package", "Every month, EUR", "€16.90", "on top")
		b.get(edit).has("KVM: VPS 8 GB", `<option value="8" selected>`, "Ubuntu 24.04", `value="8192"`, "IPv6 as well").lacks("Prefix")
		fields := func(more ...string) []string {
			shop, err := w.site.Catalog.Shop(w.ctx)
			w.ok(err)
			p, _ := shop.Product(w.plan.ID)
			return append([]string{"name", "VPS-8", "slug", "vps-8", "group", string(p.Group), "status", "public", "setup", "payment", "change", "real_days", "tax_class", "standard", "ladder", "", "sort", "0", "customer_limit", "0", "trial_days", "0", "anchored_day", "0", "join_days", "0",
				"panel", "virtfusion-fra1", "drawn", "virtfusion-fra1", "version", strconv.FormatInt(p.Version, 10), "v.package", "8"}, more...)
		}
		b.post(edit, fields("v.package", "", "v.memory", "12", "name", "VPS-8 new")...).has("Package is needed.", "Memory in MB: ", `value="VPS-8 new"`, `value="12"`, "<title>Error:")
		b.post(edit, fields("v.ipv6", "1", "look", "1")...).has("Prefix", "checked") // what depends on another field appears
		b.post(edit, fields("name", "", "v.memory", "4096")...).has("Name is needed.")
		b.post(edit, fields("v.memory", "4096", "v.templates", "debian", "v.ipv6", "1", "v.prefix", "56")...).goes(here)
		b.get(here).has("4096", "debian", "56")

		// the panel is away: the page says so in place, and saving keeps what was stored
		live.down = fault.New(fault.Unavailable, "down", "")
		b.get(edit).has("virtfusion-fra1 does not answer", `value="8"`, `value="4096"`)
		b.post(edit, fields("v.memory", "4096", "v.templates", "debian", "v.ipv6", "1", "v.prefix", "56", "tagline", "Now with IPv6")...).goes(here)
		b.get(here).has("Now with IPv6", "debian", "56")
		w.site.Plugins = nil
		b.get(edit).has("Its values stay as they are")
		b.post(edit, fields("tagline", "No host at all")...).goes(here)
		b.get(here).has("No host at all", "debian", "56")

		b.post(edit, append(fields(), "version", "1")...).has("changed meanwhile") // somebody else saved first
	})
}

// A price never changes: another one follows it, and who looks sees which runs.
func TestPricesOptionsAndStock(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.panels()
		b := w.as(auth.RoleAdmin)
		here := "/catalog/products/" + string(w.plan.ID)
		b.get("/catalog/prices/new?owner="+string(w.plan.ID)).has("New price of VPS-8", "A price never changes")
		price := func(more ...string) []string {
			return append([]string{"owner", string(w.plan.ID), "cycle", "1 month", "currency", "EUR", "amount", "18.90", "per", "1", "setup", "0", "first", "", "first_terms", "", "from", ""}, more...)
		}
		b.post("/catalog/prices/new", price("amount", "much")...).has("Write an amount such as 19.99.", `value="much"`)
		b.post("/catalog/prices/new", price("from", "2020-01-01")...).has("nor in the past")
		b.post("/catalog/prices/new", price("from", "2027-01-01")...).goes(here)
		b.get(here).has("€16.90", "€18.90", "from 1 Jan 2027")
		b.post("/catalog/prices/new", price("currency", "USD", "amount", "19.99", "first", "9.99", "first_terms", "3")...).goes(here)
		page := b.get(here).has("$19.99", "9.99 for the first 3 terms")
		shop, err := w.site.Catalog.Shop(w.ctx)
		w.ok(err)
		p, _ := shop.Price(string(w.plan.ID), period.Monthly, "USD", w.clock.Now())
		if !strings.Contains(page.body, string(p.ID)) {
			t.Error("the price cannot be changed from its page")
		}
		b.post("/catalog/prices/" + string(p.ID) + "/close").goes(here)
		b.get(here).has("1 ended").lacks(`/catalog/prices/` + string(p.ID) + "/close")

		b.post(here+"/stock", "stock", "-1").has("Stock: 0 to")
		b.post(here+"/stock", "stock", "2").goes(here)
		b.get("/catalog").has("2 left")

		option := []string{"label", "Location", "kind", "choice", "choices", "fra = Frankfurt\nams = Amsterdam", "least", "0", "most", "0", "step", "1", "field", "location", "sort", "1", "needed", "1"}
		b.post(here+"/option", append(option, "choices", "")...).has("1 to 200 choices are needed.")
		b.post(here+"/option", option...).goes(here)
		b.get(here).has("Location", "Frankfurt", "Amsterdam", "Fills location")
		shop, err = w.site.Catalog.Shop(w.ctx)
		w.ok(err)
		o := shop.Options(w.plan.ID)[0]
		b.post("/catalog/prices/new", price("owner", string(o.Choices[0].ID), "amount", "1.50")...).goes(here)
		b.post("/catalog/options/"+string(o.ID), append(option, "choices", "ams = Amsterdam\nfra = Frankfurt am Main")...).goes(here)
		shop, err = w.site.Catalog.Shop(w.ctx)
		w.ok(err)
		if again := shop.Options(w.plan.ID)[0]; again.Choices[1].ID != o.Choices[0].ID || again.Choices[1].Label != "Frankfurt am Main" {
			t.Errorf("the choice is another one: %+v", again.Choices)
		}
		b.get(here).has("€1.50")
		b.post("/catalog/options/" + string(o.ID) + "/drop").goes(here)
		b.get(here).lacks("Frankfurt am Main")

		b.post("/catalog/groups/new", "name", "Game servers", "slug", "Game Servers", "kind", "game", "sort", "2").has("small letters, digits and single hyphens", `value="Game Servers"`)
		b.post("/catalog/groups/new", "name", "Game servers", "slug", "game", "kind", "game", "sort", "2").goes("/catalog")
		b.post("/catalog/currencies", "code", "chf", "step", "5", "active", "1").goes("/catalog/currencies")
		b.post("/catalog/rates", "currency", "CHF", "rate", "1,06").goes("/catalog/currencies")
		b.get("/catalog/currencies").has("CHF", "1.06 EUR", "No rate") // USD has none
		b.post("/catalog/rates", "currency", "USD", "rate", "1e3").has("Write a number above zero")
	})
}

func TestCouponsAreMadeAndWatched(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		c := w.customer("Nordlicht Medien GmbH")
		b := w.as(auth.RoleBilling)
		fields := []string{"code", " launch 20", "note", "Spring", "kind", "percent", "rate", "20", "amount", "0", "currency", "EUR", "terms", "3", "who", "new", "max_uses", "50", "from", "", "to", "", "once", "1", "products", string(w.plan.ID), "version", "0"}
		b.get("/coupons").has("No coupons")
		b.post("/coupons/new", append(fields, "rate", "0")...).has("The discount is above 0", "Spring")
		b.post("/coupons/new", append(fields, "rate", "a lot")...).has("Write a percentage such as 19 or 8.875.", `value="a lot"`)
		where := b.post("/coupons/new", fields...).header.Get("Location")
		b.get(where).has("LAUNCH20", "20 % off", "for 3 terms", "New customers", "VPS-8", "0 of 50", "Nobody so far")
		b.post("/coupons/new", fields...).has("That code is in use already")
		id := ids.Coupon(strings.TrimPrefix(where, "/coupons/"))
		_, err := w.site.Coupons.Redeem(w.ctx, coupon.Redeeming{Coupon: id, Customer: c.ID, Order: ids.New[ids.Order](), Shares: []coupon.Share{{Subscription: ids.New[ids.Subscription]()}}})
		w.ok(err)
		b.get(where).has("Nordlicht Medien GmbH", "2 terms", "1 of 50")
		cp, err := w.site.Coupons.Get(w.ctx, id)
		w.ok(err)
		b.get(where+"/edit").has("LAUNCH20", `value="20"`, "checked")
		b.post(where+"/edit", append(fields, "version", strconv.FormatInt(cp.Version, 10), "rate", "30")...).is(t, http.StatusUnprocessableEntity) // somebody relies on it
		b.post(where+"/edit", append(fields, "version", strconv.FormatInt(cp.Version, 10), "max_uses", "1", "from", "2026-11-23")...).goes(where)
		b.get(where).has("Used up", "1 of 1")
		if got, _ := w.site.Coupons.Get(w.ctx, id); !got.From.Equal(cp.From) {
			t.Errorf("saving moved the beginning from %s to %s", cp.From, got.From)
		}
		b.get("/coupons?state=live").has("No coupons")
	})
}

// Plugins are shown as they stand; staff restarts, switches, checks and connects them.
func TestPluginsAreShownAndSteered(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	live := w.panels()
	b := w.as(auth.RoleAdmin)
	b.get("/plugins").has("VirtFusion", "Circuit open", "2.3.1", "4711", "61 d", "≤ 500 ms", "3 of 91,414", "In quarantine", "panic in client.list", "plugins.hcl:61", "token: it is empty.", "Off")
	here := "/plugins/panel/virtfusion"
	b.get(here).has("PID 4711", "Frankfurt", "Circuit open", "did not answer several times", "a call may try", "connection refused", "Create", "1,204", "≤ 5 s", "no free address pool=ash1-a", "Resizer", "closed in", "Restart VirtFusion?", "Switch VirtFusion off?")
	b.post(here + "/restart").goes(here)
	b.post(here + "/disable").goes(here)
	b.post("/plugins/traffic/elastiflow/enable").goes("/plugins/traffic/elastiflow")
	live.report = sdk.Report{VendorVersion: "6.1", Warnings: []string{"The token cannot read stock."}}
	b.post("/plugins/instance/virtfusion-fra1/check").goes(here)
	b.get(here).has("virtfusion-fra1 is good: the vendor runs 6.1.", "The token cannot read stock.")
	b.get("/plugins/gateway/stripe").has("http://shop.test/hooks/card/hooksecret", "stripe:acct_1:live")
	b.post("/plugins/instance/card/webhook").goes("/plugins/gateway/stripe")
	if want := []string{"restart panel/virtfusion", "disable panel/virtfusion", "enable traffic/elastiflow", "check virtfusion-fra1", "webhook card http://shop.test/hooks/card/hooksecret"}; !slices.Equal(live.fakePlugins.asked, want) {
		t.Errorf("asked %q", live.fakePlugins.asked)
	}
	live.err = fault.New(fault.Forbidden, "unauthorized", "The token was refused.")
	b.post("/plugins/instance/virtfusion-fra1/check").goes(here)
	b.get(here).has("virtfusion-fra1: The token was refused.")
	b.get("/plugins/panel/other").is(t, http.StatusNotFound)
	w.as(auth.RoleReadOnly).get("/plugins/gateway/stripe").lacks("hooksecret", "Switch Stripe off", "Install webhook")
}

// Without a plugin host, and with one whose every answer is an error, each page is there all the same.
func TestADeadPluginHostBreaksNoPage(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	live := w.panels()
	p := w.order(w.customer("Nordlicht").ID, "web-01")
	paths := w.deskPaths(p.Invoice.ID)
	b := w.as(auth.RoleAdmin)
	for _, plugins := range []Plugins{nil, live} {
		w.site.Plugins = plugins
		live.down, live.err = errors.New("broken pipe"), errors.New("broken pipe")
		for _, path := range paths {
			if got := b.get(path); got.status != http.StatusOK {
				t.Errorf("%s answers %d with plugins %v", path, got.status, plugins != nil)
			}
		}
	}
}

// deskPaths are the pages of money, catalog and system.
func (w *world) deskPaths(inv ids.Invoice) []string {
	product, here := "/catalog/products/"+string(w.plan.ID), "/invoices/"+string(inv)
	return []string{"/invoices", "/invoices?state=overdue", here, here + "?why=1", here + "/pay", here + "/credit", "/payments", "/payments?state=held", "/payments/attempts", "/payments/refunds", "/payments/disputes", "/coupons", "/coupons/new", "/catalog", "/catalog/groups/new",
		"/catalog/currencies", "/catalog/products/new", product, product + "/edit", product + "/stock", product + "/option", "/catalog/prices/new?owner=" + string(w.plan.ID), "/billing", "/billing?day=2026-12-31", "/billing/runs", "/billing/holds", "/billing/hold?subject=" + string(inv), "/plugins", "/mails",
		"/audit", "/audit.csv", "/settings", "/settings?section=billing", "/settings?section=sales", "/settings?section=mail", "/settings/numbers", "/settings/dunning", "/settings/dunning/new", "/staff", "/staff/new", "/staff/" + string(w.staff[auth.RoleBilling]), "/clock", "/jobs", "/jobs?state=waiting", "/inbox", "/taxes", "/taxes/new"}
}

func TestMessagesAreReadAndSentAgain(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.pay(w.order(w.customer("Nordlicht Medien GmbH").ID, "web-01"))
		b := w.as(auth.RoleSupport)
		page := b.get("/mails").has("receipt", "service_ready", "jana@nordlicht-medien-gmbh.example", "Nordlicht Medien GmbH", "Sent")
		here := regexp.MustCompile(`/mails/[a-z]+_\w+`).FindString(page.body)
		b.get(here).has("What it says", "Send this once more?", "the built-in SMTP")
		before := len(w.mails.sent)
		again := b.post(here + "/resend").header.Get("Location")
		if again == here || !strings.HasPrefix(again, "/mails/") {
			t.Errorf("sent again as %s", again)
		}
		w.drain()
		if len(w.mails.sent) != before+1 {
			t.Errorf("%d mails went out", len(w.mails.sent)-before)
		}
		b.get("/mails?q=receipt&state=sent").has("receipt")
		b.get("/mails?state=unsent").has("Everything arrived")
		w.as(auth.RoleReadOnly).post(here+"/resend").is(t, http.StatusForbidden)
	})
}

// A subject that a spreadsheet would take for a formula leaves as text.
func TestTheTrailIsFilteredVerifiedAndExportedHarmlessly(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.ok(w.site.Audit.Add(w.ctx, audit.Entry{Action: "note.add", Subject: `=cmd|' /C calc'!A0`, Before: map[string]any{"text": "old", "same": 1}, After: map[string]any{"text": "new", "same": 1}}))
		b := w.as(auth.RoleAdmin)
		b.post("/settings", "section", "billing", "version", "1", "billing.lead_days", "10", "billing.terms_days", "0", "billing.order_days", "7", "billing.catch_up_days", "35", "billing.renew_tolerance_minor", "0").goes("/settings?section=billing")
		b.get("/audit?action=note.").has("Note add", "1 value", "old", "new", "by itself").lacks("same")
		b.get("/audit?action=settings.").has("Ada Holm", "192.0.2.1")
		b.get("/audit?from=2026-11-24").has("Nothing fits")
		b.get("/audit?actor=staff:"+string(w.staff[auth.RoleAdmin])).has("Settings", `href="/audit.csv?actor=staff`)
		file := b.get("/audit.csv?action=note.")
		if !strings.Contains(file.body, `'=cmd|' /C calc'!A0`) || strings.Contains(file.body, ",=cmd") || strings.Count(file.body, "\n") != 2 || !strings.HasPrefix(file.header.Get("Content-Type"), "text/csv") {
			t.Errorf("the file is %s: %s", file.header.Get("Content-Type"), file.body)
		}
		b.post("/audit/verify").goes("/audit")
		b.get("/audit").has("Every row fits the one before it", "Audit export")
		w.as(auth.RoleBilling).get("/audit").is(t, http.StatusForbidden)
	})
}

func TestSettingsKeepWhatWasTypedAndWhoSavedFirst(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		b := w.as(auth.RoleAdmin)
		b.get("/settings").has("Hafenweg 1", "Germany", "UTC")
		business := []string{"section", "business", "version", "1", "business.name", "ezscale GmbH", "business.country", "DE", "business.zone", "Europe/Berlin", "business.base_currency", "eur", "business.website", "", "business.email", ""}
		b.post("/settings", append(business, "business.zone", "Mars/North")...).has("Choose a time zone such as Europe/Berlin.", `value="Mars/North"`, `value="ezscale GmbH"`)
		b.post("/settings", business...).goes("/settings?section=business")
		b.post("/settings", business...).has("Somebody else changed the settings meanwhile")
		set, err := w.site.Settings.Get(w.ctx)
		w.ok(err)
		if set.Business.Zone != "Europe/Berlin" || set.Business.BaseCurrency != "EUR" || set.Mail.FromAddress != "hello@shop.test" {
			t.Errorf("saved %+v", set)
		}
		b.post("/settings", "section", "sales", "version", "2", "sales.currencies", "eur, usd", "sales.default_currency", "GBP", "sales.terms_version", "2").has("must be one of those you sell in")
		b.post("/settings", "section", "billing", "version", "2", "billing.lead_days", "soon").has("Write a whole number.", `value="soon"`)
		w.as(auth.RoleReadOnly).get("/settings").has("ezscale GmbH").lacks("Save settings")

		b.get("/settings/dunning").has("Final", "Suspend", "Charge on the due day")
		rung := regexp.MustCompile(`/settings/dunning/lad_\w+`).FindString(b.get("/settings/dunning").body)
		page := b.get(rung)
		name := regexp.MustCompile(`name="name"[^>]*value="([^"]*)"`).FindStringSubmatch(page.body)[1]
		ladder := []string{"name", name, "notices", "reminder1 3\nfinal 7", "charges", "0 3", "max_attempts", "4", "notice_days", "3", "suspend_after", "10", "terminate_after", "30", "ending_before", "7", "give_up_after", "0", "version", regexp.MustCompile(`name="version" value="(\d+)"`).FindStringSubmatch(page.body)[1]}
		b.post(rung, append(ladder, "notices", "reminder1 three")...).has("Write a name and a day on each line")
		b.post(rung, append(ladder, "notices", "reminder1 3")...).has("A notice named final must go out")
		b.post(rung, ladder...).goes("/settings/dunning")
		b.get("/settings/dunning").has("Suspend 10 days after due", "Final 7 days after due")

		b.get("/settings/numbers").has("Invoices", "Credit notes", "00042")
		b.post("/settings/numbers", "kind", "invoice", "template", "R-{N}-{N}", "reset", "year", "start", "1", "from", "2027-01-01").has("This template cannot be used.", `value="R-{N}-{N}"`)
		b.post("/settings/numbers", "kind", "invoice", "template", "R{YYYY}-{N:6}", "reset", "year", "start", "100", "from", "2026-11-23").goes("/settings/numbers")
		b.get("/settings/numbers").has("R2026-000042")
	})
}

func TestStaffIsHiredChangedAndLetGo(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		b := w.as(auth.RoleAdmin)
		b.get("/staff").has("Ada Holm", "you", "Tomas Reyes", "Billing", "Everything, settings and colleagues included.")
		b.post("/staff/new", "name", "Nia Okafor", "email", "billing@shop.test", "role", "support").has("There is an account with this address")
		b.post("/staff/new", "name", "Nia Okafor", "email", "nia@shop.test", "role", "owner").has("Choose one of these.", `value="Nia Okafor"`)
		b.post("/staff/new", "name", "Nia Okafor", "email", "nia@shop.test", "role", "support").goes("/staff")
		w.drain()
		last := w.mails.sent[len(w.mails.sent)-1]
		if last.To.Address != "nia@shop.test" || !strings.Contains(last.Text, adminBase+"/reset/") {
			t.Errorf("the mail is %+v", last)
		}
		secret := last.Text[strings.LastIndex(last.Text, "/")+1:]
		if _, err := w.site.Auth.ResetStaff(w.ctx, strings.TrimSpace(secret), "another good password"); err != nil {
			t.Errorf("the link: %v", err)
		}
		nia := w.browser()
		nia.post("/sign-in", "email", "nia@shop.test", "password", "another good password").goes("/")
		nia.get("/billing").is(t, http.StatusForbidden)
		here := rowLink(b.get("/staff"), "nia@shop.test")
		b.post(here, "name", "Nia Okafor", "role", "billing").goes(here)
		nia.get("/billing").has("Billing plan") // rights are read for each request
		b.get(here).has("Disable Nia Okafor?", "Sign out everywhere")
		b.post(here + "/disable").goes(here)
		nia.get("/billing").is(t, http.StatusSeeOther)
		b.get(here).has("This account is disabled")
		b.post(here + "/enable").goes(here)

		ada := "/staff/" + string(w.staff[auth.RoleAdmin])
		b.post(ada, "name", "Ada Holm", "role", "support").has("At least one administrator must remain")
		b.post(ada + "/disable").goes(ada)
		b.get(ada).has("At least one administrator must remain")
	})
}

// rowLink is where the row of a table leads that says a text.
func rowLink(a answer, text string) string {
	for _, row := range strings.Split(a.body, "<tr ") {
		if strings.Contains(row, text) {
			if m := regexp.MustCompile(`^data-href="([^"]+)"`).FindStringSubmatch(row); m != nil {
				return m[1]
			}
		}
	}
	return ""
}

// What is parked says why, and is tried again when somebody repaired the cause.
func TestParkedWorkIsTriedAgain(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		broken := true
		w.site.Jobs.Handle("odd", func(context.Context, jobs.Job) error {
			if broken {
				return jobs.GiveUp(errors.New("the disk is full"))
			}
			return nil
		})
		inv := w.order(w.customer("Nordlicht").ID, "web-01").Invoice
		w.ok(w.site.Jobs.Enqueue(w.ctx, jobs.New{Kind: "odd", Payload: map[string]ids.Invoice{"invoice": inv.ID}}, jobs.New{Kind: "odd", Payload: map[string]string{"x": "<script>"}}))
		w.drain()
		b := w.as(auth.RoleSupport)
		page := b.get("/jobs").has("odd", "the disk is full", "/invoices/"+string(inv.ID), `\u003cscript\u003e`, "Retry all", "Jobs parked")
		retry := regexp.MustCompile(`/jobs/\d+/retry`).FindString(page.body)
		broken = false
		b.post(retry).goes("/jobs")
		b.get("/jobs").has("It is tried again now.")
		w.drain()
		b.post(retry).goes("/jobs")
		b.get("/jobs").has("It is not parked any more.")
		b.post("/jobs/retry-all").goes("/jobs")
		w.drain()
		b.get("/jobs").has("Nothing is parked")
		b.get("/jobs?state=waiting").has("Waiting")
		b.post("/jobs/nonsense/retry").is(t, http.StatusNotFound)
		w.as(auth.RoleReadOnly).post(retry).is(t, http.StatusForbidden)
	})
}

func TestWebhooksAreKeptForStaffToRead(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		id, _, err := w.site.Inbox.Keep(w.ctx, "card", "evt_1", []byte(`{"type":"charge.succeeded","note":"<b>"}`), map[string]string{"paid": "ch_1"})
		w.ok(err)
		_, _, err = w.site.Inbox.Keep(w.ctx, "card", "evt_2", []byte{0xff, 0xfe}, nil)
		w.ok(err)
		w.ok(w.site.Inbox.Mark(w.ctx, id, inbox.Failed, "unknown customer"))
		b := w.as(auth.RoleReadOnly)
		b.get("/inbox").has("evt_1", "Failed", "unknown customer", "evt_2", "Kept")
		b.get("/inbox?state=failed").has("evt_1").lacks("evt_2")
		b.get(fmt.Sprintf("/inbox/%d", id)).has("charge.succeeded", "&lt;b&gt;", "ch_1", "unknown customer")
		b.get(fmt.Sprintf("/inbox/%d", id+1)).has("2 bytes that are no text")
		b.get("/inbox/nonsense").is(t, http.StatusNotFound)
	})
}

func TestTaxRulesAreChecked(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		b := w.as(auth.RoleAdmin)
		b.get("/taxes").has("Germany", "VAT", "19 %")
		rule := []string{"country", "CA", "region", "qc", "class", "standard", "code", "QST", "category", "S", "rate", "9.975", "level", "2", "compound", "1", "from", "2026-01-01", "to", ""}
		b.post("/taxes/new", append(rule, "rate", "190")...).has("Write a rate from 0 to 100 percent.", `value="190"`)
		b.post("/taxes/new", append(rule, "to", "2025-01-01")...).has("Write a day after the first.")
		b.post("/taxes/new", rule...).goes("/taxes")
		page := b.get("/taxes").has("Canada, QC", "9.975 %", "on top")
		here := rowLink(page, "Canada")
		b.get(here).has("QST", `value="9.975"`)
		b.post(here, append(rule, "to", "2026-06-01")...).goes("/taxes")
		b.get("/taxes?state=over").has("QST").lacks("Germany")
		w.as(auth.RoleBilling).get("/taxes/new").is(t, http.StatusForbidden)
	})
}

// Each list takes as many queries for many rows as for few.
func TestTheDeskTakesAConstantNumberOfQueries(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	c := w.customer("Nordlicht")
	fill := func(from, to int) {
		for i := from; i < to; i++ {
			w.pay(w.order(c.ID, fmt.Sprintf("web-%03d", i)))
			w.order(w.customer(fmt.Sprintf("Open %03d", i)).ID, fmt.Sprintf("db-%03d", i))
			_, err := w.site.Coupons.Save(w.ctx, coupon.Coupon{Code: fmt.Sprintf("CODE%03d", i), Kind: coupon.FreeSetup})
			w.ok(err)
			_, err = w.site.Catalog.SaveProduct(w.ctx, catalog.Product{Group: w.plan.Group, Slug: fmt.Sprintf("p-%03d", i), Name: fmt.Sprintf("P %03d", i), TaxClass: "standard"})
			w.ok(err)
			_, _, err = w.site.Inbox.Keep(w.ctx, "card", fmt.Sprintf("evt_%d", i), []byte("{}"), nil)
			w.ok(err)
		}
	}
	fill(0, 3)
	b := w.as(auth.RoleAdmin)
	paths := []string{"/invoices", "/invoices?state=open", "/payments", "/payments/attempts", "/payments/refunds", "/coupons", "/catalog", "/mails", "/audit", "/jobs", "/inbox", "/billing/runs", "/billing?day=2026-12-09", "/plugins", "/staff", "/taxes", "/settings"}
	few := map[string]int{}
	for _, p := range paths {
		few[p] = b.queries(p)
	}
	fill(3, 25)
	for _, p := range paths {
		if n := b.queries(p); n > few[p] {
			t.Errorf("%s takes %d queries, and %d with more rows:\n%s", p, few[p], n, strings.Join(w.counted.Statements(), "\n"))
		} else if n > 30 {
			t.Errorf("%s takes %d queries", p, n)
		}
	}
}

// deskCells says by hand which roles may do what, page by page. A route that is not here fails the test.
var deskCells = map[string]string{
	"invoices": "admin billing support read_only", "payments": "admin billing support read_only", "coupons": "admin billing support read_only", "catalog": "admin billing support read_only", "plugins": "admin billing support read_only", "mails": "admin billing support read_only",
	"jobs": "admin billing support read_only", "inbox": "admin billing support read_only", "staff": "admin billing support read_only", "taxes": "admin billing read_only", "settings": "admin billing read_only", "billing": "admin billing read_only", "audit": "admin", "audit.csv": "admin", "clock": "admin",

	"GET /invoices/:id/pay": "admin billing", "POST /invoices/:id/pay": "admin billing", "GET /invoices/:id/credit": "admin billing", "POST /invoices/:id/credit": "admin billing", "POST /invoices/:id/write-off": "admin billing", "POST /invoices/:id/link": "admin billing", "POST /invoices/:id/send": "admin billing support",
	"GET /payments/:id/refund": "admin billing", "POST /payments/:id/refund": "admin billing", "GET /payments/:id/release": "admin billing", "POST /payments/:id/release": "admin billing", "POST /payments/attempts/:id/ask": "admin billing support", "GET /payments/attempts/:id/decide": "admin billing", "POST /payments/attempts/:id/decide": "admin billing",
	"GET /coupons/new": "admin billing", "POST /coupons/new": "admin billing", "GET /coupons/:id/edit": "admin billing", "POST /coupons/:id/edit": "admin billing",
	"GET /billing/hold": "admin billing", "POST /billing/hold": "admin billing", "POST /billing/holds/:id/release": "admin billing", "POST /billing/run": "admin billing",
	"POST /plugins/instance/:label/check": "admin billing support read_only", "POST /mails/:id/resend": "admin billing support",
	"POST /jobs/:number/retry": "admin billing support", "POST /jobs/events/:number/retry": "admin billing support", "POST /jobs/retry-all": "admin billing support",
}

func TestEachRoleMayWhatItMayAtTheDesk(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	s := w.site
	browsers := map[string]*browser{}
	for _, role := range auth.StaffRoles() {
		browsers[role] = w.as(role)
	}
	unknown := strings.NewReplacer(":id", "inv_01JD0Y9F6Z8V5M3B1N7K2T4QWX", ":note", "crn_01JD0Y9F6Z8V5M3B1N7K2T4QWX", ":number", "999999", ":kind", "panel", ":name", "none", ":label", "none")
	for _, r := range slices.Concat(s.invoicesRoutes(), s.paymentsRoutes(), s.couponsRoutes(), s.catalogRoutes(), s.billingRoutes(), s.pluginsRoutes(), s.mailsRoutes(), s.auditRoutes(), s.settingsRoutes(), s.staffRoutes(), s.clockRoutes(), s.jobsRoutes(), s.inboxRoutes(), s.taxRoutes()) {
		entry := r.Method + " " + r.Path
		allowed, known := deskCells[entry]
		page := strings.Split(r.Path, "/")[1]
		edits := r.Method == http.MethodPost || strings.HasSuffix(r.Path, "/new") || page == "catalog" && strings.Count(r.Path, "/") > 2 && r.Path != "/catalog/products/:id" || r.Path == "/staff/:id" || r.Path == "/taxes/:id"
		if !known && edits { // changes that have no line of their own are the administrator's
			allowed = "admin"
		} else if !known {
			allowed = deskCells[page]
		}
		for role, b := range browsers {
			if strings.HasSuffix(r.Path, "/sign-out") || r.Path == "/clock" && r.Method == http.MethodPost || r.Path == "/billing/run" && slices.Contains(strings.Fields(allowed), role) {
				continue
			}
			path, may := unknown.Replace(r.Path), slices.Contains(strings.Fields(allowed), role)
			var got answer
			if r.Method == http.MethodGet {
				got = b.get(path)
			} else {
				got = b.post(path)
			}
			if (got.status == http.StatusForbidden) == may {
				t.Errorf("%s: %s answers %d, may is %t", role, entry, got.status, may)
			}
			if got.status >= 500 {
				t.Errorf("%s: %s answers %d\n%s", role, entry, got.status, got.main())
			}
		}
	}
}
