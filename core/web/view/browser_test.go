package view

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/web/webtest"
	"github.com/ezscale/bursar/sdk/fault"
)

// In a real browser, at phone and desk width, light and dark: no page scrolls sideways, nothing complains in
// the console (a refused style or script does), and axe finds nothing against WCAG 2.2 AA.
// BURSAR_SHOTS names a folder for pictures.
func TestPagesInABrowser(t *testing.T) {
	b := webtest.Open(t, sampleServer(t), "status of 404", "status of 422")
	for _, page := range []string{"portal", "admin", "storefront", "form", "error", "sign-in"} {
		for _, width := range []int64{390, 1440} {
			for _, theme := range []string{"bursar", "bursar-dark"} {
				b.Look(fmt.Sprintf("%s-%d-%s", page, width, theme), "/"+page+"?theme="+theme, width)
			}
		}
	}
}

// sampleServer serves each sample page at /<name>, and the assets.
func sampleServer(t *testing.T) *echo.Echo {
	e, server := newEngine(t), echo.New()
	server.HTTPErrorHandler = ErrorHandler(nil)
	server.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Response().Header().Set(echo.HeaderXRequestID, "req_01JD7R9K")
			if theme := c.QueryParam("theme"); theme != "" {
				c.Request().AddCookie(&http.Cookie{Name: ThemeCookie, Value: theme})
			}
			return next(c)
		}
	})
	server.GET("/assets/*", e.Assets)
	for page, site := range map[string]string{"portal": "portal", "admin": "admin", "storefront": "storefront", "form": "portal", "error": "portal", "sign-in": "portal"} {
		server.GET("/"+page, func(c echo.Context) error {
			p := samples()
			p.Current = "/services"
			switch page {
			case "admin":
				p.Current, p.Title, p.Crumbs, p.Banner = "/invoices", "Invoices", nil, nil
			case "form":
				p.Failed, p.Crumbs, p.Banner, p.Flash = true, nil, nil, nil
			case "error":
				return fault.New(fault.NotFound, "service_not_found", "This service does not exist.")
			case "sign-in":
				f := NewForm("/sign-in", "Sign in", Field{Name: "email", Label: "Email", Kind: Email, Autocomplete: "username"}, Field{Name: "password", Label: "Password", Kind: Password, Autocomplete: "current-password"})
				return Render(c, http.StatusOK, "shared/sign-in.html", &SignPage{Page: Page{Title: "Sign in"}, Form: f, Also: []Link{{"Forgot your password", "/reset"}, {"Open an account", "/register"}}})
			}
			return Render(c, http.StatusOK, "sample/"+page+".html", p)
		}, e.Use(sampleSite(site)))
	}
	return server
}
