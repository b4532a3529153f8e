package admin

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/money"
)

// pageSize is how many rows a list shows at once.
const pageSize = 50

// asked is what a list was asked for: search, filters, order and place, as they are in its address.
type asked struct {
	path  string
	query url.Values
}

// ask reads the query of a list.
func ask(c echo.Context) asked {
	return asked{c.Request().URL.Path, c.Request().URL.Query()}
}

func (a asked) get(name string) string { return strings.TrimSpace(a.query.Get(name)) }
func (a asked) search() string         { return a.get("q") }
func (a asked) sort() string           { return a.get("sort") }
func (a asked) after() string          { return a.get("after") }

// one is the value of a filter if it is one of those that there are, else "".
func one[T ~string](a asked, name string, all ...T) T {
	if v := T(a.get(name)); slices.Contains(all, v) {
		return v
	}
	return ""
}

// place are the parameters that say where in a list a page is; another filter begins at its start.
var place = []string{"after", "before", "row"}

// with is the address of the list with other parameters, in pairs; "" takes one away.
func (a asked) with(pairs ...string) string {
	q := url.Values{}
	for name, values := range a.query {
		if !slices.Contains(place, name) && len(values) > 0 && values[0] != "" {
			q.Set(name, values[0])
		}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			q.Del(pairs[i])
		} else {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return a.path
	}
	return a.path + "?" + q.Encode()
}

// tab is a saved view of the list: the filter name has a value, every other filter is gone.
func (a asked) tab(label, name, value string, count int) view.Tab {
	link := a.path
	if value != "" {
		link += "?" + url.Values{name: {value}}.Encode()
	}
	return view.Tab{Label: label, Link: link, Count: count, On: a.get(name) == value}
}

// toolbar is the list's search, filters and sort. Parameters in keep stay as they are.
func (a asked) toolbar(hint string, filters []view.Field, sorts []view.Choice, keep ...string) view.Toolbar {
	t := view.Toolbar{Action: a.path, Search: a.search(), Hint: hint, Filters: filters, Sort: sorts, Sorted: a.sort()}
	for _, name := range keep {
		if v := a.get(name); v != "" {
			t.Keep = append(t.Keep, view.Choice{Label: name, Value: v})
		}
	}
	return t
}

// filter is a select of the toolbar; any is the label of "no filter".
func (a asked) filter(name, label, any string, options ...view.Choice) view.Field {
	return view.Field{Name: name, Label: label, Kind: view.Select, Value: a.get(name), Options: append([]view.Choice{{Label: any}}, options...)}
}

// pager leads to the page after this one, and back: to the page before, or to the start where that is not known.
func (a asked) pager(next string, shown, total int) view.Pager {
	first, _ := strconv.Atoi(a.get("row"))
	if first < 1 || a.after() == "" {
		first = 1
	}
	p := view.Pager{Text: fmt.Sprintf("%s in all", count(total))}
	if shown > 0 && (next != "" || a.after() != "") {
		p.Text = fmt.Sprintf("%s – %s of %s", count(first), count(first+shown-1), count(total))
	}
	if a.after() != "" {
		p.Prev = a.with()
		if before := a.get("before"); before != "" && first > pageSize {
			p.Prev = a.with("after", before, "row", strconv.Itoa(first-pageSize))
		}
	}
	if next != "" {
		p.Next = a.with("after", next, "before", a.after(), "row", strconv.Itoa(first+shown))
	}
	return p
}

// narrowed says whether a filter or a search is in force: an empty list then says something else.
func (a asked) narrowed(names ...string) bool {
	return slices.ContainsFunc(append(names, "q"), func(name string) bool { return a.get(name) != "" })
}

// count writes a number with a comma at the thousands.
func count[T ~int | ~int64](n T) string {
	text := strconv.FormatInt(int64(n), 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// many is a count with its noun.
func many[T ~int | ~int64](n T, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + more
}

// sums are amounts of several currencies as one text; none is a zero of the given currency.
func sums(c echo.Context, list []money.Amount, currency string) string {
	r := view.ReaderOf(c)
	var parts []string
	for _, a := range list {
		parts = append(parts, r.Money(a))
	}
	if len(parts) == 0 {
		return r.Money(money.Of(0, currency))
	}
	return strings.Join(parts, " + ")
}

// short is the end of an ID, enough to tell rows apart by eye.
func short[T ~string](id T) string {
	if len(id) > 8 {
		return "…" + string(id[len(id)-8:])
	}
	return string(id)
}

// plain turns a stored word into one for people: "no_funds" is "no funds".
func plain[T ~string](word T) string { return strings.ReplaceAll(string(word), "_", " ") }
