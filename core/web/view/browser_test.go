package view

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/sdk/fault"
)

// In a real browser, at phone and desk width, light and dark: no page scrolls sideways, nothing complains in
// the console (a refused style or script does), and axe finds nothing against WCAG 2.2 AA.
// BURSAR_SHOTS names a folder for pictures.
func TestPagesInABrowser(t *testing.T) {
	axe, err := os.ReadFile("../../../themes/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("build the assets first: %v", err)
	}
	server := httptest.NewServer(sampleServer(t))
	t.Cleanup(server.Close)
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(func() { stop(); time.Sleep(200 * time.Millisecond) }) // the browser still writes into its folder
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var complaints []string
	complain := func(text string) { mu.Lock(); complaints = append(complaints, text); mu.Unlock() }
	err = chromedp.Listen(ctx, func(ev any) {
		switch e := ev.(type) {
		case *runtime.EventExceptionThrown:
			complain(e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
				complain("console: " + string(e.Type))
			}
		case *log.EventEntryAdded:
			if !strings.Contains(e.Entry.Text, "status of 404") && !strings.Contains(e.Entry.Text, "status of 422") {
				complain(e.Entry.Text)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"portal", "admin", "storefront", "form", "error", "sign-in"} {
		for _, width := range []int64{390, 1440} {
			for _, theme := range []string{"bursar", "bursar-dark"} {
				name := fmt.Sprintf("%s-%d-%s", page, width, theme)
				limited, done := context.WithTimeout(ctx, 30*time.Second)
				err := chromedp.Do(limited, chromedp.EmulateViewport(width, 900), chromedp.Navigate(server.URL+"/"+page+"?theme="+theme))
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				over, err := chromedp.Run(limited, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`))
				if err != nil || over > 0 {
					t.Errorf("%s scrolls sideways by %d px (%v)", name, over, err)
				}
				found, err := chromedp.Run(limited, chromedp.Evaluate[string](string(axe)+axeRun, chromedp.EvalAwaitPromise))
				var violations []string
				if err == nil {
					err = json.Unmarshal([]byte(found), &violations)
				}
				if err != nil || len(violations) > 0 {
					t.Errorf("%s: axe: %v %s", name, err, strings.Join(violations, "\n"))
				}
				if dir := os.Getenv("BURSAR_SHOTS"); dir != "" {
					png, err := chromedp.Run(limited, chromedp.FullScreenshot(100))
					if err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				done()
				mu.Lock()
				for _, c := range complaints {
					t.Errorf("%s: %s", name, c)
				}
				complaints = nil
				mu.Unlock()
			}
		}
	}
}

// axeRun answers the rules that were broken, as a JSON list of texts.
const axeRun = `;axe.run({runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}).then(r =>
	JSON.stringify(r.violations.map(v => v.id + ": " + v.nodes.map(n => n.target + " " + n.failureSummary).join(" | "))))`

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
