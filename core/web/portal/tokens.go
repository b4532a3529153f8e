package portal

import (
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
)

func (s *Site) tokensRoutes() []route.Route {
	return []route.Route{
		get("/account/tokens", route.Customer(auth.TokenEdit), s.tokens),
		post("/account/tokens", route.Customer(auth.TokenEdit), s.newToken),
		post("/account/tokens/:id/revoke", route.Customer(auth.TokenEdit), s.revokeToken),
	}
}

// tokensPage lists the API tokens of a person, and makes new ones.
type tokensPage struct {
	view.Page
	Tabs   []view.Tab
	Secret string // of the token just made: shown this once
	Label  string // of it
	Rows   []tokenRow
	Form   *view.Form
	Scopes []scopeRow
	Wrong  string // what is wrong with the scopes
}

// tokenRow is a token without its secret.
type tokenRow struct {
	ID      ids.Token
	Label   string
	Scopes  string
	Created time.Time
	Expires time.Time
	Used    time.Time
	Revoke  view.Confirm
}

// scopeRow is something that a token may be allowed to do.
type scopeRow struct {
	Value, Label string
	On           bool
}

// scopes are the rights of a person that a program may be given, with words for them.
func scopesOf(a auth.Actor, chosen map[string]bool) []scopeRow {
	words := []struct {
		right auth.Right
		label string
	}{
		{auth.ServiceSee, "See services"}, {auth.ServiceControl, "Switch power, rename, sign on at panels"}, {auth.ServiceReveal, "See and reset credentials"}, {auth.ServiceCancel, "Cancel services"},
		{auth.OrderSee, "See orders"}, {auth.OrderPlace, "Place orders"}, {auth.InvoiceSee, "See invoices"}, {auth.InvoicePay, "Pay invoices"}, {auth.PaymentSee, "See payments"},
		{auth.MethodEdit, "Change ways to pay"}, {auth.CustomerSee, "See the profile"}, {auth.CustomerEdit, "Change the profile"}, {auth.MailSee, "Read mails"},
	}
	var out []scopeRow
	for _, w := range words {
		if a.Can(w.right) {
			out = append(out, scopeRow{Value: string(w.right), Label: w.label, On: chosen[string(w.right)]})
		}
	}
	return out
}

func tokenForm() *view.Form {
	return view.NewForm("/account/tokens", "Make the token",
		view.Field{Name: "label", Label: "What it is for", Placeholder: "deploy script", MaxLength: 80},
		view.Field{Name: "expires", Label: "Ends", Kind: view.Select, Value: "90", Options: []view.Choice{{Value: "30", Label: "In 30 days"}, {Value: "90", Label: "In 90 days"}, {Value: "365", Label: "In a year"}, {Value: "0", Label: "Never"}}})
}

func (s *Site) tokens(c echo.Context) error {
	page, err := s.tokensPage(c)
	if err != nil {
		return err
	}
	page.Form, page.Scopes = tokenForm(), scopesOf(route.Actor(c), map[string]bool{string(auth.ServiceSee): true})
	return view.Render(c, http.StatusOK, "portal/tokens.html", page)
}

func (s *Site) tokensPage(c echo.Context) (*tokensPage, error) {
	u, err := s.self(c)
	if err != nil {
		return nil, err
	}
	list, err := s.Auth.Tokens(c.Request().Context(), string(u.ID))
	if err != nil {
		return nil, err
	}
	page := &tokensPage{Page: view.Page{Title: "Account", Current: "/account"}, Tabs: accountTabs(c, "/account/tokens")}
	for _, t := range list {
		if t.Customer != customerOf(c) {
			continue // acts for another customer: shown there
		}
		page.Rows = append(page.Rows, tokenRow{ID: t.ID, Label: t.Label, Scopes: strings.Join(t.Scopes, ", "), Created: t.Created, Expires: t.Expires, Used: t.LastUsed,
			Revoke: view.Confirm{Label: "Revoke", Title: "Revoke " + t.Label + "?", Text: "Programs that use it stop working at once.", Action: "/account/tokens/" + string(t.ID) + "/revoke", Submit: "Revoke " + t.Label, Danger: true}})
	}
	return page, nil
}

func (s *Site) newToken(c echo.Context) error {
	form := tokenForm()
	form.Read(c)
	values, err := c.FormParams()
	if err != nil {
		return err
	}
	chosen := map[string]bool{}
	for _, v := range values["scopes"] {
		chosen[v] = true
	}
	a := route.Actor(c)
	var secret string
	var made auth.Token
	if form.OK() {
		var expires time.Time
		if days := map[string]int{"30": 30, "90": 90, "365": 365}[form.Get("expires")]; days > 0 {
			expires = s.Clock.Now().AddDate(0, 0, days)
		}
		secret, made, err = s.Auth.NewToken(c.Request().Context(), a.Person(), form.Get("label"), values["scopes"], expires)
	}
	failed := form.Failed(err)
	if err != nil && !failed {
		return err
	}
	page, perr := s.tokensPage(c)
	if perr != nil {
		return perr
	}
	status := http.StatusOK
	page.Form, page.Scopes = form, scopesOf(a, chosen)
	if failed {
		status, page.Failed = http.StatusUnprocessableEntity, true
	} else {
		page.Secret, page.Label, page.Form, page.Scopes = secret, made.Label, tokenForm(), scopesOf(a, map[string]bool{string(auth.ServiceSee): true})
		c.Response().Header().Set("Cache-Control", "no-store")
	}
	return view.Render(c, status, "portal/tokens.html", page)
}

func (s *Site) revokeToken(c echo.Context) error {
	id, err := idOf[ids.Token](c, "id")
	if err != nil {
		return err
	}
	return outcome(c, "/account/tokens", "The token is revoked.", s.Auth.RevokeToken(c.Request().Context(), route.Actor(c).Person(), id))
}
