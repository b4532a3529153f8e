package storefront

import (
	"crypto/rand"
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
)

// checkoutPage is account, payment and terms on one page, with the sum beside them.
type checkoutPage struct {
	view.Page
	Form    *view.Form
	Buyer   *buyer      // who is signed in; nil for a new customer, whose account is in Form
	Ways    []payWay    // none where nothing is to pay
	CanSave bool        // one of the ways can be kept for renewals
	Free    bool        // nothing is to pay today
	Sum     *summary    // nil if nothing of the cart can be bought
	Wrong   []wrongLine // what keeps the cart from being ordered
	Terms   string      // version of the terms
	Regions bool        // the country's addresses name a region: Form has the field
	Pay     bool        // the button pays; else it orders, and the money comes later
	Coupon  *view.Field // of Form
	By      *payWay     // the way that is chosen
}

// buyer is the customer who is signed in.
type buyer struct {
	Name, Email string
	Lines       []string // of the address
	TaxID       string
	Edit        string // where it is changed
}

// payWay is a way to pay.
type payWay struct {
	Value string // as the form sends it
	Title string
	Note  string // what it means, or why it cannot be chosen
	Icon  string
	On    bool
	Off   bool // it does not answer at the moment
	save  bool
}

// wrongLine is a line of the cart that cannot be ordered.
type wrongLine struct{ Name, Text string }

// checkoutOf makes the page for a cart as the visitor and the form in hand have it.
func (s *Site) checkoutOf(c echo.Context, v visit, cart order.Cart) (*checkoutPage, error) {
	ctx, a := c.Request().Context(), route.Actor(c)
	page := &checkoutPage{Page: s.page(v, "Your order"), Terms: v.set.Sales.TermsVersion}
	page.NoIndex = true
	page.Form = view.NewForm("/checkout", "Pay")
	country := strings.ToUpper(c.FormValue("country"))
	if !customer.IsCountry(country) {
		country = v.set.Business.Country
	}
	in := flow.QuoteIn{Cart: cart, Customer: a.Customer}
	if a.Customer == "" {
		page.Form.Add(accountFields(country)...)
		page.Regions = page.Form.Field("region") != nil
		in.Country = country
		if page.Regions {
			in.Region = c.FormValue("region")
		}
	} else {
		known, err := s.Customers.Get(ctx, a.Customer)
		if err != nil {
			return nil, err
		}
		page.Buyer = buyerOf(known, s.Links.Portal)
	}
	p, err := s.price(ctx, in)
	if err != nil {
		return nil, err
	}
	for _, l := range cart.Lines {
		if text := p.lines[l.Key]; text != "" {
			page.Wrong = append(page.Wrong, wrongLine{nameOf(v, cart, l.Key), text})
		}
	}
	page.Form.Add(view.Field{Name: "coupon", Label: "Coupon", Optional: true, Value: cart.Coupon, Error: p.coupon, MaxLength: 60, Autocomplete: "off"},
		view.Field{Name: "way", Label: "Way to pay"},
		view.Field{Name: "save", Label: "Save it for renewals", Kind: view.Check, Value: "1"},
		view.Field{Name: "terms", Label: "Terms", Kind: view.Check},
		view.Field{Name: "key", Label: "Key", Kind: view.Hidden, Value: strings.ToLower(rand.Text()), MaxLength: 60})
	if p.quote != nil {
		sum := summaryOf(*p.quote)
		page.Sum, page.Free = &sum, sum.Total.Sign() <= 0
	}
	if !page.Free {
		if page.Ways, err = s.waysOf(ctx, v, a.Customer); err != nil {
			return nil, err
		}
	}
	return page, nil
}

func buyerOf(c customer.Customer, portal string) *buyer {
	b := &buyer{Name: c.Name(), Email: c.Email, TaxID: c.TaxID, Edit: portal + "/account"}
	for _, line := range []string{c.Address.Line1, c.Address.Line2, strings.TrimSpace(c.Address.Postcode + " " + c.Address.City), customer.CountryName(c.Address.Country)} {
		if line != "" {
			b.Lines = append(b.Lines, line)
		}
	}
	return b
}

// show draws the page, with the way ticked that the form has.
func (p *checkoutPage) show(c echo.Context, status int) error {
	p.By = choose(p.Ways, p.Form.Get("way"))
	if p.By == nil {
		p.By = choose(p.Ways, "")
	}
	for _, w := range p.Ways {
		p.CanSave = p.CanSave || w.save && !w.Off
	}
	p.Pay = p.By != nil && p.By.Value != byBank
	p.Coupon, p.Failed = p.Form.Field("coupon"), status >= 400
	return view.Render(c, status, "storefront/checkout.html", p)
}

