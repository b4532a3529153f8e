package portal

import (
	"crypto/hmac"
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/money"
)

func (s *Site) returnRoutes() []route.Route {
	return []route.Route{get("/pay/return/:attempt", route.Anyone(), s.returned)}
}

// returnPage says what became of a payment: paid, declined, or being checked, in which case it looks again by itself.
type returnPage struct {
	view.Page
	State   string // paid, saved, declined, expired, waiting, checking
	Amount  money.Amount
	Text    string // why it was declined
	PageURL string // the gateway's page, while it is open
	To      view.Link
}

const payCookie = "pay"

// remember lets this browser see what becomes of a payment that it began, signed in or not.
func (s *Site) remember(c echo.Context, id ids.Attempt) {
	c.SetCookie(&http.Cookie{Name: payCookie, Value: string(id) + "." + s.mark("attempt", string(id)), Path: "/pay", MaxAge: 24 * 3600, HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteLaxMode})
}

// mine says whether this browser began the payment.
func (s *Site) mine(c echo.Context, id string) bool {
	k, err := c.Cookie(payCookie)
	if err != nil {
		return false
	}
	of, proof, _ := strings.Cut(k.Value, ".")
	return of == id && hmac.Equal([]byte(proof), []byte(s.mark("attempt", id)))
}

// attempt reads a payment for the customer who is signed in, or for the browser that began it.
func (s *Site) attempt(c echo.Context) (payment.Attempt, error) {
	id, err := idOf[ids.Attempt](c, "attempt")
	if err != nil {
		return payment.Attempt{}, err
	}
	ctx, a := c.Request().Context(), route.Actor(c)
	if s.mine(c, string(id)) {
		return s.Payments.Get(ctx, id)
	}
	if a.Customer == "" || !a.Can(auth.PaymentSee) {
		return payment.Attempt{}, payment.ErrAttemptNotFound
	}
	return s.Payments.GetFor(ctx, a.Customer, id)
}

// returned is where gateways send browsers back to. What the address says besides the attempt is not believed.
func (s *Site) returned(c echo.Context) error {
	ctx := c.Request().Context()
	att, err := s.attempt(c)
	var http404 *echo.HTTPError
	switch {
	case fault.KindOf(err) == fault.NotFound, errors.As(err, &http404):
		// Another browser than the one that paid, as with a bank's app: nothing is told, but nobody is left in doubt.
		page := overPage{Page: view.Page{Title: "We cannot show this payment here"},
			Text: "If you paid just now, all is well: the receipt comes by mail. Sign in to see how a payment stands."}
		return view.Render(c, http.StatusNotFound, "portal/over.html", &page)
	case err != nil:
		return err
	}
	if c.Request().Header.Get("X-Poll") == "" || !att.AskAt.IsZero() && s.Clock.Now().After(att.AskAt) {
		if att, err = s.Flow.Returned(ctx, att.ID); err != nil {
			return err
		}
	}
	own := route.Actor(c).Customer == att.Customer
	page := returnPage{Page: view.Page{Title: "Payment", Current: "/invoices"}, Amount: att.Amount}
	if own {
		page.To = view.Link{Label: "All invoices", Link: "/invoices"}
		if len(att.Invoices) == 1 {
			page.To = view.Link{Label: "To the invoice", Link: "/invoices/" + string(att.Invoices[0])}
		}
		if att.Purpose == payment.SaveOnly {
			page.To = view.Link{Label: "Ways to pay", Link: "/methods"}
		}
	}
	switch att.Status {
	case payment.Succeeded:
		page.State, page.Title = "paid", "Paid"
		if att.Purpose == payment.SaveOnly {
			if own && c.Request().Header.Get("X-Poll") == "" {
				return done(c, "/methods", "It is saved.")
			}
			page.State, page.Title = "saved", "Saved"
		}
	case payment.Declined:
		page.State, page.Title, page.Text = "declined", "Declined", att.DeclineText
	case payment.Expired:
		page.State, page.Title = "expired", "Not paid"
	case payment.Waiting:
		if att.PageURL == "" {
			page.State, page.Title, page.Refresh = "coming", "On its way", 30
			break
		}
		page.State, page.Title, page.PageURL, page.Refresh = "waiting", "Not paid yet", att.PageURL, 10
	default:
		page.State, page.Title, page.Refresh = "checking", "Being checked", 10
	}
	return view.Render(c, http.StatusOK, "portal/return.html", &page)
}
