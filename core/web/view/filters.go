package view

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bojanz/currency"
	"github.com/flosch/pongo2/v6"
)

// unknown is printed for what is not known: no amount, no day.
const unknown = "–"

// amount is what the money filters take, such as money.Amount.
type amount interface {
	Minor() int64
	Currency() string
}

// day is what the day filters take besides time.Time, such as period.Day.
type day interface {
	IsZero() bool
	Time() time.Time
}

// formatter writes amounts of one locale, with and without the symbol.
type formatter struct{ full, plain *currency.Formatter }

var formatters sync.Map // locale → formatter

func formatterOf(locale string) formatter {
	if f, ok := formatters.Load(locale); ok {
		return f.(formatter)
	}
	f := formatter{currency.NewFormatter(currency.NewLocale(locale)), currency.NewFormatter(currency.NewLocale(locale))}
	f.plain.CurrencyDisplay = currency.DisplayNone
	formatters.Store(locale, f)
	return f
}

// Money writes an amount for a reader: symbol, grouping and decimals of the locale, a true minus.
func (r *Reader) Money(a amount) string { return r.format(a).text(a, false) }

func (r *Reader) format(a amount) formatter {
	if r == nil || r.money.full == nil {
		return formatterOf("en")
	}
	return r.money
}

func (f formatter) text(a amount, plain bool) string {
	code := a.Currency()
	if code == "" { // the zero amount fits any currency and has none
		return strconv.FormatInt(a.Minor(), 10)
	}
	v, err := currency.NewAmountFromInt64(a.Minor(), code)
	if err != nil {
		return strconv.FormatInt(a.Minor(), 10) + " " + code
	}
	if plain {
		return strings.ReplaceAll(f.plain.Format(v), "-", "−")
	}
	return strings.ReplaceAll(f.full.Format(v), "-", "−")
}

var registerFilters = sync.OnceFunc(func() {
	for name, f := range map[string]pongo2.FilterFunction{
		"money": func(in, p *pongo2.Value) (*pongo2.Value, *pongo2.Error) {
			a, ok := amountOf(in)
			if !ok {
				return pongo2.AsValue(unknown), nil
			}
			return safe(`<span class="money">` + html.EscapeString(readerOf(p).Money(a)) + `</span>`)
		},
		"amount": func(in, p *pongo2.Value) (*pongo2.Value, *pongo2.Error) {
			a, ok := amountOf(in)
			if !ok {
				return pongo2.AsValue(unknown), nil
			}
			return pongo2.AsValue(readerOf(p).Money(a)), nil
		},
		"plain": func(in, p *pongo2.Value) (*pongo2.Value, *pongo2.Error) {
			a, ok := amountOf(in)
			if !ok {
				return pongo2.AsValue(unknown), nil
			}
			return pongo2.AsValue(readerOf(p).format(a).text(a, true)), nil
		},
		"day":     func(in, p *pongo2.Value) (*pongo2.Value, *pongo2.Error) { return dayText(in, p, false) },
		"fullday": func(in, p *pongo2.Value) (*pongo2.Value, *pongo2.Error) { return dayText(in, p, true) },
		"time":    func(in, p *pongo2.Value) (*pongo2.Value, *pongo2.Error) { return timeText(in, p, false) },
		"ago":     func(in, p *pongo2.Value) (*pongo2.Value, *pongo2.Error) { return timeText(in, p, true) },
		"bytes": func(in, _ *pongo2.Value) (*pongo2.Value, *pongo2.Error) {
			return pongo2.AsValue(byteText(in.Float())), nil
		},
		"number": func(in, p *pongo2.Value) (*pongo2.Value, *pongo2.Error) {
			return pongo2.AsValue(numberText(in, readerOf(p))), nil
		},
		"t": func(in, p *pongo2.Value) (*pongo2.Value, *pongo2.Error) {
			return pongo2.AsValue(readerOf(p).Say(in.String())), nil
		},
		"state": func(in, p *pongo2.Value) (*pongo2.Value, *pongo2.Error) {
			return safe(stateOf(p.String(), in.String()).inline())
		},
		"badge": func(in, p *pongo2.Value) (*pongo2.Value, *pongo2.Error) {
			return safe(stateOf(p.String(), in.String()).badge())
		},
		"icon": func(in, p *pongo2.Value) (*pongo2.Value, *pongo2.Error) {
			return safe(iconSVG(in.String(), p.String()))
		},
		"csrf": func(in, _ *pongo2.Value) (*pongo2.Value, *pongo2.Error) {
			page, ok := in.Interface().(pager)
			if !ok || page.common().CSRF == "" {
				return pongo2.AsValue(""), nil
			}
			return safe(`<input type="hidden" name="` + CSRFField + `" value="` + html.EscapeString(page.common().CSRF) + `">`)
		},
		"asset": func(in, _ *pongo2.Value) (*pongo2.Value, *pongo2.Error) {
			return pongo2.AsValue(assetURL(in.String())), nil
		},
		// show draws a cell of a part, whatever it is; showfull writes the year of a day in any case, as documents need it.
		"show":     func(in, p *pongo2.Value) (*pongo2.Value, *pongo2.Error) { return show(in, p, false) },
		"showfull": func(in, p *pongo2.Value) (*pongo2.Value, *pongo2.Error) { return show(in, p, true) },
	} {
		register := pongo2.RegisterFilter
		if pongo2.FilterExists(name) {
			register = pongo2.ReplaceFilter
		}
		if err := register(name, f); err != nil {
			panic(fmt.Sprintf("view: filter %s: %v", name, err))
		}
	}
})

