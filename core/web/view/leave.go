package view

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/sdk/fault"
)

// LeavePage is the struct of shared/leave.html.
type LeavePage struct {
	Page
	To   string // address there
	Text string // what happens there
	Back string // address of the way back
}

// Leave sends the browser on to another house's page, a gateway's or a panel's, by a page that goes on by itself. A
// redirect would not do: browsers hold the answers to forms to the hosts that the page with the form named, and which
// host a gateway's page has is known only now.
//
// Error: Unavailable for what is no address.
func Leave(c echo.Context, to, text, back string) error {
	u, err := url.Parse(to)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return fault.New(fault.Unavailable, "page_address", "The page to go on to does not answer at the moment. Nothing was done.")
	}
	c.Response().Header().Set("Refresh", "0; url="+u.String())
	c.Response().Header().Set("Cache-Control", "no-store")
	page := LeavePage{Page: Page{Title: "You go on to another page", Current: "/"}, To: u.String(), Text: text, Back: back}
	return Render(c, http.StatusOK, "shared/leave.html", &page)
}
