// Package view draws pages: it finds a template in the theme in force, hands it one page struct and the
// reader's language, zone and time, and writes the answer. It knows no rule and no storage: page structs come
// from the three sites with everything decided. Start reading at Page and Render; themes/README.md is the
// guide for those who write pages.
package view

import (
	"strings"
	"time"
)

// Page is what every page has. A page struct embeds it; Render fills what the author left empty.
type Page struct {
	Site        string     // storefront, portal or admin
	Brand       string     // name of the shop
	Title       string     // of the page, without the brand
	Sub         string     // one line under the title
	Description string     // for search engines, storefront only
	Crumbs      []Link     // the way to this page, without itself
	Lang        string     // such as en or de-AT
	Theme       string     // bursar, bursar-dark, or "" for what the system prefers
	Path        string     // of the request, without host and query
	Current     string     // the navigation entry that is lit; Path if empty, then the longest link it begins with
	Nav         []NavGroup // main navigation
	Footer      []NavGroup // storefront only
	User        string     // who is signed in, "" for nobody
	Role        string     // what they are here, such as "owner" or "billing"
	Customer    string     // for whom, portal only
	Accounts    []Link     // other customers this person may act for
	Cart        int        // things in the cart, storefront only
	Flash       []Flash    // shown once
	CSRF        string     // token of the hidden field, "" on pages that are the same for everybody
	Clock       string     // date, time and zone of the business, shown to staff
	TestClock   bool       // whether the clock runs ahead of the world
	Banner      *Banner    // a bar over everything, such as staff acting for a customer
	SignOut     string     // address that ends the session, posted to
	Links       Sites      // where the three sites are
	RequestID   string     // reference to quote to support
	Scripts     []string   // more built scripts, such as charts.js
	Refresh     int        // seconds after which a browser without scripts asks again, 0 for never
	NoIndex     bool       // keep search engines away
	Failed      bool       // a form was refused: the title says so
	ChildCSS    string     // address of the child theme's stylesheet, set by Render
}

func (p *Page) common() *Page { return p }

// pager is any page struct: it embeds Page and comes as a pointer.
type pager interface{ common() *Page }

// Sites are the addresses of the three sites, without a slash at the end.
type Sites struct{ Storefront, Portal, Admin string }

// Link is a word that leads somewhere.
type Link struct{ Label, Link string }

// NavGroup is a part of the navigation; Title may be empty.
type NavGroup struct {
	Title string
	Items []NavItem
}

// NavItem is an entry of the navigation. Count is shown if it is not 0, in red if Bad. G and then Key lead to it.
type NavItem struct {
	Label, Link, Icon string
	Count             int
	Bad               bool
	Key               string
}

// Banner is a bar over the page: what is unusual about it, and the way out. Post makes the way a form.
type Banner struct {
	Text   string
	Action Link
	Post   bool
}

// Ink of an alert or a flash.
const (
	Note = "info"
	Good = "success"
	Soon = "warning"
	Bad  = "error"
)

// Flash is a sentence shown once, on the page after the one where it was said.
type Flash struct{ Kind, Text string }

// Action is a button beside a title or an alert. Post makes it a form of its own.
type Action struct {
	Label, Link, Icon string
	Primary           bool
	Danger            bool
	Post              bool
	Key               string // a key that presses it
}

// Figure is a headline number. Value may be a text, an amount or a number.
type Figure struct {
	Label string
	Value any
	Note  string
	Link  string
}

// Fact is a row of a definition list. Mono is for machine words, Copy adds a button.
type Fact struct {
	Label string
	Value any
	Mono  bool
	Copy  bool
	Link  string
}

// Leader is a label with an amount at the end of a dotted line. Total draws the sum.
type Leader struct {
	Label  string
	Amount any
	Total  bool
	Note   string
}

// Tab is one of several views of a thing. Count is shown if it is not 0.
type Tab struct {
	Label, Link string
	Count       int
	On          bool
}