func (s *Site) checkout(c echo.Context) error {
	v, cart, err := s.visitWithCart(c)
	if err != nil {
		return err
	}
	if len(cart.Lines) == 0 {
		return c.Redirect(http.StatusSeeOther, "/cart")
	}
	page, err := s.checkoutOf(c, v, cart)
	if err != nil {
		return err
	}
	return page.show(c, http.StatusOK)
}

// placeOrder takes the whole page: it opens an account where there is none, places the order once, and sends the
// browser on to pay it. What is wrong is said at its field, with all that was typed.
func (s *Site) placeOrder(c echo.Context) error {
	v, cart, err := s.visitWithCart(c)
	if err != nil {
		return err
	}
	if len(cart.Lines) == 0 {
		return s.orderedBefore(c)
	}
	var refused string
	form, err := c.FormParams()
	if err != nil {
		return err
	}
	if code := strings.TrimSpace(form.Get("coupon")); form.Has("coupon") && code != cart.Coupon {
		if refused, err = s.tryCoupon(c, &cart, code, c.FormValue("country"), c.FormValue("region")); err != nil {
			return err
		}
		if refused == "" {
			if err := s.saveCart(c, cart); err != nil {
				return err
			}
		}
	}
	page, err := s.checkoutOf(c, v, cart)
	if err != nil {
		return err
	}
	page.Form.Read(c)
	if refused != "" {
		page.Form.Wrong("coupon", refused)
	}
	switch do := c.FormValue("do"); {
	case do == "update" || do == "coupon" && refused == "":
		return page.again(c, http.StatusOK)
	case do == "coupon":
		return page.again(c, http.StatusUnprocessableEntity)
	}
	way := page.check()
	if page.unseen(c) {
		page.Form.Wrong("", "The sum is another one than you saw, because the country or a price is. Look at it, then order.")
	}
	if !page.Form.OK() || len(page.Wrong) > 0 {
		return page.show(c, http.StatusUnprocessableEntity)
	}
	if page.Buyer == nil {
		if err := s.open(c, page.Form); err != nil {
			if page.Form.Failed(err) {
				return page.show(c, http.StatusUnprocessableEntity)
			}
			return err
		}
	}
	return s.order(c, v, cart, page, way)
}

// again draws the page for a part of it that was changed: what else is missing is not held against anybody yet.
func (p *checkoutPage) again(c echo.Context, status int) error {
	for _, f := range p.Form.Fields {
		if f.Name != "coupon" {
			f.Error = ""
		}
	}
	return p.show(c, status)
}

// check marks what is missing, in the order of the page, and answers the way to pay.
func (p *checkoutPage) check() *payWay {
	f := p.Form
	f.Need("email", "password", "first", "last", "line1", "city")
	if f.Get("kind") == string(customer.Company) {
		f.Need("company")
	}
	if p.Regions && f.Get("region") == "" {
		f.Wrong("region", "Choose one of these.")
	}
	if e := f.Get("email"); p.Buyer == nil && e != "" && !customer.IsEmail(e) {
		f.Wrong("email", "Write an address such as jana@example.com.")
	}
	if n := len([]rune(f.Get("password"))); p.Buyer == nil && n > 0 && n < 10 {
		f.Wrong("password", "Use at least 10 characters.")
	}
	var way *payWay
	if !p.Free {
		if way = choose(p.Ways, f.Get("way")); way == nil || f.Get("way") == "" {
			f.Wrong("way", "Choose how to pay.")
		}
	}
	if f.Get("terms") == "" {
		f.Wrong("terms", flow.ErrTerms.Text)
	}
	if p.Sum == nil && len(p.Wrong) == 0 {
		f.Wrong("", flow.ErrEmptyCart.Text)
	}
	return way
}

// unseen says whether the sum is not the one that the page showed.
func (p *checkoutPage) unseen(c echo.Context) bool {
	saw := seenOf(c.FormValue("seen"))
	return saw != nil && p.Sum != nil && *saw != p.Sum.Total
}

