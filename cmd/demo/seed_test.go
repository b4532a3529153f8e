package main

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ezscale/bursar/core/app"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/themes"
)

// begin opens a demo without plugins on a database, and sows.
func begin(t *testing.T, dir string, d *db.DB) (*seed, people) {
	t.Helper()
	c, err := configOf(options{dir: dir, listen: "127.0.0.1:8080", database: dbtest.DSN(t, d), level: "warn"})
	if err != nil {
		t.Fatal(err)
	}
	a, err := open(t.Context(), c, app.Options{Themes: []fs.FS{themes.FS}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	s := &seed{App: a, kept: filepath.Join(dir, keptFile)}
	p, err := s.sow(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s, p
}

// counts are how many there are of what is sown.
func counts(t *testing.T, s *seed) map[string]int {
	t.Helper()
	shop, err := s.Catalog.Shop(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	for _, g := range shop.AllGroups() {
		out["groups"]++
		out["products"] += len(shop.AllProducts(g.ID))
	}
	customers, err := s.Customers.List(t.Context(), customer.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	orders, err := s.Orders.List(t.Context(), order.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	invoices, err := s.Invoices.List(t.Context(), invoice.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	staff, err := s.Auth.ListStaff(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out["customers"], out["orders"], out["invoices"], out["staff"] = customers.Total, orders.Total, invoices.Total, len(staff)
	return out
}

func TestTheShopIsSownOnceAndItsBooksAreRight(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		dir := t.TempDir()
		s, p := begin(t, dir, d)
		have := counts(t, s)
		if have["groups"] != 4 || have["products"] != 11 || have["customers"] != 1+len(stories) || have["staff"] != 3 {
			t.Errorf("%v", have)
		}
		findings, err := s.Flow.Verify(t.Context())
		if err != nil || len(findings) > 0 {
			t.Errorf("%v, %v", findings, err)
		}
		for _, l := range []login{p.Staff, p.Customer} {
			if a, err := s.Auth.ByToken(t.Context(), l.Token); err != nil || a.Person() != l.ID || string(a.Customer) != l.Customer {
				t.Errorf("the token of %s: %+v, %v", l.Email, a, err)
			}
		}
		if _, err := s.Auth.SignInStaff(t.Context(), p.Staff.Email, p.Staff.Password, "127.0.0.1"); err != nil {
			t.Errorf("staff signs in: %v", err)
		}
		if _, err := s.Auth.SignIn(t.Context(), p.Customer.Email, p.Customer.Password, "127.0.0.1"); err != nil {
			t.Errorf("the customer signs in: %v", err)
		}
		if info, err := os.Stat(s.kept); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info, err)
		}

		t.Run("another start changes nothing, also what staff changed", func(t *testing.T) {
			shop, _ := s.Catalog.Shop(t.Context())
			product, _ := shop.BySlug("vps-1")
			product.Name = "Tiny"
			if _, err := s.Catalog.SaveProduct(t.Context(), product); err != nil {
				t.Fatal(err)
			}
			again, q := begin(t, dir, d)
			shop, _ = again.Catalog.Shop(t.Context())
			if product, _ := shop.BySlug("vps-1"); product.Name != "Tiny" || q != p {
				t.Errorf("%s, %+v, before %+v", product.Name, q, p)
			}
			if now := counts(t, again); !maps.Equal(now, have) {
				t.Errorf("have %v, before %v", now, have)
			}
		})
		t.Run("a start that was interrupted at its end goes on", func(t *testing.T) {
			if err := os.Remove(s.kept); err != nil {
				t.Fatal(err)
			}
			again, q := begin(t, dir, d)
			if now := counts(t, again); !maps.Equal(now, have) || q.Staff.ID != p.Staff.ID || q.Customer.Customer != p.Customer.Customer {
				t.Errorf("have %v, before %v; %+v", now, have, q)
			}
		})
	})
}

func TestEverythingInTheShopCanBeBoughtInEveryTermAndCurrency(t *testing.T) {
	s, _ := begin(t, t.TempDir(), dbtest.SQLite(t))
	shop, err := s.Catalog.Shop(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range shop.Groups() {
		for _, p := range shop.Products(g.ID) {
			for _, currency := range []string{"EUR", "USD", "GBP"} {
				want := []period.Cycle{period.Monthly, period.Quarterly, period.Annually}
				if got := shop.Cycles(p.ID, currency, s.Clock.Now()); !slices.Equal(got, want) {
					t.Errorf("%s in %s: %v", p.Slug, currency, got)
				}
				for _, o := range shop.Options(p.ID) {
					if _, ok := shop.Price(string(o.ID), period.Annually, currency, s.Clock.Now()); o.Kind != catalog.Choices && !ok {
						t.Errorf("%s: %s has no price in %s", p.Slug, o.Label, currency)
					}
				}
			}
		}
	}
}

func TestAFolderBelongsToOneDemo(t *testing.T) {
	dir := t.TempDir()
	unlock, err := lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock(dir); err == nil {
		t.Error("two have it")
	}
	unlock()
	if unlock, err := lock(dir); err != nil {
		t.Error(err)
	} else {
		unlock()
	}
}

func TestTheSimulatorsListenWhereTheyDidBefore(t *testing.T) {
	dir := t.TempDir()
	first, err := startVendors(t.Context(), dir, "127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	first.stop()
	second, err := startVendors(t.Context(), dir, "127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	defer second.stop()
	beside, err := startVendors(t.Context(), dir, "127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	defer beside.stop()
	for n, v := range first {
		if v.address != second[n].address || v.address == beside[n].address {
			t.Errorf("%s: %s, then %s, and beside it %s", v.name, v.address, second[n].address, beside[n].address)
		}
	}
}

func TestRolesOfTheSampleTokens(t *testing.T) {
	s, p := begin(t, t.TempDir(), dbtest.SQLite(t))
	staff, err := s.Auth.ByToken(t.Context(), p.Staff.Token)
	if err != nil || !staff.Can(auth.ClockMove) || !staff.Can(auth.RunApply) {
		t.Errorf("%+v, %v", staff, err)
	}
	user, err := s.Auth.ByToken(t.Context(), p.Customer.Token)
	if err != nil || !user.Can(auth.OrderPlace) || user.Can(auth.ClockMove) {
		t.Errorf("%+v, %v", user, err)
	}
}
