package admin

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/panel"
)

func (s *Site) suspendService(c echo.Context) error {
	return serviceAct(c, "It is being suspended.", func(id ids.Subscription) error {
		return s.Flow.SuspendService(c.Request().Context(), id, strings.TrimSpace(c.FormValue("reason")))
	})
}

func (s *Site) unsuspendService(c echo.Context) error {
	return serviceAct(c, "It is being brought back.", func(id ids.Subscription) error {
		return s.Flow.UnsuspendService(c.Request().Context(), id)
	})
}

var errName = fault.New(fault.Invalid, "name_differs", "Nothing was terminated: type the name as it is shown.").On("confirm")

func (s *Site) terminateService(c echo.Context) error {
	return serviceAct(c, "It is being terminated.", func(id ids.Subscription) error {
		ctx := c.Request().Context()
		sub, err := s.Subscriptions.Get(ctx, id)
		if err != nil {
			return err
		}
		name := sub.Label
		if name == "" {
			shop, err := s.Catalog.Shop(ctx)
			if err != nil {
				return err
			}
			name = productName(shop, sub.Product)
		}
		if strings.TrimSpace(c.FormValue("confirm")) != strings.TrimSpace(name) {
			return errName
		}
		return s.Flow.TerminateService(ctx, id, strings.TrimSpace(c.FormValue("reason")))
	})
}

func (s *Site) powerService(c echo.Context) error {
	return serviceAct(c, "The panel is told.", func(id ids.Subscription) error {
		return s.Flow.Power(c.Request().Context(), "", id, panel.PowerAction(c.FormValue("action")), c.FormValue("key"))
	})
}

func (s *Site) resetServicePassword(c echo.Context) error {
	return serviceAct(c, "A new password is being set. The customer can reveal it once.", func(id ids.Subscription) error {
		return s.Flow.ResetPassword(c.Request().Context(), "", id, c.FormValue("key"))
	})
}

func (s *Site) renameService(c echo.Context) error {
	return serviceAct(c, "Renamed.", func(id ids.Subscription) error {
		return s.Flow.RenameService(c.Request().Context(), "", id, strings.TrimSpace(c.FormValue("label")))
	})
}

func (s *Site) cancelService(c echo.Context) error {
	return serviceAct(c, "It is cancelled.", func(id ids.Subscription) error {
		return s.Flow.CancelService(c.Request().Context(), "", id, flow.CancelIn{AtEnd: true, Reason: strings.TrimSpace(c.FormValue("reason"))})
	})
}

func (s *Site) keepService(c echo.Context) error {
	return serviceAct(c, "The cancellation is taken back.", func(id ids.Subscription) error {
		return s.Flow.KeepService(c.Request().Context(), "", id)
	})
}

// refreshService asks the panel. One that does not answer is told in place: what was seen last stays.
func (s *Site) refreshService(c echo.Context) error {
	id, err := idOf[ids.Subscription](c)
	if err != nil {
		return err
	}
	_, err = s.Flow.Refresh(c.Request().Context(), "", id)
	return panelOutcome(c, "/services/"+string(id), "Read from the panel.", err)
}

// panelOutcome is outcome for a call to a panel, which may be down or not know: that breaks no page.
func panelOutcome(c echo.Context, to, text string, err error) error {
	switch fault.KindOf(err) {
	case fault.Unavailable, fault.Unknown, fault.Unsupported, fault.NotFound:
		why := "The panel does not answer."
		if f := fault.Of(err); f != nil && f.Text != "" {
			why = f.Text
		}
		view.Tell(c, view.Bad, why)
		return c.Redirect(http.StatusSeeOther, to)
	}
	return outcome(c, to, text, err)
}

// loginService signs staff on at the panel. The link is good once, so it is made only when it is wanted and is given
// on a page of its own: browsers refuse forms that lead to hosts that nobody announced.
func (s *Site) loginService(c echo.Context) error {
	id, err := idOf[ids.Subscription](c)
	if err != nil {
		return err
	}
	here := "/services/" + string(id)
	link, err := s.Flow.PanelLogin(c.Request().Context(), "", id, true)
	if err != nil {
		return panelOutcome(c, here, "", err)
	}
	u, err := url.Parse(link.URL)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
		return panelOutcome(c, here, "", fault.New(fault.Unavailable, "panel_link", "The panel answered no address that can be opened."))
	}
	page := loginPage{Page: view.Page{Title: "Open the panel", Crumbs: []view.Link{{Label: "Services", Link: "/services"}, {Label: "Service", Link: here}}, Current: "/services"},
		Open: view.Link{Label: "Open " + u.Host, Link: link.URL}, SignedOn: link.SignedOn, Back: here}
	return view.Render(c, http.StatusOK, "admin/panel-login.html", &page)
}

// loginPage has the link to the panel, for one use.
type loginPage struct {
	view.Page
	Open     view.Link
	SignedOn bool // false: the panel will ask for a password
	Back     string
}
