package portal

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/fault"
)

func (s *Site) linkRoutes() []route.Route {
	return []route.Route{
		get("/pay/:token", route.Anyone(), s.payLink), // too long to be guessed, so an office may open many
		post("/pay/:token", route.Anyone(), s.payByLink),
	}
}

// linkPage is what a mailed link opens: the number of an invoice, what is to pay, and how. Nothing else of its
// customer is on it, as links are passed on.
type linkPage struct {
	view.Page
	Number   string
	Due      period.Day
	Late     bool
	Pay      *payForm
	BankText string
}

func (s *Site) linkPage(c echo.Context) (*linkPage, error) {
	private(c)
	ctx, token := c.Request().Context(), c.Param("token")
	inv, err := s.Invoices.ByPayToken(ctx, token)
	if err != nil {
		return nil, err
	}
	if inv.Status != invoice.Opened || inv.Open() <= 0 {
		return nil, invoice.ErrNotFound
	}
	today, set, err := s.today(ctx)
	if err != nil {
		return nil, err
	}
	page := &linkPage{Page: view.Page{Title: "Pay " + inv.Number}, Number: inv.Number, Due: inv.Due, Late: inv.Due.Before(today)}
	if set.Sales.BankTransfer {
		page.BankText = set.Sales.BankText
	}
	page.Pay, err = s.payForm(ctx, inv, "/pay/"+token, false)
	return page, err
}

// overPage says what a link that opens nothing may mean, the same for one that never was.
type overPage struct {
	view.Page
	Text string
}

func (s *Site) linkOrOver(c echo.Context, err error) error {
	if !errors.Is(err, invoice.ErrNotFound) {
		return err
	}
	page := overPage{Page: view.Page{Title: "Nothing to pay here"}, Text: "The invoice is paid or taken back, or the link is not complete. Sign in to see all your invoices."}
	return view.Render(c, http.StatusNotFound, "portal/over.html", &page)
}

func (s *Site) payLink(c echo.Context) error {
	page, err := s.linkPage(c)
	if err != nil {
		return s.linkOrOver(c, err)
	}
	return view.Render(c, http.StatusOK, "portal/pay.html", page)
}

func (s *Site) payByLink(c echo.Context) error {
	page, err := s.linkPage(c)
	if err != nil {
		return s.linkOrOver(c, err)
	}
	if sent := c.FormValue("key"); sent != page.Pay.Key && s.mine(c, page.Pay.Key) { // sent twice
		return c.Redirect(http.StatusSeeOther, "/pay/return/"+page.Pay.Key)
	}
	instance, ok := strings.CutPrefix(c.FormValue("way"), "page:")
	for _, w := range page.Pay.Choices {
		ok = ok && !(w.Value == "page:"+instance && w.Off)
	}
	if ok {
		begun, err := s.Flow.PayByLink(c.Request().Context(), c.Param("token"), instance, s.Links.Portal+"/pay/return/{attempt}")
		if err == nil {
			return s.begun(c, begun, "/pay/"+c.Param("token"))
		}
		f := fault.Of(err)
		if f == nil || f.Kind == fault.Internal {
			return err
		}
		page.Pay.Error = payProblem(f)
	} else {
		page.Pay.Error = "Choose one of the ways to pay."
	}
	page.Failed, page.Pay.Chosen = true, c.FormValue("way")
	return view.Render(c, http.StatusUnprocessableEntity, "portal/pay.html", page)
}
