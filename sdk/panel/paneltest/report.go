package paneltest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/ezscale/bursar/sdk/sim"
)

// Failures say what went wrong at the vendor, what the host did then, and which promise of panel.Panel was broken.

// broken fails a trip. wrong says what befell it; advice, which promise is meant.
func (r *rig) broken(out *trip, wrong, want, have, advice string) {
	r.t.Helper()
	end := "ended Done"
	if out.err != nil {
		end = "ended with " + out.err.Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s was called %s, and %s.\n", wrong, out.change.name, times(len(out.calls)), end)
	fmt.Fprintf(&b, "  want  %s\n  have  %s\n", want, have)
	for n, c := range out.calls {
		if len(out.calls) > 12 && n > 8 && n < len(out.calls)-2 {
			continue
		}
		forgot := ""
		if c.forgot {
			forgot = " (forgotten by the host)"
		}
		fmt.Fprintf(&b, "  call %d: %s; %s%s; notes after it: %s\n", n+1, requests(c.changes), c.text, forgot, c.notes)
	}
	fmt.Fprintf(&b, "%s\nagain: go test -run '^%s$' -v", advice, r.t.Name())
	if file := r.dump(); file != "" {
		fmt.Fprintf(&b, "     vendor traffic: %s", file)
	}
	r.t.Error(b.String())
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// requests is "POST /v1/servers and PUT /v1/users/7".
func requests(list []sim.Request) string {
	if len(list) == 0 {
		return "no change"
	}
	var parts []string
	for _, q := range list {
		text := q.Method + " " + q.Path
		if q.Fault != "" {
			text += " [" + q.Fault + "]"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " and ")
}

// accounts is what the vendor holds.
func accounts(list []sim.Account) string {
	var parts []string
	for _, a := range list {
		name := a.Service
		if name == "" {
			name = "nameless"
		}
		parts = append(parts, fmt.Sprintf("%s (%s, %s)", a.ID, a.Status, name))
	}
	if len(parts) == 0 {
		return "none"
	}
	return fmt.Sprintf("%d: %s", len(parts), strings.Join(parts, ", "))
}

var unfit = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

// dump writes the requests that the vendor got, for reading. "" if it cannot.
func (r *rig) dump() string {
	dir := filepath.Join("testdata", "fail")
	if os.MkdirAll(dir, 0o755) != nil {
		return ""
	}
	var b strings.Builder
	for _, q := range r.vendor.Requests() {
		query := ""
		if q.Query != "" {
			query = "?" + q.Query
		}
		fmt.Fprintf(&b, "### %d  %d %s\n%s %s%s\n\n%s\n\n", q.Number, q.Status, q.Fault, q.Method, q.Path, query, q.Body)
	}
	name := filepath.Join(dir, unfit.ReplaceAllString(r.t.Name(), "-")+".http")
	if os.WriteFile(name, []byte(b.String()), 0o644) != nil {
		return ""
	}
	return name
}
