package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser is one Chromium for everybody of a test.
func browser(t *testing.T) context.Context {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1440, 900))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), opts...) // it closes after the test's own context
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(func() { stop(); time.Sleep(200 * time.Millisecond) }) // the browser still writes into its folder
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// person sits before a browser window: what is read is the page's visible text, what is pressed is found by its words and
// pressed with the mouse where it is.
type person struct {
	t    *testing.T
	name string
	tab  context.Context

	mu     sync.Mutex
	faults []string
}

// visitor is somebody with cookies of their own.
func visitor(t *testing.T, all context.Context, name string) *person {
	t.Helper()
	return window(t, all, name, chromedp.WithNewBrowserContext())
}

// second is another tab of the same person.
func (p *person) second() *person {
	p.t.Helper()
	return window(p.t, p.tab, p.name+", second tab")
}

func window(t *testing.T, from context.Context, name string, opts ...chromedp.ContextOption) *person {
	t.Helper()
	p := &person{t: t, name: name}
	tab, stop := chromedp.NewContext(from, opts...)
	p.tab = tab
	t.Cleanup(stop)
	if err := chromedp.Do(tab, chromedp.EmulateViewport(1440, 900)); err != nil { // the tab lives as long as the first context it is used with
		t.Fatal(err)
	}
	if err := chromedp.Listen(tab, p.hear); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, f := range p.faults {
			t.Errorf("the console of %s: %s", name, f)
		}
		p.faults = nil
	})
	return p
}

// hear collects what the console complains of. Answers with 4xx are for the reader of the page.
func (p *person) hear(ev any) {
	fault := ""
	switch e := ev.(type) {
	case *runtime.EventExceptionThrown:
		fault = e.ExceptionDetails.Text
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			fault = "console: " + string(e.Type)
		}
	case *log.EventEntryAdded:
		if fault = e.Entry.Text; strings.Contains(fault, "status of 4") || e.Entry.Level != log.EntryLevelError && e.Entry.Level != log.EntryLevelWarning {
			fault = ""
		}
	}
	if fault != "" {
		p.mu.Lock()
		p.faults = append(p.faults, fault)
		p.mu.Unlock()
	}
}

func (p *person) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, done := context.WithTimeout(p.tab, patient)
	defer done()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.fail("%v", err)
	}
}

// patient is how long a person waits for what should come.
const patient = 30 * time.Second

// fail ends the test with what is on the screen.
func (p *person) fail(format string, a ...any) {
	p.t.Helper()
	ctx, done := context.WithTimeout(p.tab, 5*time.Second)
	defer done()
	at, _ := chromedp.Run(ctx, chromedp.Location())
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`[...document.querySelectorAll("select")].forEach(s => s.remove()); document.body ? document.body.innerText : ""`))
	if dir := os.Getenv(shotsVariable); dir != "" {
		if png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100)); err == nil {
			_ = os.WriteFile(filepath.Join(dir, "failed.png"), png, 0o600)
		}
	}
	p.t.Fatalf("%s: %s\nat %s: %s", p.name, fmt.Sprintf(format, a...), at, strings.Join(strings.Fields(text), " "))
}

