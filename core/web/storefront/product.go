package storefront

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/money"
)

// productPage is where a product is put together before it goes into the cart.
type productPage struct {
	view.Page
	Name, Tagline string
	Plan          string      // its name in addresses
	Here          string      // address of this page without a query
	Features      []view.Fact // without a value it is simply there
	SoldOut       bool
	Left          int64 // how many there are, 0 where there is no limit or plenty
	Cycles        []cycleChoice
	Currencies    []view.Tab // links that keep what was chosen; none if there is one only
	Currency      string
	Options       []optionField
	Host          view.Field // what the customer calls it
	Line          string     // key of the cart's line that is changed, "" for a new one
	Coupon        string     // that the link brought, "" for none
	Sum           *summary   // nil while something is wrong
	Form          *view.Form // what is wrong; the fields are drawn from Options and Host
	Submit        string
}

// cycleChoice is a term with the price of the product alone.
type cycleChoice struct {
	Value, Label string
	Price        money.Amount
	Then         money.Amount
	Differs      bool
	On           bool
}

func (s *Site) product(c echo.Context) error {
	v, err := s.visitOf(c)
	if err != nil {
		return err
	}
	p, ok := v.shop.BySlug(c.Param("product"))
	if !ok {
		return catalog.ErrNotFound
	}
	q := c.QueryParams()
	line := lineOf(v, p, s.Clock.Now(), sourceOf(q), false)
	key := q.Get("line")
	if key != "" && q.Get("cycle") == "" { // as it is in the cart
		cart, err := s.cartOf(c)
		if err != nil {
			return err
		}
		for _, l := range cart.Lines {
			if l.Key == key && l.Product == p.ID {
				line = l
			}
		}
		if has(v.offered, cart.Currency) && q.Get("currency") == "" {
			v.currency = cart.Currency
		}
	}
	return s.showProduct(c, http.StatusOK, v, p, line, key, q.Get("coupon"), nil)
}

// showProduct draws the order page of a product as a line has it. wrong is why it was not taken.
func (s *Site) showProduct(c echo.Context, status int, v visit, p catalog.Product, line order.Line, key, coupon string, wrong error) error {
	now := s.Clock.Now()
	page := &productPage{Page: s.page(v, p.Name), Name: p.Name, Tagline: p.Tagline, Plan: p.Slug, Here: "/order/" + p.Slug, Currency: v.currency, Line: key, Coupon: coupon, Submit: "Add to cart"}
	page.NoIndex = c.Request().URL.RawQuery != ""
	if g, ok := v.shop.GroupByID(p.Group); ok {
		page.Crumbs, page.Current = []view.Link{{Label: g.Name, Link: "/" + g.Slug}}, "/"+g.Slug
		page.Host = hostField(g.Kind, line.Label)
	}
	if key != "" {
		page.Submit = "Save in cart"
	}
	for _, f := range featuresOf(p) {
		page.Features = append(page.Features, view.Fact{Label: f[0], Value: f[1]})
	}
	if p.Free != nil {
		page.SoldOut = *p.Free == 0
		if *p.Free <= 10 {
			page.Left = *p.Free
		}
	}
	page.Cycles = cycleChoices(v, p, line, now)
	rest, _ := url.Parse(linkOf(v, line, coupon))
	keep := rest.Query()
	if keep.Del("currency"); key != "" {
		keep.Set("line", key)
	}
	page.Currencies = currencyTabs(page.Here, v, "&"+keep.Encode())
	page.Options = fieldsOf(v, line, now)
	page.Form = view.NewForm("/cart", page.Submit)
	cart := order.Cart{Currency: v.currency, Lines: []order.Line{line}}
	if wrong == nil {
		q, err := s.Flow.Quote(c.Request().Context(), flow.QuoteIn{Cart: cart, Customer: route.Actor(c).Customer})
		if err == nil {
			sum := summaryOf(q)
			page.Sum = &sum
		}
		wrong = err
	}
	if wrong != nil && !page.mark(wrong, line.Key) {
		return wrong
	}
	page.Failed = status >= 400
	return view.Render(c, status, "storefront/product.html", page)
}

func cycleChoices(v visit, p catalog.Product, line order.Line, now time.Time) []cycleChoice {
	var out []cycleChoice
	for _, c := range v.shop.Cycles(p.ID, v.currency, now) {
		price, _ := v.shop.Price(string(p.ID), c, v.currency, now)
		at := planOf(v, p, price)
		out = append(out, cycleChoice{Value: cycleSlug(c), Label: cycleWord(c), Price: at.Price, Then: at.Then, Differs: at.Differs, On: c == line.Cycle})
	}
	return out
}

// mark puts a refusal where it belongs: at the option, at the name, or on top. It answers false for what is no
// refusal.
func (p *productPage) mark(err error, key string) bool {
	f := fault.Of(err)
	if f == nil || (f.Kind != fault.Invalid && f.Kind != fault.Declined) {
		return false
	}
	field := strings.TrimPrefix(f.Field, "lines."+key+".")
	if field == "hostname" {
		p.Host.Error = f.Text
		p.Form.Add(p.Host)
		return true
	}
	for i := range p.Options {
		if o := &p.Options[i]; field == o.Name || strings.HasSuffix(f.Field, "."+o.option) {
			o.Error = f.Text
			p.Form.Add(view.Field{Name: o.Name, ID: o.ID, Label: o.Label, Error: f.Text})
			return true
		}
	}
	p.Form.Problem = f.Text
	return true
}

// hostField asks what a service is called: a name in the network where the panel makes one of it.
func hostField(kind, value string) view.Field {
	f := view.Field{Name: "hostname", Label: "Hostname", Value: value, Optional: true, Placeholder: "web-01.example.com", MaxLength: 120, Autocomplete: "off"}
	switch kind {
	case "hosting":
		f.Label, f.Placeholder = "Domain", "example.com"
	case "game", "other":
		f.Label, f.Placeholder = "Name", "Saturday evening"
	}
	return f
}

// checkHost refuses a name that a server cannot have.
func checkHost(v visit, p catalog.Product, name string) error {
	if name == "" {
		return nil
	}
	g, _ := v.shop.GroupByID(p.Group)
	if f := fault.Of(flow.CheckLabel(g.Kind, name)); f != nil {
		return f.On("hostname")
	}
	return nil
}

// say is what a person is told about an error.
func say(err error) string {
	var f *fault.Fault
	if errors.As(err, &f) && f.Text != "" {
		return f.Text
	}
	return "This does not work at the moment. Try again in a minute."
}
