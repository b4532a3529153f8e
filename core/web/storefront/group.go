package storefront

import (
	"fmt"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/money"
)

// groupPage compares the plans of a group.
type groupPage struct {
	view.Page
	Lead       string // what they have in common
	Kind       string // vps, dedicated, hosting, game, other: which questions are answered
	Cycles     []view.Tab
	Currencies []view.Tab // none if there is one only
	Plans      []plan
	Rows       []compared
	Tax        bool // the prices contain tax
	Questions  []question
}

// compared is a row of the comparison, with a cell for each plan.
type compared struct {
	Label string
	Cells []cell
}

// cell is what one plan has: a text, an amount that is added, or a tick.
type cell struct {
	Text   string
	Amount money.Amount
	Kind   string // text, yes, no, plus (Amount), each (Amount for each Text), amount
	Marked bool
}

// question is one with its answer.
type question struct{ Title, Text string }

func (s *Site) group(c echo.Context) error {
	v, err := s.visitOf(c)
	if err != nil {
		return err
	}
	g, ok := v.shop.Group(c.Param("group"))
	if !ok {
		return catalog.ErrGroupNotFound
	}
	now := s.Clock.Now()
	cycles := cyclesOf(v, v.shop.Products(g.ID), now)
	cycle := pick(cycles, query(c, "cycle"))
	return s.kept(c, v, cycle.String(), func() (string, any, error) {
		path := "/" + g.Slug
		page := &groupPage{Page: s.page(v, g.Name), Lead: g.Headline, Kind: g.Kind, Plans: plansOf(v, g, cycle, now)}
		page.Description = g.Headline
		page.Cycles, page.Currencies = cycleTabs(path, v, cycles, cycle), currencyTabs(path, v, "&cycle="+cycleSlug(cycle))
		page.Rows = compare(v, page.Plans, now)
		if len(page.Plans) > 0 {
			page.Tax = page.Plans[0].Tax
		}
		var lead string
		if lead, page.Questions = body(g.Body); lead != "" {
			page.Lead = lead
		}
		return "storefront/group.html", page, nil
	})
}

// body reads a group's text: what comes before the first heading of the second level leads, each heading is a
// question and what follows its answer.
func body(markdown string) (lead string, questions []question) {
	parts := strings.Split("\n"+strings.ReplaceAll(markdown, "\r\n", "\n"), "\n## ")
	for i, part := range parts {
		if i == 0 {
			lead = strings.TrimSpace(part)
			continue
		}
		title, text, _ := strings.Cut(part, "\n")
		questions = append(questions, question{strings.TrimSpace(title), strings.TrimSpace(text)})
	}
	return lead, questions
}

// compare lines the plans up: what they have, what can be added, what setting up costs, and stock.
func compare(v visit, plans []plan, now time.Time) []compared {
	var rows []compared
	at := map[string]int{}
	row := func(label string) *compared {
		i, known := at[label]
		if !known {
			i, at[label] = len(rows), len(rows)
			rows = append(rows, compared{Label: label, Cells: make([]cell, len(plans))})
			for n := range plans {
				rows[i].Cells[n] = cell{Kind: "no", Marked: plans[n].Marked}
			}
		}
		return &rows[i]
	}
	put := func(label string, n int, with cell) {
		with.Marked = plans[n].Marked
		row(label).Cells[n] = with
	}
	for n, p := range plans {
		for _, f := range p.features {
			if f[1] == "" {
				put(f[0], n, cell{Kind: "yes"})
			} else {
				put(f[0], n, cell{Kind: "text", Text: f[1]})
			}
		}
	}
	setup, stock := false, false
	for n, p := range plans {
		for _, o := range v.shop.Options(p.product.ID) {
			switch o.Kind {
			case catalog.YesNo:
				if price, ok := v.shop.Price(string(o.ID), p.cycle, v.currency, now); ok {
					put(o.Label, n, cell{Kind: "plus", Amount: money.Of(price.Amount, v.currency)})
				}
			case catalog.Quantity:
				if price, ok := v.shop.Price(string(o.ID), p.cycle, v.currency, now); ok {
					unit := o.Unit
					if price.Per > 1 {
						unit = fmt.Sprintf("%d %s", price.Per, o.Unit)
					}
					put(o.Label, n, cell{Kind: "each", Amount: money.Of(price.Amount, v.currency), Text: unit})
				}
			case catalog.Choices:
				if strings.EqualFold(o.Label, "Location") || o.Field == "location" {
					put("Locations", n, cell{Kind: "text", Text: labels(o)})
				}
			}
		}
		setup, stock = setup || !p.Setup.IsZero(), stock || p.SoldOut || p.Left > 0
	}
	for n, p := range plans {
		if setup {
			put("Set-up fee", n, cell{Kind: "text", Text: "none"})
			if !p.Setup.IsZero() {
				put("Set-up fee", n, cell{Kind: "amount", Amount: p.Setup})
			}
		}
		if stock {
			put("In stock", n, cell{Kind: "text", Text: stockWord(p)})
		}
	}
	return rows
}

func labels(o catalog.Option) string {
	if len(o.Choices) > 3 {
		return fmt.Sprintf("%d to choose from", len(o.Choices))
	}
	var out []string
	for _, c := range o.Choices {
		out = append(out, c.Label)
	}
	return strings.Join(out, ", ")
}

func stockWord(p plan) string {
	switch {
	case p.SoldOut:
		return "Sold out"
	case p.Left > 0:
		return fmt.Sprintf("%d left", p.Left)
	}
	return "In stock"
}
