package api_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ezscale/bursar/core/data/dbtest"
)

// document is the part of OpenAPI that is looked at here.
type document struct {
	OpenAPI    string `json:"openapi"`
	Servers    []struct{ URL string }
	Paths      map[string]map[string]described
	Components struct{ Schemas map[string]json.RawMessage }
}

func (w *world) document() (doc document, text string) {
	w.t.Helper()
	a := (&program{w: w}).get("/openapi.json").is(200, &doc)
	return doc, string(a.Body)
}

var parameter = regexp.MustCompile(`:(\w+)`)

func TestTheDocumentAndTheRoutesAreTheSame(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	doc, text := w.document()
	if doc.OpenAPI != "3.1.0" || len(doc.Servers) != 1 || doc.Servers[0].URL != "https://shop.test" || strings.Contains(text, "$schema") || strings.Contains(text, "ErrorModel") {
		t.Errorf("%s %v", doc.OpenAPI, doc.Servers)
	}
	routes := map[string]bool{}
	for _, e := range w.web.Table() {
		if !strings.HasPrefix(e.Path, "/api/") || strings.HasSuffix(e.Path, "/docs") || strings.HasSuffix(e.Path, "/openapi.json") {
			continue
		}
		path := parameter.ReplaceAllString(e.Path, "{$1}")
		op, ok := doc.Paths[path][strings.ToLower(e.Method)]
		if !ok {
			t.Errorf("%s %s is not in the document", e.Method, path)
			continue
		}
		routes[e.Method+" "+path] = true
		if op.OperationID == "" || op.Summary == "" || len(op.Tags) != 1 {
			t.Errorf("%s %s is not described", e.Method, path)
		}
		switch {
		case e.Who == "token" && (len(op.Security) != 1 || !slices.Equal(op.Security[0]["token"], []string{e.Right})):
			t.Errorf("%s %s wants %s, the document says %v", e.Method, path, e.Right, op.Security)
		case e.Who == "anyone" && len(op.Security) != 0 || e.Who != "anyone" && e.Who != "token":
			t.Errorf("%s %s is for %s", e.Method, path, e.Who)
		case e.Rate != "api":
			t.Errorf("%s %s has the rate %s", e.Method, path, e.Rate)
		}
		if _, ok := op.Responses["default"].Content["application/problem+json"]; !ok {
			t.Errorf("%s %s does not say how it fails", e.Method, path)
		}
		for _, name := range parameter.FindAllStringSubmatch(e.Path, -1) {
			if !slices.ContainsFunc(op.Parameters, func(p struct{ Name, In string }) bool { return p.Name == name[1] && p.In == "path" }) {
				t.Errorf("%s %s does not describe %s", e.Method, path, name[1])
			}
		}
	}
	ids := map[string]bool{}
	for path, item := range doc.Paths {
		for method, op := range item {
			if !routes[strings.ToUpper(method)+" "+path] {
				t.Errorf("%s %s is described, but there is no such route", method, path)
			}
			if ids[op.OperationID] {
				t.Errorf("two operations are called %s", op.OperationID)
			}
			ids[op.OperationID] = true
		}
	}
	if len(routes) < 40 {
		t.Errorf("%d routes", len(routes))
	}
	for _, ref := range regexp.MustCompile(`"\$ref":"([^"]*)"`).FindAllStringSubmatch(text, -1) {
		name, ok := strings.CutPrefix(ref[1], "#/components/schemas/")
		if _, there := doc.Components.Schemas[name]; !ok || !there {
			t.Errorf("%s leads nowhere", ref[1])
		}
	}
}

func TestThePageOfTheDocumentNeedsNobodyElse(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	a := (&program{w: w}).get("/docs").is(200)
	page := string(a.Body)
	for _, want := range []string{"POST /api/v1/orders", "Idempotency-Key", "Scope: order.place.", `href="/api/v1/openapi.json"`, `id="t-amount"`, "list of InvoiceLine"} {
		if !strings.Contains(page, want) {
			t.Errorf("%s is missing", want)
		}
	}
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if strings.Contains(m[1], "//") {
			t.Errorf("the page needs %s", m[1])
		}
		if to, ok := strings.CutPrefix(m[1], "#t-"); ok && !strings.Contains(page, `id="t-`+to+`"`) {
			t.Errorf("#t-%s leads nowhere", to)
		}
	}
	if strings.Contains(page, "<script>") || strings.Contains(page, "style=") {
		t.Error("inline scripts or styles")
	}
	if len(a.Header.Values("Set-Cookie")) != 0 {
		t.Error("cookies")
	}
}