// ask evaluates until the answer is as wanted. While a page goes and the next comes there is none.
func ask[T any](p *person, script string, wanted func(T) bool) (last T, ok bool) {
	p.t.Helper()
	for until := time.Now().Add(patient); ; {
		ctx, done := context.WithTimeout(p.tab, patient)
		got, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
		done()
		if err == nil {
			if last = got; wanted(got) {
				return got, true
			}
		}
		if time.Now().After(until) || p.tab.Err() != nil {
			return last, false
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// visit goes to an address.
func (p *person) visit(address string) {
	p.t.Helper()
	p.do(chromedp.Navigate(address))
}

// text is what stands on the page, in one line.
const textNow = `(document.body ? document.body.innerText : "").replace(/\s+/g, " ")`

// sees waits until the page says all of it.
func (p *person) sees(wants ...string) {
	p.t.Helper()
	for _, want := range wants {
		if _, ok := ask(p, textNow, func(s string) bool { return strings.Contains(s, want) }); !ok {
			p.fail("the page does not say %q", want)
		}
	}
}

// misses wants that the page as it stands does not say it.
func (p *person) misses(unwanted string) {
	p.t.Helper()
	if got := p.reads(); strings.Contains(got, unwanted) {
		p.fail("the page says %q", unwanted)
	}
}

// reads is the page's text as it stands.
func (p *person) reads() string {
	p.t.Helper()
	got, _ := ask(p, textNow, func(s string) bool { return s != "" })
	return got
}

// isAt waits until the address has this in it, and answers the address.
func (p *person) isAt(part string) string {
	p.t.Helper()
	at, ok := ask(p, `location.href`, func(s string) bool { return strings.Contains(s, part) })
	if !ok {
		p.fail("this is not %s", part)
	}
	return at
}

// finder answers where on the screen something is, scrolled into view: {x, y}, or {why}. What is pressed are links, buttons
// and labels, by their words; what is typed into are fields, by their labels. Whatever another thing covers is not there.
const finder = `((kind, text, nth) => {
	const flat = s => (s || "").replace(/\s+/g, " ").trim();
	const seen = el => el.getClientRects().length > 0 && el.checkVisibility({visibilityProperty: true, opacityProperty: true, contentVisibilityAuto: true});
	if (document.readyState !== "complete" || document.querySelector(".htmx-request, .htmx-swapping, .htmx-settling, .htmx-added")) return {why: "the page is not at rest"};
	let all = [];
	if (kind === "press") {
		const named = [...document.querySelectorAll("a[href], button, summary, label")].filter(seen).map(el => [flat(el.getAttribute("aria-label")) || flat(el.innerText), el]);
		all = named.filter(([n]) => n === text);
		if (!all.length) all = named.filter(([n]) => n.startsWith(text));
		if (!all.length) all = named.filter(([n, el]) => n.includes(text) && el.matches("a, button, label"));
		all = all.map(([, el]) => el);
	} else {
		all = [...document.querySelectorAll("input:not([type=hidden]):not([type=range]), select, textarea")].filter(seen).filter(el =>
			[...(el.labels || [])].some(l => flat(l.innerText) === text || flat(l.innerText).startsWith(text)) || flat(el.getAttribute("aria-label")) === text || flat(el.placeholder) === text);
	}
	const el = all[nth];
	if (!el) return {why: "nothing of that name"};
	if (el.matches(":disabled, [aria-disabled=true]")) return {why: "it is disabled"};
	el.scrollIntoView({block: "center", inline: "nearest", behavior: "instant"});
	const box = el.matches("label") && el.control?.matches("[type=checkbox], [type=radio]") && el.contains(el.control) && el.control.getBoundingClientRect().width > 8 ? el.control : el; // words may be links
	const r = box.getClientRects()[0], x = r.left + Math.min(r.width / 2, 120), y = r.top + r.height / 2;
	const top = document.elementFromPoint(x, y);
	if (!top || !(el.contains(top) || top.contains(el) && kind === "press" && el.matches("a") || top.closest("label") === el)) return {why: "it is covered by " + (top ? top.outerHTML.slice(0, 120) : "nothing")};
	return {x, y, tag: el.tagName, type: el.type || ""};
})`

type spot struct {
	X, Y      float64
	Why       string
	Tag, Type string
}

// find waits until something can be reached.
func (p *person) find(kind, words string, nth int) spot {
	p.t.Helper()
	quoted, _ := json.Marshal(words)
	s, ok := ask(p, fmt.Sprintf("%s(%q, %s, %d)", finder, kind, quoted, nth), func(s spot) bool { return s.Why == "" })
	if !ok {
		p.fail("cannot %s %q: %s", kind, words, s.Why)
	}
	return s
}

// presses presses what has these words; of several the first.
func (p *person) presses(words string) {
	p.t.Helper()
	s := p.find("press", words, 0)
	hold := chromedp.Sleep(40 * time.Millisecond) // as a finger does: a page may change meanwhile
	p.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMousePressed, s.X, s.Y, chromedp.ButtonLeft, chromedp.ClickCount(1)), hold,
		chromedp.MouseEvent(input.DispatchMouseEventTypeMouseReleased, s.X, s.Y, chromedp.ButtonLeft, chromedp.ClickCount(1)))
}

// pressesTwice is what impatient people do.
func (p *person) pressesTwice(words string) {
	p.t.Helper()
	s := p.find("press", words, 0)
	p.do(chromedp.MouseClickXY(s.X, s.Y), chromedp.MouseClickXY(s.X, s.Y, chromedp.ClickCount(2)))
}

// chooses ticks a box or takes a choice, if it is not yet.
func (p *person) chooses(words string) {
	p.t.Helper()
	quoted, _ := json.Marshal(words)
	on := fmt.Sprintf(`[...document.querySelectorAll("label")].some(l => l.checkVisibility() && l.innerText.replace(/\s+/g, " ").trim().startsWith(%s) && l.control?.checked)`, quoted)
	p.find("press", words, 0)
	if is, _ := ask(p, on, func(bool) bool { return true }); is {
		return
	}
	p.presses(words)
	if _, ok := ask(p, on, func(is bool) bool { return is }); !ok {
		p.fail("%q stays off", words)
	}
}

// types types into a field, instead of what stands there.
func (p *person) types(field, what string) {
	p.t.Helper()
	s := p.find("type into", field, 0)
	if s.Tag == "SELECT" { // as by keyboard: the letters choose
		quoted, _ := json.Marshal(what)
		name, _ := json.Marshal(field)
		script := fmt.Sprintf(`(() => { const el = [...document.querySelectorAll("select")].find(e => [...e.labels].some(l => l.innerText.trim().startsWith(%s))); const o = [...el.options].find(o => o.text === %s); if (!o) return false; el.value = o.value; el.dispatchEvent(new Event("input", {bubbles: true})); el.dispatchEvent(new Event("change", {bubbles: true})); return true })()`, name, quoted)
		if _, ok := ask(p, script, func(done bool) bool { return done }); !ok {
			p.fail("%q has no choice %q", field, what)
		}
		return
	}
	p.do(chromedp.MouseClickXY(s.X, s.Y), chromedp.KeyEvent("a", chromedp.KeyModifiers(chromedp.ModifierCtrl)), chromedp.KeyEvent(what))
}

// fills types into several fields, name and text in turn.
func (p *person) fills(pairs ...string) {
	p.t.Helper()
	for n := 0; n < len(pairs); n += 2 {
		p.types(pairs[n], pairs[n+1])
	}
}

// leavesField moves on to the next field, so that what was typed counts.
func (p *person) leavesField() { p.do(chromedp.KeyEvent("\t")) }

// gets reads an address of the page's own site with the person's cookies.
func (p *person) gets(address string) (status int, kind, start string) {
	p.t.Helper()
	quoted, _ := json.Marshal(address)
	ctx, done := context.WithTimeout(p.tab, patient)
	defer done()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[struct {
		Status      int
		Kind, Start string
	}](fmt.Sprintf(`fetch(%s).then(async r => ({Status: r.status, Kind: r.headers.get("content-type") || "", Start: (await r.text()).slice(0, 8)}))`, quoted), chromedp.EvalAwaitPromise))
	if err != nil {
		p.fail("get %s: %v", address, err)
	}
	return got.Status, got.Kind, got.Start
}

