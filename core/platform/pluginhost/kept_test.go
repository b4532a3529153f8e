package pluginhost

import (
	"strings"
	"testing"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
)

func TestWhatAnInstanceLearnedIsKeptSealedAndSeenByOtherHosts(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		at := newSite(t)
		at.config(block("one", at.install("one")))
		c := clock.At(noon)
		h, other := at.start(d, c), at.start(dbtest.Again(t, d), c)
		settings := func(h *Host) string {
			report, err := h.Check(t.Context(), "one")
			if err != nil {
				t.Fatal(err)
			}
			return report.VendorVersion
		}
		if err := h.InstallWebhook(t.Context(), "one", "https://us"); err != nil {
			t.Fatal(err)
		}
		if err := h.Learn(t.Context(), "one", form.Values{"url": {"https://elsewhere.example.com"}}); err != nil {
			t.Fatal(err)
		}
		want := "https://panel.example.com hush-hush secret of https://us 30s" // what the file says stays
		if have := settings(h); have != want {
			t.Errorf("settings %q, want %q", have, want)
		}
		c.Add(learnedFor)
		if have := settings(other); have != want {
			t.Errorf("settings in another process %q, want %q", have, want)
		}
		secret, err := h.HookSecret(t.Context(), "one")
		if again, _ := other.HookSecret(t.Context(), "one"); err != nil || len(secret) < 26 || secret != again {
			t.Errorf("webhook secret %q, in the other process %q, %v", secret, again, err)
		}
		_, err = h.HookSecret(t.Context(), "two")
		wantFault(t, err, fault.NotFound, "instance_not_found")
		var hook, learned string
		if err := d.Read(t.Context()).QueryRowContext(t.Context(), `SELECT hook_secret_sealed, learned_sealed FROM plugin_instances`).Scan(&hook, &learned); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(hook+learned, secret) || strings.Contains(learned, "secret of") {
			t.Error("secrets are readable in the database")
		}
	})
}

func TestALabelBelongsToItsPluginForEver(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		at := newSite(t)
		at.config(block("one", at.install("one")))
		at.start(d, clock.System{}).Stop()
		pin := at.install("two")
		at.config(strings.Replace(block("one", pin), `plugin "panel" "one"`, `plugin "panel" "two"`, 1))
		h := at.start(d, clock.System{})
		want := `plugins.hcl:4: panel "two", instance "one": the label was that of a panel "one", to which products, methods and payments point; choose another.`
		if have := lines(h.Problems()); len(have) != 1 || have[0] != want {
			t.Errorf("said %q", have)
		}
		_, err := create(t.Context(), h, "one", "jane", "")
		wantFault(t, err, fault.Unavailable, "instance_off")
	})
}

func TestAccountKeysSeparateModesAndJoinLabelsOfOneAccount(t *testing.T) {
	live, test := form.Values{"mode": {"live"}}, form.Values{"mode": {"test"}}
	client := form.Values{"mode": {"live"}, "client": {"AYSq3RDGsmBLJE"}}
	tests := []struct {
		name, have, want string
	}{
		{"without a mode it is the label", accountKey("virtfusion", "london", nil), "virtfusion:london"},
		{"with a mode", accountKey("stripe", "us", live), "stripe:us:live"},
		{"another mode is another account", accountKey("stripe", "us", test), "stripe:us:test"},
		{"two labels of one account share it", accountKey("paypal", "a", client), accountKey("paypal", "b", client)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.have != tt.want {
				t.Errorf("have %s, want %s", tt.have, tt.want)
			}
		})
	}
	if strings.Contains(accountKey("paypal", "a", client), "AYSq") {
		t.Error("the account can be read from its key")
	}
}

func TestAnAccountKeyChangesOnlyWithTheMode(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		at := newSite(t)
		at.config(strings.Replace(block("one", at.install("one")), "pin", "enabled = false\n  pin", 1))
		h := at.start(d, clock.System{})
		i := h.instances["one"]
		i.plugin.config.Type = "gateway"
		steps := []struct {
			name   string
			values form.Values
			want   string
		}{
			{"first", form.Values{"mode": {"test"}, "client": {"a"}}, accountKey("one", "", form.Values{"mode": {"test"}, "client": {"a"}})},
			{"another client", form.Values{"mode": {"test"}, "client": {"b"}}, accountKey("one", "", form.Values{"mode": {"test"}, "client": {"a"}})},
			{"another mode", form.Values{"mode": {"live"}, "client": {"b"}}, accountKey("one", "", form.Values{"mode": {"live"}, "client": {"b"}})},
		}
		for _, s := range steps {
			i.values = s.values
			if err := i.keepAccount(t.Context()); err != nil {
				t.Fatal(err)
			}
			if have := h.Instances("gateway")[0].AccountKey; have != s.want {
				t.Errorf("%s: %s, want %s", s.name, have, s.want)
			}
			kept, err := h.store.rows(t.Context())
			if err != nil || kept["one"].account != s.want {
				t.Errorf("%s: kept %s, %v", s.name, kept["one"].account, err)
			}
		}
	})
}
