package core_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/ezscale/bursar/"

// order is the map of core: groups from below to above, and within a group its packages in the order in which they may
// import each other: a later one an earlier one, never the reverse.
var order = []struct {
	group    string
	packages []string
}{
	{"core/base", []string{"ids", "clock", "period", "states"}},
	{"core/data", []string{"models", "db", "counter", "lease", "outbox", "dbtest"}},
	{"core/platform", []string{"secret", "audit", "settings", "auth", "jobs", "inbox", "idempotency", "pluginhost"}},
	{"core/sales", []string{"customer", "catalog", "coupon", "tax", "pricing", "order"}},
	{"core/billing", []string{"invoice", "payment", "ledger", "dunning", "run"}},
	{"core/hosting", []string{"subscription", "provision"}},
	{"core/contact", []string{"notify"}},
	{"core/insight", nil},
	{"core/flow", nil},
	{"core/web", []string{"webtest", "view", "route", "webhook", "storefront", "portal", "admin", "api"}},
	{"core/app", nil},
}

// below are the groups that a group may import besides its own earlier packages.
var below = map[string][]string{
	"core/base":     {"sdk/money", "sdk/fault", "sdk/secret"},
	"core/data":     {"core/base", "migrations", "sdk/money", "sdk/fault", "sdk/secret"},
	"core/platform": {"core/data", "core/base", "sdk"},
	"core/sales":    {"core/platform", "core/data", "core/base", "sdk"},
	"core/billing":  {"core/sales", "core/platform", "core/data", "core/base", "sdk"},
	"core/hosting":  {"core/sales", "core/platform", "core/data", "core/base", "sdk"},
	"core/contact":  {"core/platform", "core/data", "core/base", "sdk"},
	"core/insight":  {"core/platform", "core/data", "core/base", "sdk"},
	"core/flow":     {"core/insight", "core/contact", "core/hosting", "core/billing", "core/sales", "core/platform", "core/data", "core/base", "sdk"},
	"core/web":      {"core/flow", "core/insight", "core/contact", "core/hosting", "core/billing", "core/sales", "core/platform", "core/data", "core/base", "sdk"},
	"core/app":      {"core", "sdk"},
	"sdk":           {"sdk"},
	"plugins":       {"sdk"},
	"migrations":    {},
	"themes":        {},
	"cmd":           {"core", "sdk", "themes", "plugins", "migrations"},
	"tools":         {},
}

// TestImportsGoOneWay holds every import of ours to the table of the house. Tests may import what they test against:
// only what is built counts, save that nothing but app and cmd may import the web.
func TestImportsGoOneWay(t *testing.T) {
	files := 0
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains([]string{".git", "node_modules", "testdata", "build", "data"}, d.Name()) && file != filepath.Join("..", "core", "data") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		files++
		from := path.Dir(strings.TrimPrefix(filepath.ToSlash(file), "../"))
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, text, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if to, ours := strings.CutPrefix(name, module); ours && !allowed(from, to) {
				t.Errorf("%s imports %s", file, to)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 100 {
		t.Fatalf("only %d files were read", files)
	}
}

// allowed says whether a package may import another.
func allowed(from, to string) bool {
	group := groupOf(from)
	if strings.HasPrefix(from, "plugins/") && strings.HasPrefix(to, strings.Join(strings.Split(from, "/")[:3], "/")) {
		return true // its own simulator
	}
	if group == groupOf(to) && strings.HasPrefix(group, "core/") {
		return earlier(group, from, to)
	}
	if from == "core/app" && to == "core/app" {
		return false
	}
	return slices.ContainsFunc(below[group], func(ok string) bool { return to == ok || strings.HasPrefix(to, ok+"/") })
}

func groupOf(pkg string) string {
	parts := strings.Split(pkg, "/")
	if parts[0] == "core" && len(parts) > 1 {
		return parts[0] + "/" + parts[1]
	}
	return parts[0]
}

// earlier says whether to comes before from in their group. A package that the map does not have imports nothing.
func earlier(group, from, to string) bool {
	for _, g := range order {
		if g.group != group {
			continue
		}
		name := func(pkg string) int {
			return slices.Index(g.packages, strings.Split(strings.TrimPrefix(pkg, group+"/"), "/")[0])
		}
		a, b := name(from), name(to)
		return a >= 0 && b >= 0 && b < a || a == b && a >= 0
	}
	return false
}

func TestTheTableKnowsARightFromAWrongImport(t *testing.T) {
	tests := []struct {
		from, to string
		ok       bool
	}{
		{"core/sales/pricing", "core/sales/tax", true},
		{"core/sales/tax", "core/sales/pricing", false},
		{"core/billing/invoice", "core/hosting/subscription", false},
		{"core/hosting/subscription", "core/billing/invoice", false},
		{"core/billing/payment", "sdk/gateway", true},
		{"core/data/db", "core/platform/jobs", false},
		{"core/flow", "core/web/view", false},
		{"core/web/portal", "core/flow", true},
		{"core/web/portal", "themes", false},
		{"sdk/panel", "core/base/ids", false},
		{"plugins/panel/virtfusion", "core/base/ids", false},
		{"plugins/panel/virtfusion", "plugins/gateway/stripe/sim", false},
		{"cmd/demo", "plugins/gateway/stripe/sim", true},
	}
	for _, tt := range tests {
		if got := allowed(tt.from, tt.to); got != tt.ok {
			t.Errorf("%s importing %s: %v", tt.from, tt.to, got)
		}
	}
}