// open registers a new customer and signs in. Somebody who has an account and knows its password is signed in to it:
// that is also who pressed twice.
func (s *Site) open(c echo.Context, f *view.Form) error {
	ctx := c.Request().Context()
	in := flow.RegisterIn{Password: f.Get("password"), Address: c.RealIP(), Customer: customer.Newcomer{
		Kind: customer.Kind(f.Get("kind")), First: f.Get("first"), Last: f.Get("last"), Email: f.Get("email"), Locale: view.ReaderOf(c).Locale,
		Address: sdk.Address{Line1: f.Get("line1"), Line2: f.Get("line2"), City: f.Get("city"), Region: f.Get("region"), Postcode: f.Get("postcode"), Country: f.Get("country")},
	}}
	if in.Customer.Kind == customer.Company {
		in.Customer.Company, in.Customer.TaxID = f.Get("company"), f.Get("tax_id")
	}
	v, cart, err := s.visitWithCart(c)
	if err != nil {
		return err
	}
	if in.Customer.Currency = cart.Currency; in.Customer.Currency == "" {
		in.Customer.Currency = v.currency
	}
	known, u, err := s.Flow.Register(ctx, in)
	if errors.Is(err, auth.ErrEmailTaken) {
		if _, wrong := route.SignInUser(c, in.Customer.Email, in.Password); wrong == nil {
			return nil
		}
		return err
	}
	if err != nil {
		return err
	}
	a, err := s.Auth.ActorOfUser(ctx, u.ID, known.ID)
	if err != nil {
		return err
	}
	return route.SignIn(c, a)
}

// order places the order and begins to pay it.
func (s *Site) order(c echo.Context, v visit, cart order.Cart, page *checkoutPage, way *payWay) error {
	ctx, who, f := c.Request().Context(), route.Actor(c).Customer, page.Form
	placed, err := s.Flow.Checkout(ctx, flow.CheckoutIn{Customer: who, Cart: cart, TermsVersion: page.Terms, RequestKey: f.Get("key"), Address: c.RealIP(), SeenTotal: seenOf(c.FormValue("seen"))})
	if err != nil {
		return s.refuseOrder(c, v, cart, f, err)
	}
	s.forget(c, placed.Order.ID)
	if way == nil || way.Value == byBank || placed.Invoice.Open() == 0 {
		return c.Redirect(http.StatusSeeOther, "/orders/"+string(placed.Order.ID))
	}
	return s.startPaying(c, placed.Order, way, f.Get("save") == "1")
}

// refuseOrder shows the page again, for the customer that there is by now, with what kept the order from being placed.
func (s *Site) refuseOrder(c echo.Context, v visit, cart order.Cart, typed *view.Form, why error) error {
	page, err := s.checkoutOf(c, v, cart)
	if err != nil {
		return errors.Join(why, err)
	}
	page.Form.Read(c)
	page.Form.Set("key", typed.Get("key"))
	f := fault.Of(why)
	if f != nil && strings.HasPrefix(f.Field, "lines.") {
		key, _, _ := strings.Cut(strings.TrimPrefix(f.Field, "lines."), ".")
		page.Wrong = append(page.Wrong, wrongLine{nameOf(v, cart, key), f.Text})
		return page.show(c, http.StatusUnprocessableEntity)
	}
	if !page.Form.Failed(why) {
		return why
	}
	return page.show(c, view.Status(why))
}

// orderedBefore is for a press on a page whose cart is gone: it was ordered already, or never filled.
func (s *Site) orderedBefore(c echo.Context) error {
	ord, err := s.Orders.ByRequest(c.Request().Context(), c.FormValue("key"))
	if fault.KindOf(err) == fault.NotFound {
		return c.Redirect(http.StatusSeeOther, "/cart")
	}
	if err != nil {
		return err
	}
	if email, password := c.FormValue("email"), c.FormValue("password"); route.Actor(c).Person() == "" && email != "" && password != "" {
		if _, err := route.SignInUser(c, email, password); err != nil {
			s.Log.Info("an order was sent twice, the second time without its password", "order", string(ord.ID))
		}
	}
	return c.Redirect(http.StatusSeeOther, "/orders/"+string(ord.ID))
}

// startPaying begins to pay an order's invoice and sends the browser on: to the gateway's page, or to the order.
func (s *Site) startPaying(c echo.Context, ord order.Order, way *payWay, save bool) error {
	page := "/orders/" + string(ord.ID)
	in := flow.PayIn{Customer: ord.Customer, Invoices: []ids.Invoice{ord.Invoice}, Return: s.Links.Storefront + page + "?attempt={attempt}"}
	if id, ok := strings.CutPrefix(way.Value, "method:"); ok {
		in.Method = ids.Method(id)
	} else {
		in.Gateway = strings.TrimPrefix(way.Value, "gateway:")
		in.Save = save && way.save
	}
	started, err := s.Flow.StartPayment(c.Request().Context(), in)
	switch {
	case err != nil && fault.Of(err) == nil:
		return err
	case err != nil:
		view.Tell(c, view.Soon, say(err))
	case started.URL != "":
		return view.Leave(c, started.URL, "You pay on the page of our payment partner and come back here after it.", page)
	default:
		page += "?attempt=" + string(started.Attempt)
	}
	return c.Redirect(http.StatusSeeOther, page)
}