func show(in, p *pongo2.Value, full bool) (*pongo2.Value, *pongo2.Error) {
	if a, ok := amountOf(in); ok {
		return safe(`<span class="money">` + html.EscapeString(readerOf(p).Money(a)) + `</span>`)
	}
	switch in.Interface().(type) {
	case time.Time:
		if full {
			return dayText(in, p, true)
		}
		return timeText(in, p, false)
	case day:
		return dayText(in, p, full)
	case int, int64:
		return pongo2.AsValue(numberText(in, readerOf(p))), nil
	case nil:
		return pongo2.AsValue(unknown), nil
	}
	return pongo2.AsValue(in.String()), nil
}

func safe(text string) (*pongo2.Value, *pongo2.Error) { return pongo2.AsSafeValue(text), nil }

func readerOf(p *pongo2.Value) *Reader {
	r, _ := p.Interface().(*Reader)
	return r
}

func amountOf(in *pongo2.Value) (amount, bool) {
	if in.IsNil() {
		return nil, false
	}
	a, ok := in.Interface().(amount)
	return a, ok
}

var months = [...]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}

func dayText(in, p *pongo2.Value, full bool) (*pongo2.Value, *pongo2.Error) {
	if in.IsNil() {
		return pongo2.AsValue(unknown), nil
	}
	r := readerOf(p)
	switch v := in.Interface().(type) {
	case day:
		if v.IsZero() {
			return pongo2.AsValue(unknown), nil
		}
		return pongo2.AsValue(r.day(v.Time(), full)), nil
	case time.Time:
		return pongo2.AsValue(r.Day(v, full)), nil
	case *time.Time:
		return pongo2.AsValue(r.Day(*v, full)), nil
	}
	return pongo2.AsValue(in.String()), nil
}

// Day writes the date of a time in the reader's zone, with its year if it is not the current one or full is set.
func (r *Reader) Day(at time.Time, full bool) string {
	if at.IsZero() {
		return unknown
	}
	if r != nil {
		at = at.In(r.Zone)
	}
	return r.day(at, full)
}

func (r *Reader) day(at time.Time, full bool) string {
	text := strconv.Itoa(at.Day()) + " " + r.Say(months[at.Month()-1])
	if full || r == nil || at.Year() != r.Now.Year() {
		text += " " + strconv.Itoa(at.Year())
	}
	return text
}

func timeText(in, p *pongo2.Value, ago bool) (*pongo2.Value, *pongo2.Error) {
	if in.IsNil() {
		return pongo2.AsValue(unknown), nil
	}
	at, ok := in.Interface().(time.Time)
	if ptr, is := in.Interface().(*time.Time); is {
		at, ok = *ptr, true
	}
	if !ok {
		return pongo2.AsValue(in.String()), nil
	}
	if at.IsZero() {
		return pongo2.AsValue(unknown), nil
	}
	r := readerOf(p)
	text, exact := r.Time(at), r.exact(at)
	if ago {
		text = r.Ago(at)
	}
	return safe(`<time datetime="` + at.UTC().Format(time.RFC3339) + `" title="` + exact + `">` + html.EscapeString(text) + `</time>`)
}

// Time writes a time in the reader's zone: "today, 04:13", "12 Nov, 04:13", with the year outside the current one.
func (r *Reader) Time(at time.Time) string {
	if r == nil {
		at = at.UTC()
		return r.day(at, true) + ", " + at.Format("15:04") + " UTC"
	}
	at = at.In(r.Zone)
	y, m, d := at.Date()
	if ny, nm, nd := r.Now.Date(); y == ny && m == nm && d == nd {
		return r.Say("today") + ", " + at.Format("15:04")
	}
	return r.day(at, false) + ", " + at.Format("15:04")
}

// Ago writes how long ago a time was, up to a day; older and future ones are written as Time does.
func (r *Reader) Ago(at time.Time) string {
	if r == nil {
		return r.Time(at)
	}
	switch d := r.Now.Sub(at); {
	case d < 0 || d >= 24*time.Hour:
		return r.Time(at)
	case d < time.Minute:
		return r.Say("just now")
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + " " + r.Say("min ago")
	default:
		return strconv.Itoa(int(d.Hours())) + " " + r.Say("h ago")
	}
}

func (r *Reader) exact(at time.Time) string {
	if r != nil {
		at = at.In(r.Zone)
	} else {
		at = at.UTC()
	}
	return at.Format("2 Jan 2006, 15:04:05 MST")
}

func byteText(n float64) string {
	units := [...]string{"B", "kB", "MB", "GB", "TB", "PB"}
	i := 0
	for math.Abs(n) >= 1000 && i < len(units)-1 {
		n /= 1000
		i++
	}
	text := strconv.FormatFloat(n, 'f', 1, 64)
	return strings.TrimSuffix(text, ".0") + " " + units[i]
}

// numberText groups the digits of a whole number by the reader's locale.
func numberText(in *pongo2.Value, r *Reader) string {
	if !in.IsNumber() {
		return in.String()
	}
	if in.IsFloat() {
		return strconv.FormatFloat(in.Float(), 'f', -1, 64)
	}
	v, err := currency.NewAmountFromInt64(int64(in.Integer()), "JPY") // a currency without decimals
	if err != nil {
		return in.String()
	}
	f := formatterOf("en")
	if r != nil {
		f = r.money
	}
	return strings.ReplaceAll(f.plain.Format(v), "-", "−")
}
