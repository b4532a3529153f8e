package storefront

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/fault"
)

// cartPage is what the visitor has put together.
type cartPage struct {
	view.Page
	Lines      []cartLine
	Currencies []view.Tab // buttons: Link is the currency; none if there is one only
	Coupon     view.Field // with why it was refused
	Sum        *summary   // nil for an empty cart, or while no line can be bought
	Ready      bool       // it can be ordered as it is
}

// cartLine is one product in the cart.
type cartLine struct {
	Key    string
	Name   string
	Label  string // what the customer calls it
	Cycle  string // how often it is paid
	Days   string // the first term, "" if not all of it is for the same days
	Chosen string // what was chosen, in words
	Rows   []view.Leader
	Change string // address of the order page with it
	Error  string // why it cannot be bought
}

// cartLife is how long a browser keeps a cart.
const cartLife = 90 * 24 * 3600

func (s *Site) cartCookie() string {
	if s.Secure {
		return "__Host-cart"
	}
	return "cart"
}

func (s *Site) cartToken(c echo.Context) string {
	if k, err := c.Cookie(s.cartCookie()); err == nil {
		return k.Value
	}
	return ""
}

const cartKey = "storefront.cart"

// cartOf reads the visitor's cart, once per request.
func (s *Site) cartOf(c echo.Context) (order.Cart, error) {
	if known, ok := c.Get(cartKey).(order.Cart); ok {
		return known, nil
	}
	token := s.cartToken(c)
	if token == "" {
		return order.Cart{}, nil
	}
	cart, err := s.Orders.Cart(c.Request().Context(), token)
	if err == nil {
		c.Set(cartKey, cart)
	}
	return cart, err
}

// saveCart keeps a cart for this browser. It stays the same one when somebody signs in.
func (s *Site) saveCart(c echo.Context, cart order.Cart) error {
	token := s.cartToken(c)
	if len(token) < 22 {
		token = order.NewToken()
	}
	cart.Customer = route.Actor(c).Customer
	if err := s.Orders.SaveCart(c.Request().Context(), token, cart); err != nil {
		return err
	}
	c.Set(cartKey, cart)
	c.SetCookie(&http.Cookie{Name: s.cartCookie(), Value: token, Path: "/", MaxAge: cartLife, HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteLaxMode})
	return nil
}

// priced is a cart with what it costs, and why some of it cannot be bought.
type priced struct {
	quote  *flow.Quote       // of all that can be bought; nil if that is nothing
	lines  map[string]string // by key: what is wrong with a line
	coupon string            // why the code was refused
}

func (p priced) ready() bool { return p.quote != nil && len(p.lines) == 0 && p.coupon == "" }

// price asks what a cart costs. A line or a coupon that is refused is left out and said, so that the rest has a price.
func (s *Site) price(ctx context.Context, in flow.QuoteIn) (priced, error) {
	out := priced{lines: map[string]string{}}
	in.Cart.Lines = slices.Clone(in.Cart.Lines)
	for range len(in.Cart.Lines) + 2 {
		q, err := s.Flow.Quote(ctx, in)
		if err == nil {
			out.quote = &q
			return out, nil
		}
		f := fault.Of(err)
		switch {
		case errors.Is(err, flow.ErrEmptyCart):
			return out, nil
		case f == nil || (f.Kind != fault.Invalid && f.Kind != fault.Declined):
			return out, err
		case f.Field == "coupon" && in.Cart.Coupon != "":
			out.coupon, in.Cart.Coupon = f.Text, ""
		default:
			key, _, _ := strings.Cut(strings.TrimPrefix(f.Field, "lines."), ".")
			at := slices.IndexFunc(in.Cart.Lines, func(l order.Line) bool { return l.Key == key })
			if at < 0 {
				return out, err
			}
			out.lines[key] = f.Text
			in.Cart.Lines = slices.Delete(in.Cart.Lines, at, at+1)
		}
	}
	return out, nil
}

func (s *Site) cart(c echo.Context) error { return s.showCart(c, http.StatusOK, "", "") }

