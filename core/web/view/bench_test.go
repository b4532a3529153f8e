package view

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"
)

// The floor of cached pages is a bare handler that answers the same bytes; that of drawn pages is the engine
// alone with the same struct.
func BenchmarkPages(b *testing.B) {
	e, cache := newEngine(b), NewCache(16)
	run := func(name, accept string, h echo.HandlerFunc, use ...echo.MiddlewareFunc) {
		server := echo.New()
		server.GET("/*", h, use...)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			req := httptest.NewRequest("GET", "/vps", nil)
			req.Header.Set("Accept-Encoding", accept)
			for b.Loop() {
				rec := httptest.NewRecorder()
				server.ServeHTTP(rec, req)
				if rec.Code != http.StatusOK {
					b.Fatal(rec.Code)
				}
			}
		})
	}
	body, err := e.Draw("sample/storefront.html", samples(), nil)
	if err != nil {
		b.Fatal(err)
	}
	run("bare", "identity", func(c echo.Context) error { return c.HTMLBlob(http.StatusOK, body) })
	for _, accept := range []string{"identity", "gzip"} {
		run("cached-"+accept, accept, func(c echo.Context) error {
			return cache.Serve(c, KeyOf(c), func() (string, any, error) { return "sample/storefront.html", samples(), nil })
		}, e.Use(sampleSite("storefront")))
	}
	for _, name := range []string{"portal", "admin"} {
		p := samples()
		b.Run("engine-"+name, func(b *testing.B) {
			for b.Loop() {
				if _, err := e.Draw("sample/"+name+".html", p, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
		run("page-"+name, "identity", func(c echo.Context) error {
			q := *p
			return Render(c, http.StatusOK, "sample/"+name+".html", &q)
		}, e.Use(sampleSite(name)))
	}
}