// Moment is a row of a timeline.
type Moment struct {
	Icon string // a name of the sprite
	Text string
	Sub  string
	At   time.Time // zero shows none
	Ink  string    // success, warning, error, info, or ""
	Busy bool      // turns: it is happening now
	Link string
}

// Meter is how much of something is used, both in one unit.
type Meter struct {
	Label, Text string
	Used, Of    float64
}

// Ink says how near the end it is: warning at 90 %, error at 100 %.
func (m Meter) Ink() string {
	switch {
	case m.Of <= 0 || m.Used < 0.9*m.Of:
		return "primary"
	case m.Used < m.Of:
		return "warning"
	}
	return "error"
}

// Pager leads through a list by cursors. Empty links are drawn as disabled buttons.
type Pager struct {
	Prev, Next string // addresses
	Text       string // such as "1 – 50 of 2,310"
}

// Toolbar is search, filters and sort of a list; it is a GET form.
type Toolbar struct {
	Action  string // address of the list
	Search  string // what was searched for
	Hint    string // placeholder of the search; "" leaves the search out
	Chips   []Chip
	Filters []Field // selects, named as the query parameters they set
	Sort    []Choice
	Sorted  string
	Keep    []Choice // other query parameters that stay: Label is the name
}

// Chip is one filter in force; Remove is the address of the list without it.
type Chip struct{ Field, Value, Remove string }

// Confirm asks before something happens, in place and without scripts.
type Confirm struct {
	Label  string // of the button that opens the question
	Title  string // such as "Terminate db-london?"
	Text   string // what is lost
	Action string // address that is posted to
	Submit string // says the result: "Terminate db-london"
	Name   string // must be typed into the field "confirm"; "" if it can be undone
	Danger bool
	Fields []Field // asked along with it, such as a reason
}

// light finds the navigation entry that is lit: the longest link which the path begins with.
func light(nav []NavGroup, path string) string {
	best := ""
	for _, g := range nav {
		for _, it := range g.Items {
			l := it.Link
			if len(l) > len(best) && (path == l || strings.HasPrefix(path, strings.TrimSuffix(l, "/")+"/") && l != "/") {
				best = l
			}
		}
	}
	return best
}

// Initials are up to two letters for the person or customer in the bar.
func (p *Page) Initials() string {
	name := p.Customer
	if name == "" {
		name = p.User
	}
	out := ""
	for _, word := range strings.Fields(name) {
		for _, r := range word {
			out += strings.ToUpper(string(r))
			break
		}
		if len([]rune(out)) == 2 {
			break
		}
	}
	return out
}

// SignPage is the struct of shared/sign-in.html, which also serves registering, asking for a new password
// and second factors. Sub says what this is for.
type SignPage struct {
	Page
	Form *Form
	Also []Link // other ways, such as a forgotten password
}

// FormPage is the struct of shared/form-portal.html and shared/form-admin.html.
type FormPage struct {
	Page
	Form *Form
}

// ConfirmPage is the struct of shared/confirm-portal.html and shared/confirm-admin.html.
type ConfirmPage struct {
	Page
	Ask    Confirm
	Cancel string // address of the way back
}

// PaperPage is the struct of paper/invoice.html: an invoice, a credit note or a pro-forma, as it is printed.
type PaperPage struct {
	Page
	Kind   string // Invoice, Credit note
	Number string
	Sender string   // one line over the buyer's address
	Buyer  []string // lines of the address
	Facts  []Fact   // issued, supplied, customer, tax numbers
	Lines  []PaperLine
	Sums   []Leader   // net, taxes, total, payments, to pay
	Paid   bool       // says so under the sums
	Notes  []string   // reverse charge and such
	Seller [][]string // columns of the foot
}

// PaperLine is a line of an invoice. Price and Net are amounts.
type PaperLine struct {
	Text, Sub, Quantity string
	Price, Net          any
	Tax                 string // such as 19 %
}