// showCart draws the cart. typed is a code that was refused, and why.
func (s *Site) showCart(c echo.Context, status int, typed, refused string) error {
	v, cart, err := s.visitWithCart(c)
	if err != nil {
		return err
	}
	p, err := s.price(c.Request().Context(), flow.QuoteIn{Cart: cart, Customer: route.Actor(c).Customer})
	if err != nil {
		return err
	}
	page := &cartPage{Page: s.page(v, "Cart"), Ready: p.ready(), Coupon: view.Field{Name: "coupon", Label: "Coupon", Optional: true, Value: cart.Coupon, Error: p.coupon, MaxLength: 60, Autocomplete: "off"}}
	page.NoIndex, page.Failed = true, status >= 400
	if refused != "" {
		page.Coupon.Value, page.Coupon.Error = typed, refused
	}
	for _, code := range v.offered {
		if len(v.offered) > 1 {
			page.Currencies = append(page.Currencies, view.Tab{Label: code, Link: code, On: code == cart.Currency})
		}
	}
	for _, l := range cart.Lines {
		page.Lines = append(page.Lines, cartLineOf(v, cart, l, p))
	}
	if p.quote != nil {
		sum := summaryOf(*p.quote)
		page.Sum = &sum
	}
	return view.Render(c, status, "storefront/cart.html", page)
}

func cartLineOf(v visit, cart order.Cart, l order.Line, p priced) cartLine {
	out := cartLine{Key: l.Key, Name: "A product that is gone", Label: l.Label, Cycle: cycleWord(l.Cycle), Chosen: chosenOf(v, l), Error: p.lines[l.Key]}
	if product, ok := v.shop.Product(l.Product); ok {
		out.Name = product.Name
		if product.CanOrder() {
			out.Change = "/order/" + product.Slug + "?line=" + l.Key
		}
	}
	if p.quote != nil {
		for _, row := range p.quote.Lines {
			if row.Key == l.Key {
				out.Rows = append(out.Rows, view.Leader{Label: row.Text, Amount: row.List, Note: row.Sub})
			}
		}
		out.days()
	}
	return out
}

// days says once what all rows say.
func (l *cartLine) days() {
	for _, row := range l.Rows {
		if row.Note != l.Rows[0].Note {
			return
		}
	}
	for i := range l.Rows {
		l.Days, l.Rows[i].Note = l.Rows[i].Note, ""
	}
}

// visitWithCart is a visit in the cart's currency.
func (s *Site) visitWithCart(c echo.Context) (visit, order.Cart, error) {
	v, err := s.visitOf(c)
	if err != nil {
		return v, order.Cart{}, err
	}
	cart, err := s.cartOf(c)
	if err != nil {
		return v, cart, err
	}
	if !has(v.offered, cart.Currency) {
		cart.Currency = v.currency
	}
	v.currency = cart.Currency
	return v, cart, nil
}

