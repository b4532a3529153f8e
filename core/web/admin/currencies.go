package admin

import (
	"context"
	"math/big"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/money"
)

// currenciesPage lists currencies and what they are worth.
type currenciesPage struct {
	view.Page
	Tabs    []view.Tab
	Rows    []currencyRow
	Base    string
	Form    *view.Form // adds or changes one
	Rate    *view.Form // a new exchange rate
	CanEdit bool
}

// currencyRow is a currency.
type currencyRow struct {
	Code    string
	Active  bool
	Digits  int
	Step    money.Amount // what is to pay is a multiple of it
	Worth   string       // in the base currency; "" unknown
	Since   time.Time
	Missing bool // it is sold in, and nobody knows what it is worth
}

func currencyForm() *view.Form {
	f := view.NewForm("/catalog/currencies", "Save currency",
		view.Field{Name: "code", Label: "Code", MaxLength: 3, Placeholder: "EUR"},
		view.Field{Name: "step", Label: "Smallest payable step", Value: "1", InputMode: "numeric", Help: "In minor units: 5 for the Swiss franc's Rappen."},
		view.Field{Name: "active", Label: "Prices may be shown in it", Kind: view.Check, Value: "1", Wide: true})
	f.Columns = 2
	return f
}

func rateForm(base string) *view.Form {
	f := view.NewForm("/catalog/rates", "Add rate",
		view.Field{Name: "currency", Label: "Currency", MaxLength: 3, Placeholder: "USD"},
		view.Field{Name: "rate", Label: "One unit is worth, in " + base, InputMode: "decimal", Placeholder: "0.9245", Help: "From now on. Documents keep the rate that they were issued at."})
	f.Columns = 2
	return f
}

func (s *Site) currencies(c echo.Context) error {
	return s.drawCurrencies(c, http.StatusOK, nil, nil)
}

func (s *Site) drawCurrencies(c echo.Context, status int, f, rate *view.Form) error {
	ctx := c.Request().Context()
	_, set, err := s.today(ctx)
	if err != nil {
		return err
	}
	shop, err := s.Catalog.Shop(ctx)
	if err != nil {
		return err
	}
	base := set.Business.BaseCurrency
	page := &currenciesPage{Page: view.Page{Title: "Currencies", Current: "/catalog"}, Tabs: catalogTabs("/catalog/currencies"), Base: base, Form: f, Rate: rate, CanEdit: can(c, auth.CatalogEdit)}
	if page.Form == nil {
		page.Form = currencyForm()
	}
	if page.Rate == nil {
		page.Rate = rateForm(base)
	}
	page.Failed = !page.Form.OK() || !page.Rate.OK()
	for _, cur := range shop.Currencies() {
		row := currencyRow{Code: cur.Code, Active: cur.Active, Digits: cur.Exponent, Step: money.Of(cur.Step, cur.Code)}
		row.Worth, row.Since, row.Missing = s.worthOf(ctx, cur.Code, base)
		page.Rows = append(page.Rows, row)
	}
	return view.Render(c, status, "admin/currencies.html", page)
}

func (s *Site) worthOf(ctx context.Context, code, base string) (text string, since time.Time, missing bool) {
	if code == base {
		return "the base currency", time.Time{}, false
	}
	r, err := s.Catalog.Rate(ctx, code, base, s.Clock.Now())
	if err != nil {
		return "", time.Time{}, true
	}
	return picoText(r.Pico) + " " + base, r.From, false
}

func (s *Site) saveCurrency(c echo.Context) error {
	f := currencyForm()
	f.Read(c)
	cur := catalog.Currency{Code: upper(f.Get("code")), Step: wholeOf(f, "step"), Active: f.Get("active") == "1"}
	var err error
	if f.OK() {
		_, err = s.Catalog.SaveCurrency(c.Request().Context(), cur)
	}
	if f.Failed(err) {
		return s.drawCurrencies(c, http.StatusUnprocessableEntity, f, nil)
	}
	if err != nil {
		return err
	}
	return done(c, "/catalog/currencies", cur.Code+" is saved.")
}

func (s *Site) saveRate(c echo.Context) error {
	ctx := c.Request().Context()
	_, set, err := s.today(ctx)
	if err != nil {
		return err
	}
	f := rateForm(set.Business.BaseCurrency)
	f.Read(c)
	pico, ok := picoOf(f.Get("rate"))
	if !ok {
		f.Wrong("rate", "Write a number above zero with at most 12 decimals, such as 0.9245.")
	}
	if f.OK() {
		_, err = s.Catalog.SaveRate(ctx, catalog.Rate{Currency: upper(f.Get("currency")), Base: set.Business.BaseCurrency, Pico: pico, Source: "staff"})
	}
	if f.Failed(err) {
		return s.drawCurrencies(c, http.StatusUnprocessableEntity, nil, f)
	}
	if err != nil {
		return err
	}
	return done(c, "/catalog/currencies", "The rate counts from now on.")
}

// picoText is a rate times 10^12 as a number.
func picoText(pico int64) string {
	text := new(big.Rat).SetFrac64(pico, catalog.One).FloatString(12)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// picoOf reads such a number; ok is false for what is none, or not above zero.
func picoOf(text string) (pico int64, ok bool) {
	x, ok := new(big.Rat).SetString(strings.Replace(text, ",", ".", 1))
	if !ok || strings.ContainsAny(text, "eE/_") {
		return 0, false
	}
	x.Mul(x, new(big.Rat).SetInt64(catalog.One))
	if !x.IsInt() || !x.Num().IsInt64() || x.Sign() <= 0 {
		return 0, false
	}
	return x.Num().Int64(), true
}

func upper(text string) string { return strings.ToUpper(strings.TrimSpace(text)) }
