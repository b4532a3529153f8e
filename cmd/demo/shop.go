package main

import (
	"context"
	"time"

	"github.com/ezscale/bursar/core/app"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/coupon"
	"github.com/ezscale/bursar/core/sales/tax"
)

// termsVersion is the day of the terms that buyers accept.
const termsVersion = "2026-10-01"

// saveSettings says who the business is, once: what staff changed later stays. changed is true when it was new.
func saveSettings(ctx context.Context, a *app.App) (changed bool, err error) {
	s, err := a.Settings.Get(ctx)
	if err != nil || s.Version > 0 {
		return false, err
	}
	b := &s.Business
	b.Name, b.Line1, b.Postcode, b.City, b.Country = "Nordlicht Hosting GmbH", "Speicherstraße 12", "20457", "Hamburg", "DE"
	b.TaxID, b.Registration, b.Email, b.Phone = "DE811234567", "Amtsgericht Hamburg, HRB 123456", "hello@nordlicht.example", "+49 40 5550100"
	b.Website, b.Zone, b.BaseCurrency = a.Config.Storefront, "UTC", "EUR"
	s.Mail.FromName, s.Mail.FromAddress, s.Mail.ReplyTo = "Nordlicht Hosting", "billing@nordlicht.example", "support@nordlicht.example"
	for _, v := range known() {
		switch v.name {
		case "mailgun":
			s.Mail.Instance = v.name
		case "discord":
			s.Notices.Instance = v.name
		}
	}
	s.Sales.Currencies, s.Sales.DefaultCurrency, s.Sales.TermsVersion = []string{"EUR", "USD", "GBP"}, "EUR", termsVersion
	s.Sales.BankTransfer = true
	s.Sales.BankText = "Nordlicht Hosting GmbH\nIBAN DE02 1203 0000 0000 2020 51\nBIC BYLADEM1001\nPlease name the invoice's number."
	return true, a.Settings.Save(ctx, s)
}

// sowShop fills the shop: all of it or nothing, once.
func (s *seed) sowShop(ctx context.Context) error {
	shop, err := s.Catalog.Shop(ctx)
	if err != nil || len(shop.AllGroups()) > 0 {
		return err
	}
	return s.DB.Tx(ctx, func(ctx context.Context) error {
		for _, step := range []func(context.Context) error{s.sowMoney, s.sowTaxes, s.sowCatalog, s.sowCoupons} {
			if err := step(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

// sowMoney adds the currencies, and what each is worth.
func (s *seed) sowMoney(ctx context.Context) error {
	for _, code := range []string{"EUR", "USD", "GBP"} {
		if _, err := s.Catalog.SaveCurrency(ctx, catalog.Currency{Code: code, Step: 1, Active: true}); err != nil {
			return err
		}
	}
	from := s.Clock.Now().AddDate(-1, 0, 0)
	for code, pico := range map[string]int64{"USD": 920_000_000_000, "GBP": 1_170_000_000_000} {
		if _, err := s.Catalog.SaveRate(ctx, catalog.Rate{Currency: code, Base: "EUR", Pico: pico, From: from, Source: "sample"}); err != nil {
			return err
		}
	}
	return nil
}

// sowTaxes adds the rates that a shop in Germany charges: at home, to consumers in the union, and where it is registered.
// Buyers elsewhere, as in the United States, pay no tax of ours.
func (s *seed) sowTaxes(ctx context.Context) error {
	from := period.Date(2025, time.January, 1)
	for _, r := range []struct {
		country string
		ppm     int64
	}{
		{"DE", 190_000}, {"AT", 200_000}, {"BE", 210_000}, {"DK", 250_000}, {"ES", 210_000},
		{"FR", 200_000}, {"IE", 230_000}, {"IT", 220_000}, {"NL", 210_000}, {"PL", 230_000},
		{"GB", 200_000}, {"CH", 81_000},
	} {
		if _, err := s.Taxes.SaveRule(ctx, tax.Rule{
			Class: tax.Standards, Country: r.country, Level: 1, Code: "VAT", Category: tax.Standard, RatePPM: r.ppm, From: from,
		}); err != nil {
			return err
		}
	}
	return nil
}

// sowCoupons adds one of each sort that a checkout meets.
func (s *seed) sowCoupons(ctx context.Context) error {
	now, one := s.Clock.Now(), int64(1)
	for _, c := range []coupon.Coupon{
		{Code: "LAUNCH20", Kind: coupon.Percent, RatePPM: 200_000, Terms: 3, Rules: coupon.Rules{Note: "Launch: 20 % off the first three terms"}},
		{Code: "WELCOME10", Kind: coupon.Fixed, AmountMinor: 1000, Currency: "EUR", Terms: 1, OncePerCustomer: true,
			Rules: coupon.Rules{Who: coupon.NewOnly, Note: "10 EUR off the first order of a new customer"}},
		{Code: "ONCE", Kind: coupon.Percent, RatePPM: 100_000, Terms: 1, MaxUses: &one, Rules: coupon.Rules{Note: "Good for one order in the world"}},
		{Code: "FREESETUP", Kind: coupon.FreeSetup, Terms: 1, Rules: coupon.Rules{Note: "No set-up fee"}},
		{Code: "EXPIRED", Kind: coupon.Percent, RatePPM: 500_000, Terms: 1, From: now.AddDate(0, -2, 0), To: now.AddDate(0, -1, 0), Rules: coupon.Rules{Note: "Last month's"}},
	} {
		if _, err := s.Coupons.Save(ctx, c); err != nil {
			return err
		}
	}
	return nil
}