// putLine puts a product into the cart, or changes the line that it came from.
func (s *Site) putLine(c echo.Context) error {
	v, err := s.visitOf(c)
	if err != nil {
		return err
	}
	form, err := c.FormParams()
	if err != nil {
		return err
	}
	p, ok := v.shop.BySlug(form.Get("plan"))
	if !ok {
		return catalog.ErrNotFound
	}
	if cur := strings.ToUpper(form.Get("currency")); has(v.offered, cur) {
		v.currency = cur
	}
	line := lineOf(v, p, s.Clock.Now(), sourceOf(form), true)
	line.Label = strings.TrimSpace(line.Label)
	key, code := form.Get("line"), strings.TrimSpace(form.Get("coupon"))
	refuse := func(err error) error {
		return s.showProduct(c, http.StatusUnprocessableEntity, v, p, line, key, code, err)
	}
	if form.Get("do") == "price" { // pressed where no script asks for it
		return s.showProduct(c, http.StatusOK, v, p, line, key, code, nil)
	}
	if err := checkHost(v, p, line.Label); err != nil {
		return refuse(err)
	}
	ctx := c.Request().Context()
	if _, err := s.Flow.Quote(ctx, flow.QuoteIn{Cart: order.Cart{Currency: v.currency, Lines: []order.Line{line}}, Customer: route.Actor(c).Customer}); err != nil {
		return refuse(err)
	}
	if p.Free != nil && *p.Free == 0 {
		return refuse(catalog.ErrSoldOut)
	}
	cart, err := s.cartOf(c)
	if err != nil {
		return err
	}
	cart.Currency, cart.Lines = v.currency, slices.Clone(cart.Lines)
	at := slices.IndexFunc(cart.Lines, func(l order.Line) bool { return l.Key == key })
	if line.Key = key; at >= 0 {
		cart.Lines[at] = line
	} else {
		line.Key = strings.ToLower(rand.Text()[:10])
		cart.Lines = append(cart.Lines, line)
	}
	if code != "" && code != cart.Coupon {
		if err := s.countCode(c); err == nil { // a link's code that was tried too often is left out, the product is not
			cart.Coupon = code
		}
	}
	if err := s.saveCart(c, cart); err != nil {
		return refuse(err)
	}
	return c.Redirect(http.StatusSeeOther, "/cart")
}

func (s *Site) removeLine(c echo.Context) error {
	cart, err := s.cartOf(c)
	if err != nil {
		return err
	}
	key := c.FormValue("line")
	cart.Lines = slices.DeleteFunc(slices.Clone(cart.Lines), func(l order.Line) bool { return l.Key == key })
	if err := s.saveCart(c, cart); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/cart")
}

// setCoupon takes a code for the cart, "" takes it away. A code that is refused is said beside the field, and the cart
// stays as it was.
func (s *Site) setCoupon(c echo.Context) error {
	_, cart, err := s.visitWithCart(c)
	if err != nil {
		return err
	}
	code := strings.TrimSpace(c.FormValue("coupon"))
	refused, err := s.tryCoupon(c, &cart, code, "", "")
	if err != nil {
		return err
	}
	if refused != "" {
		return s.showCart(c, http.StatusUnprocessableEntity, code, refused)
	}
	if err := s.saveCart(c, cart); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/cart")
}

// tryCoupon puts a code on a cart if it is good for it, and answers why not.
func (s *Site) tryCoupon(c echo.Context, cart *order.Cart, code, country, region string) (refused string, err error) {
	if code == "" || len(cart.Lines) == 0 {
		cart.Coupon = ""
		return "", nil
	}
	if len([]rune(code)) > 60 {
		return "This code is not known. Check it letter by letter.", nil
	}
	if err := s.countCode(c); err != nil {
		return say(err), nil
	}
	with := *cart
	with.Coupon = code
	p, err := s.price(c.Request().Context(), flow.QuoteIn{Cart: with, Customer: route.Actor(c).Customer, Country: country, Region: region})
	if err == nil && p.coupon == "" {
		*cart = with
	}
	return p.coupon, err
}

// countCode keeps people from finding codes by trying.
func (s *Site) countCode(c echo.Context) error {
	return s.Auth.Throttle(c.Request().Context(), auth.Code, "coupon "+auth.Network(c.RealIP()))
}

func (s *Site) setCurrency(c echo.Context) error {
	v, cart, err := s.visitWithCart(c)
	if err != nil {
		return err
	}
	if code := c.FormValue("currency"); has(v.offered, code) {
		cart.Currency = code
	}
	if err := s.saveCart(c, cart); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/cart")
}

// forget empties the cart after it was ordered.
func (s *Site) forget(c echo.Context, of ids.Order) {
	c.Set(cartKey, order.Cart{})
	c.SetCookie(&http.Cookie{Name: s.cartCookie(), Path: "/", MaxAge: -1, HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteLaxMode})
	if token := s.cartToken(c); token != "" {
		if err := s.Orders.DropCart(c.Request().Context(), token); err != nil {
			s.Log.Warn("a cart that was ordered was not dropped", "order", string(of), "error", err.Error())
		}
	}
}
