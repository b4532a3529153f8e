package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/ezscale/bursar/core/app"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/sales/tax"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/money"
	"github.com/ezscale/bursar/themes"
)

// place is where a host keeps what it has.
type place struct {
	Dir, DSN string
	Database string // sqlite or mariadb, for figures
}

// world is a host with a shop that sells one VPS.
type world struct {
	*app.App
	vps catalog.Product
}

// at is the configuration of a host. Its sites are on names of their own, whatever port they are reached at.
func (p place) at() app.Config {
	c := app.Default()
	c.Data, c.Database, c.Plugins, c.Environment = p.Dir, p.DSN, filepath.Join(p.Dir, "plugins.hcl"), app.Test
	c.Storefront, c.Portal, c.Admin = "http://shop.bench", "http://account.shop.bench", "http://admin.shop.bench"
	c.Proxies = []string{"127.0.0.1/32"}
	return c
}

// open puts a host together as the program does, with its log at the usual level written to nowhere.
func open(ctx context.Context, p place, more ...fs.FS) (*app.App, error) {
	nowhere, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	log := hclog.New(&hclog.LoggerOptions{Name: "bursar", Level: hclog.Info, Output: nowhere})
	return app.Open(ctx, p.at(), app.Options{Themes: append(more, themes.FS), Log: log})
}

// newWorld makes a shop on an empty database.
func newWorld(ctx context.Context, p place) (*world, error) {
	a, err := open(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := settle(ctx, a); err != nil {
		a.Close()
		return nil, err
	}
	if err := a.Close(); err != nil { // the books are in the base currency that was there when it opened
		return nil, err
	}
	if a, err = open(ctx, p); err != nil {
		return nil, err
	}
	w := &world{App: a}
	if err := a.DB.Tx(ctx, w.stock); err != nil {
		a.Close()
		return nil, err
	}
	return w, nil
}

func settle(ctx context.Context, a *app.App) error {
	s, err := a.Settings.Get(ctx)
	if err != nil {
		return err
	}
	b := &s.Business
	b.Name, b.Country, b.Zone, b.BaseCurrency, b.Line1, b.City, b.Postcode, b.Email = "Shop", "DE", "UTC", "EUR", "Hafen 1", "Kiel", "24103", "shop@example.com"
	s.Sales.Currencies, s.Sales.DefaultCurrency, s.Sales.TermsVersion = []string{"EUR"}, "EUR", "2026-10-01"
	s.Mail.FromName, s.Mail.FromAddress = "Shop", "shop@example.com"
	return a.Settings.Save(ctx, s)
}

// stock puts one VPS for 10.00 EUR a month on the shelf, with 19 % on top.
func (w *world) stock(ctx context.Context) error {
	if _, err := w.Taxes.SaveRule(ctx, tax.Rule{Class: "standard", Country: "DE", Level: 1, Code: "VAT19", Category: tax.Standard, RatePPM: 190_000, From: period.Date(2020, 1, 1)}); err != nil {
		return err
	}
	if _, err := w.Catalog.SaveCurrency(ctx, catalog.Currency{Code: "EUR", Step: 1, Active: true}); err != nil {
		return err
	}
	g, err := w.Catalog.SaveGroup(ctx, catalog.Group{Slug: "vps", Kind: "vps", Name: "VPS", Headline: "Servers by the month"})
	if err != nil {
		return err
	}
	for i := 1; i <= 6; i++ {
		p, err := w.Catalog.SaveProduct(ctx, catalog.Product{
			Group: g.ID, Slug: fmt.Sprintf("vps-%d", i), Name: fmt.Sprintf("VPS %d", i), Tagline: "A server of your own", Features: []string{"4 GB memory", "80 GB disk", "10 TB traffic"},
			Status: catalog.Public, Sort: i, TaxClass: "standard", Setup: catalog.SetupOnPayment, Change: "real_days", Panel: "vf", Values: form.Values{"package": {"1"}},
		})
		if err != nil {
			return err
		}
		for _, price := range []catalog.Price{{Cycle: period.Monthly, Amount: int64(1000 * i)}, {Cycle: period.Annually, Amount: int64(10_000 * i)}} {
			price.Owner, price.Currency, price.Per = string(p.ID), "EUR", 1
			if _, err := w.Catalog.NewPrice(ctx, price); err != nil {
				return err
			}
		}
		if i == 1 {
			w.vps = p
		}
	}
	return nil
}

func (w *world) newcomer(ctx context.Context, name string) (customer.Customer, error) {
	return w.Customers.Create(ctx, customer.Newcomer{First: "Jana", Last: name, Email: name + "@example.com", Currency: "EUR",
		Address: sdk.Address{Line1: "Weg 1", City: "Kiel", Postcode: "24103", Country: "DE"}})
}

// running gives a customer a service that runs and is billed next on a day, as an import does.
func (w *world) running(ctx context.Context, c customer.Customer, billOn period.Day) (subscription.Subscription, error) {
	shop, err := w.Catalog.Shop(ctx)
	if err != nil {
		return subscription.Subscription{}, err
	}
	price, ok := shop.Price(string(w.vps.ID), period.Monthly, "EUR", w.Clock.Now())
	if !ok {
		return subscription.Subscription{}, fmt.Errorf("the VPS has no price")
	}
	next := billOn.Add(14)
	begin := period.Schedule{Cycle: period.Monthly, Anchor: next, DOM: next.Day()}.Boundary(-1)
	sub, err := w.Subscriptions.Open(ctx, subscription.Opening{
		Customer: c.ID, Product: w.vps.ID, Label: "web.example.com", Currency: "EUR", Cycle: period.Monthly, Anchor: begin, AnchorDay: next.Day(),
		Items:    []subscription.Item{{Kind: subscription.PlanItem, Owner: string(w.vps.ID), Text: "VPS 1", Price: price.ID, QtyMicro: 1_000_000, TaxClass: "standard"}},
		PeriodNo: 1, BilledTo: next, BillOn: billOn,
	})
	if err != nil {
		return sub, err
	}
	err = w.Subscriptions.Oblige(ctx, []subscription.Obligation{{Subscription: sub.ID, Lane: subscription.TermLane, From: begin, To: next, No: 1, Kind: "imported", Net: money.Of(1000, "EUR"), NextBillOn: billOn}})
	if err != nil {
		return sub, err
	}
	return sub, w.Subscriptions.Activate(ctx, sub.ID)
}

// due fills a shop with n customers, each with a service that is to be billed on a day. The first is made by the services
// themselves, the others are copies of the rows that this made.
func (w *world) due(ctx context.Context, n int, day period.Day) error {
	c, err := w.newcomer(ctx, "first")
	if err != nil {
		return err
	}
	sub, err := w.running(ctx, c, day)
	if err != nil {
		return err
	}
	return copies{w.DB}.make(ctx, c.ID, sub.ID, n-1)
}

// today is the day of the business.
func (w *world) today() period.Day { return period.On(w.Clock.Now(), time.UTC) }