// shotsVariable names a folder for pictures of the pages on the way.
const shotsVariable = "BURSAR_SHOTS"

// shows takes pictures of the page at desk and phone width, light and dark, and wants that nothing scrolls sideways.
func (p *person) shows(name string) {
	p.t.Helper()
	dir := os.Getenv(shotsVariable)
	if dir == "" {
		return
	}
	ctx, done := context.WithTimeout(p.tab, patient)
	defer done()
	for _, width := range []int64{1440, 390} {
		for _, theme := range []string{"bursar", "bursar-dark"} {
			p.do(chromedp.EmulateViewport(width, 900))
			_, _ = ask(p, fmt.Sprintf(`(document.documentElement.dataset.theme = %q, document.activeElement?.blur(), scrollTo(0, 0), true)`, theme), func(bool) bool { return true })
			p.do(chromedp.Sleep(300 * time.Millisecond)) // colours fade, charts are drawn again
			over, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`))
			if err != nil || over > 0 {
				p.t.Errorf("%s at %d scrolls sideways by %d px (%v)", name, width, over, err)
			}
			png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, width, theme)), png, 0o600)
			}
			if err != nil {
				p.t.Fatal(err)
			}
		}
	}
	p.do(chromedp.EmulateViewport(1440, 900))
	_, _ = ask(p, `(delete document.documentElement.dataset.theme, true)`, func(bool) bool { return true })
}
