package storefront

import (
	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
)

// Fill adds what is the visitor's to pages that are not kept: the name, and how much is in the cart.
func (s *Site) Fill(c echo.Context, p *view.Page) {
	a := route.Actor(c)
	if a.Person() != "" {
		p.User, p.SignOut = a.Name, "/sign-out"
	}
	cart, err := s.cartOf(c)
	if err != nil {
		s.Log.Warn("the cart of a page could not be read", "error", err.Error())
		return
	}
	p.Cart = len(cart.Lines)
}

// visitor answers the corner of the bar that differs from visitor to visitor. Kept pages fetch it.
func (s *Site) visitor(c echo.Context) error {
	v, err := s.visitOf(c)
	if err != nil {
		return err
	}
	page := s.page(v, "")
	page.Links, page.Site = s.Links, "storefront"
	page.CSRF, _ = c.Get(view.CSRFKey).(string)
	s.Fill(c, &page)
	return view.Partial(c, "part/visitor.html", &page)
}
