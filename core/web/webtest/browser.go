// Package webtest is Chromium in front of a site, for tests of its pages: no page scrolls sideways, nothing complains in
// the console, and axe finds nothing against WCAG 2.2 AA. BURSAR_SHOTS names a folder for pictures. Start at Open.
package webtest

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Shots is the folder for pictures, "" for none.
func Shots() string { return os.Getenv("BURSAR_SHOTS") }

// patience is how long a page may take.
const patience = 30 * time.Second

// axeRun answers the rules that were broken, as a JSON list of texts.
const axeRun = `;axe.run({runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}).then(r =>
	JSON.stringify(r.violations.map(v => v.id + ": " + v.nodes.map(n => n.target + " " + n.failureSummary).join(" | "))))`

// Browser is a browser in front of a site.
type Browser struct {
	Context context.Context // for chromedp
	URL     string          // of the site, without a slash at the end

	t      *testing.T
	axe    string
	mu     sync.Mutex
	faults []string
}

// Open starts a browser in front of a site. expected are parts of what the console may say, such as "status of 404". It
// reads axe from where npm put it, seen from a package of a site.
func Open(t *testing.T, site http.Handler, expected ...string) *Browser {
	t.Helper()
	axe, err := os.ReadFile("../../../themes/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("build the assets first: %v", err)
	}
	b := &Browser{t: t, axe: string(axe)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	b.ok(err)
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: site, ReadHeaderTimeout: time.Second}}
	server.Start()
	t.Cleanup(server.Close)
	b.URL = server.URL
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(stop)
	b.Context, stop = chromedp.NewContext(ctx)
	t.Cleanup(func() { stop(); time.Sleep(200 * time.Millisecond) }) // the browser still writes into its folder
	b.ok(chromedp.Do(b.Context, chromedp.Navigate("about:blank")))
	b.ok(chromedp.Listen(b.Context, func(ev any) {
		switch e := ev.(type) {
		case *runtime.EventExceptionThrown:
			b.complain(e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
				b.complain("console: " + string(e.Type))
			}
		case *log.EventEntryAdded:
			if !slices.ContainsFunc(expected, func(part string) bool { return strings.Contains(e.Entry.Text, part) }) {
				b.complain(e.Entry.Text)
			}
		}
	}))
	return b
}

func (b *Browser) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *Browser) complain(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = append(b.faults, text)
}

// Look checks one page at one width, with its questions closed and open, and takes its picture.
func (b *Browser) Look(name, path string, width int64) {
	b.t.Helper()
	ctx, done := context.WithTimeout(b.Context, patience)
	defer done()
	b.ok(chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(b.URL+path)))
	const over = `document.documentElement.scrollWidth - document.documentElement.clientWidth`
	for _, script := range []string{over, `document.querySelectorAll("details.ask").forEach(d => d.open = true); ` + over} {
		if px, err := chromedp.Run(ctx, chromedp.Evaluate[int](script)); err != nil || px > 0 {
			b.t.Errorf("%s scrolls sideways by %d px (%v) at %s", name, px, err, script)
		}
	}
	found, err := chromedp.Run(ctx, chromedp.Evaluate[string](b.axe+axeRun, chromedp.EvalAwaitPromise))
	var violations []string
	if err == nil {
		err = json.Unmarshal([]byte(found), &violations)
	}
	if err != nil || len(violations) > 0 {
		b.t.Errorf("%s: axe: %v %s", name, err, strings.Join(violations, "\n"))
	}
	if Shots() != "" {
		_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.querySelectorAll("details.ask").forEach(d => d.open = false); true`))
		b.ok(err)
		png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		b.ok(err)
		b.ok(os.WriteFile(filepath.Join(Shots(), name+".png"), png, 0o600))
	}
	b.Quiet(name)
}

// Quiet fails for what complained since the last time.
func (b *Browser) Quiet(name string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.faults {
		b.t.Errorf("%s: %s", name, f)
	}
	b.faults = nil
}
