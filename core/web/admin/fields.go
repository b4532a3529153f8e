package admin

import (
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/money"
)

// param reads the ID that stands in the address.
func param[T ids.Kind](c echo.Context) (T, error) { return ids.Parse[T](c.Param("id")) }

// key is a hidden field that names one request: a second press, or a reload, is the same one.
func key() view.Field { return view.Field{Name: "key", Kind: view.Hidden, Value: rand.Text()} }

// amountOf reads an amount of money as people type it: spaces do not matter, a comma may stand for the point.
func amountOf(f *view.Form, name, currency string) money.Amount {
	text := strings.NewReplacer(" ", "", "\u00a0", "", currency, "").Replace(f.Get(name))
	if strings.Count(text, ",") == 1 && !strings.Contains(text, ".") {
		text = strings.Replace(text, ",", ".", 1)
	}
	a, err := money.Parse(text, currency)
	if err != nil {
		f.Wrong(name, "Write an amount such as "+money.Of(1999, currency).Decimal()+".")
	}
	return a
}

// wholeOf reads a whole number; an empty field is 0.
func wholeOf(f *view.Form, name string) int64 {
	text := strings.NewReplacer(" ", "", ",", "").Replace(f.Get(name))
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		f.Wrong(name, "Write a whole number.")
	}
	return n
}

// ppmOf reads a percentage with up to four decimals as parts per million.
func ppmOf(f *view.Form, name string) int64 {
	text := strings.NewReplacer(" ", "", "%", "", ",", ".").Replace(f.Get(name))
	whole, part, _ := strings.Cut(text, ".")
	if len(part) > 4 || text == "" {
		f.Wrong(name, "Write a percentage such as 19 or 8.875.")
		return 0
	}
	n, err := strconv.ParseInt(whole+part+strings.Repeat("0", 4-len(part)), 10, 64)
	if err != nil {
		f.Wrong(name, "Write a percentage such as 19 or 8.875.")
	}
	return n
}

// dayOf reads a day; an empty field is no day.
func dayOf(f *view.Form, name string) period.Day {
	d, err := period.ParseDay(f.Get(name))
	if err != nil {
		f.Wrong(name, "Write a day such as 2026-11-30.")
	}
	return d
}

// startOf is the first instant of a day that a form names, in the zone of the business; zero for no day. A day that
// was not changed keeps the time that it had.
func startOf(f *view.Form, name string, was time.Time, zone *time.Location) time.Time {
	d := dayOf(f, name)
	if d.String() == dated(was, zone) {
		return was
	}
	if d.IsZero() {
		return time.Time{}
	}
	return d.Start(zone)
}

// check is the value of a tick.
func check(on bool) string {
	if on {
		return "1"
	}
	return ""
}

// choices makes options whose words are the stored ones, made plain.
func choices[T ~string](words ...T) []view.Choice {
	out := make([]view.Choice, len(words))
	for i, w := range words {
		out[i] = view.Choice{Value: string(w), Label: title(plain(w))}
	}
	return out
}

// title begins a word with a capital.
func title(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// lines are the lines of a text area that are not empty.
func lines(text string) []string {
	var out []string
	for _, l := range strings.Split(text, "\n") {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}

// formPage answers with a form on a page of its own; one that was refused keeps what was typed.
func formPage(c echo.Context, status int, page view.Page, f *view.Form) error {
	page.Failed = !f.OK()
	return view.Render(c, status, "shared/form-admin.html", &view.FormPage{Page: page, Form: f})
}

// dated is a day as forms write it.
func dated(at time.Time, zone *time.Location) string {
	if at.IsZero() {
		return ""
	}
	return period.On(at, zone).String()
}

// lasting is a duration as tables show it.
func lasting(d time.Duration) string {
	switch {
	case d <= 0:
		return "–"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.3g s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d d", int(d.Hours()/24))
}

// faultDetail is what a fault tells staff beside its sentence, "" if it is none.
func faultDetail(err error) string {
	if fa := fault.Of(err); fa != nil {
		return fa.Detail
	}
	return ""
}

// amounts writes money as the reader of a page does.
func amounts(c echo.Context) func(money.Amount) string {
	r := view.ReaderOf(c)
	return func(a money.Amount) string { return r.Money(a) }
}
