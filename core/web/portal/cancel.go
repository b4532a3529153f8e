package portal

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
)

func (s *Site) cancelRoutes() []route.Route {
	return []route.Route{
		get("/services/:id/cancel", route.Customer(auth.ServiceCancel), s.askCancel),
		post("/services/:id/cancel", route.Customer(auth.ServiceCancel), s.cancel),
		post("/services/:id/keep", route.Customer(auth.ServiceCancel), s.keep),
	}
}

// cancelPage asks when a service is to end and why, or takes a cancellation back.
type cancelPage struct {
	servicePage
	Form *view.Form // nil: it is cancelled already, or over
}

func (s *Site) cancelPage(c echo.Context) (sub subscription.Subscription, page *cancelPage, err error) {
	sub, of, err := s.servicePage(c, "cancel")
	if err != nil {
		return sub, nil, err
	}
	accounts, err := s.Provision.Accounts(c.Request().Context(), []ids.Subscription{sub.ID})
	if err != nil {
		return sub, nil, err
	}
	of.State = stateOf(sub, accounts[sub.ID])
	page = &cancelPage{servicePage: *of}
	if sub.Status == subscription.Ended || !sub.CancelOn.IsZero() {
		return sub, page, nil
	}
	today, _, err := s.today(c.Request().Context())
	if err != nil {
		return sub, nil, err
	}
	when := []view.Choice{{Value: "now", Label: "Now", Help: "Everything on it is deleted. What is paid is not given back by itself."}}
	chosen := "now"
	if sub.Status != subscription.Pending && sub.PaidTo.After(today) {
		r := view.ReaderOf(c)
		on := sub.PaidTo.Format("2 Jan 2006")
		text := "At the end of the paid time, " + on
		if r != nil {
			text = r.Say("At the end of the paid time") + ", " + on
		}
		when, chosen = append([]view.Choice{{Value: "end", Label: text, Help: "It runs until then. You can take this back."}}, when...), "end"
	}
	form := view.NewForm("/services/"+string(sub.ID)+"/cancel", "Cancel "+sub.Label,
		view.Field{Name: "when", Label: "When", Kind: view.Radio, Value: chosen, Options: when},
		view.Field{Name: "reason", Label: "Why you leave", Kind: view.Textarea, Rows: 3, Optional: true, MaxLength: 500, Help: "We read it. It changes nothing about the cancellation."},
		view.Field{Name: "confirm", Label: "To end it now, type its name: " + sub.Label, Autocomplete: "off", Optional: true})
	form.Danger, form.Cancel = true, "/services/"+string(sub.ID)
	page.Form = form
	return sub, page, nil
}

func (s *Site) askCancel(c echo.Context) error {
	_, page, err := s.cancelPage(c)
	if err != nil {
		return err
	}
	return view.Render(c, http.StatusOK, "portal/service-cancel.html", page)
}

func (s *Site) cancel(c echo.Context) error {
	sub, page, err := s.cancelPage(c)
	if err != nil {
		return err
	}
	to := "/services/" + string(sub.ID)
	if page.Form == nil { // a second press
		return c.Redirect(http.StatusSeeOther, to)
	}
	form := page.Form
	form.Read(c)
	atEnd := form.Get("when") == "end"
	if !atEnd && !strings.EqualFold(form.Get("confirm"), sub.Label) {
		form.Wrong("confirm", "Type "+sub.Label+" to end it now and delete what is on it.")
	}
	if form.OK() {
		err = s.Flow.CancelService(c.Request().Context(), sub.Customer, sub.ID, flow.CancelIn{AtEnd: atEnd, Reason: form.Get("reason")})
	}
	if form.Failed(err) {
		page.Failed = true
		return view.Render(c, http.StatusUnprocessableEntity, "portal/service-cancel.html", page)
	}
	if err != nil {
		return err
	}
	if atEnd {
		return done(c, to, "Cancelled for "+sub.PaidTo.Format("2 January 2006")+". You can take this back until then.")
	}
	return done(c, to, sub.Label+" has ended.")
}

func (s *Site) keep(c echo.Context) error {
	id, err := idOf[ids.Subscription](c, "id")
	if err != nil {
		return err
	}
	err = s.Flow.KeepService(c.Request().Context(), customerOf(c), id)
	return outcome(c, "/services/"+string(id), "The cancellation is taken back. It goes on.", err)
}
