package catalog

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/money"
)

// limit is the largest amount that is taken, in minor units.
const limit int64 = 1_000_000_000_000_000

var (
	slugForm     = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	wordForm     = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]*$`)
	currencyForm = regexp.MustCompile(`^[A-Z]{3}$`)
	groupKinds   = []string{"vps", "dedicated", "hosting", "game", "other"}
	changes      = []string{"real_days", "full_difference", "at_renewal", "restart_cycle"}
)

func invalid(field, code, text string, args ...any) error {
	return fault.New(fault.Invalid, code, fmt.Sprintf(text, args...)).On(field)
}

// entry is a text of a form with the most characters that it may have.
type entry struct {
	field, label, text string
	most               int
	needed             bool
}

func checkTexts(list ...entry) error {
	for _, e := range list {
		switch n := utf8.RuneCountInString(e.text); {
		case e.needed && n == 0:
			return invalid(e.field, "needed", "%s is needed.", e.label)
		case n > e.most:
			return invalid(e.field, "too_long", "%s: at most %d characters.", e.label, e.most)
		case !utf8.ValidString(e.text) || strings.ContainsFunc(e.text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }):
			return invalid(e.field, "not_text", "%s: this has characters that cannot be used.", e.label)
		}
	}
	return nil
}

func checkSlug(slug string) error {
	if len(slug) > 60 || !slugForm.MatchString(slug) {
		return invalid("slug", "slug_invalid", "The address has small letters, digits and single hyphens, at most 60.")
	}
	return nil
}

func oneOf(field, label, got string, list []string) error {
	if !slices.Contains(list, got) {
		return invalid(field, "choice_unknown", "%s: choose one of %s.", label, strings.Join(list, ", "))
	}
	return nil
}

func within(field, label string, n, least, most int64) error {
	if n < least || n > most {
		return invalid(field, "out_of_range", "%s: %d to %d.", label, least, most)
	}
	return nil
}

func (g *Group) check() error {
	g.Slug, g.Name = strings.TrimSpace(g.Slug), strings.TrimSpace(g.Name)
	if err := checkTexts(entry{"name", "Name", g.Name, 80, true}, entry{"headline", "Headline", g.Headline, 190, false}, entry{"body", "Text", g.Body, 100_000, false}); err != nil {
		return err
	}
	if err := checkSlug(g.Slug); err != nil {
		return err
	}
	return oneOf("kind", "Kind", g.Kind, groupKinds)
}

func (p *Product) check() error {
	p.Slug, p.Name = strings.TrimSpace(p.Slug), strings.TrimSpace(p.Name)
	if p.TaxClass == "" {
		p.TaxClass = "standard"
	}
	if p.Setup == "" {
		p.Setup = SetupOnPayment
	}
	if p.Change == "" {
		p.Change = changes[0]
	}
	if p.Status == "" {
		p.Status = Hidden
	}
	texts := []entry{{"name", "Name", p.Name, 80, true}, {"tagline", "Tagline", p.Tagline, 190, false}, {"panel", "Panel", p.Panel, 30, false}}
	for _, f := range p.Features {
		texts = append(texts, entry{"features", "Feature", f, 300, true})
	}
	if err := checkTexts(texts...); err != nil {
		return err
	}
	if err := checkSlug(p.Slug); err != nil {
		return err
	}
	if _, ok := life[p.Status]; !ok {
		return invalid("status", "choice_unknown", "Choose whether the product is public, hidden or archived.")
	}
	if len(p.Features) > 50 {
		return invalid("features", "too_many", "At most 50 features.")
	}
	if len(p.TaxClass) > 24 || !wordForm.MatchString(p.TaxClass) {
		return invalid("tax_class", "tax_class_invalid", "A tax class is a word of small letters, at most 24.")
	}
	if err := oneOf("setup", "Set-up", string(p.Setup), []string{string(SetupOnOrder), string(SetupOnPayment), string(SetupOnApproval), string(SetupManual)}); err != nil {
		return err
	}
	if err := oneOf("change", "Changes", p.Change, changes); err != nil {
		return err
	}
	if p.Free != nil {
		if err := within("stock", "Stock", *p.Free, 0, 1_000_000); err != nil {
			return err
		}
	}
	for _, n := range []struct {
		field, label string
		n, most      int
	}{
		{"customer_limit", "Limit per customer", p.CustomerLimit, 10_000}, {"trial_days", "Days of trial", p.TrialDays, 365},
		{"anchored_day", "Day of the month", p.AnchoredDay, 31}, {"join_days", "Days to join", p.JoinDays, 31},
	} {
		if err := within(n.field, n.label, int64(n.n), 0, int64(n.most)); err != nil {
			return err
		}
	}
	return nil
}

func (o *Option) check() error {
	o.Label = strings.TrimSpace(o.Label)
	if err := checkTexts(entry{"label", "Label", o.Label, 80, true}, entry{"help", "Help", o.Help, 300, false}, entry{"unit", "Unit", o.Unit, 20, false},
		entry{"field", "Field", o.Field, 60, false}); err != nil {
		return err
	}
	if err := oneOf("kind", "Kind", string(o.Kind), []string{string(Choices), string(Quantity), string(YesNo)}); err != nil {
		return err
	}
	if o.Kind == Quantity {
		o.Step = max(o.Step, 1)
		if err := within("least", "Least", o.Least, 0, 1_000_000_000); err != nil {
			return err
		}
		if err := within("most", "Most", o.Most, max(o.Least, 1), 1_000_000_000); err != nil {
			return err
		}
	} else {
		o.Least, o.Most, o.Step = 0, 0, 0
	}
	if o.Kind != Choices {
		o.Choices = nil
		return nil
	}
	if len(o.Choices) == 0 || len(o.Choices) > 200 {
		return invalid("choices", "choices_count", "1 to 200 choices are needed.")
	}
	seen := map[string]bool{}
	for _, c := range o.Choices {
		if err := checkTexts(entry{"choices", "Choice", c.Label, 120, true}, entry{"choices", "Value", c.Value, 120, true}); err != nil {
			return err
		}
		if seen[c.Value] {
			return invalid("choices", "choice_twice", "Two choices have the value %s.", c.Value)
		}
		seen[c.Value] = true
	}
	return nil
}

func (p *Price) check() error {
	p.Per = max(p.Per, 1)
	if !p.Cycle.IsValid() {
		return invalid("cycle", "cycle_invalid", "Choose a billing cycle.")
	}
	for _, n := range []struct {
		field, label string
		n, least     int64
	}{{"amount", "Price", p.Amount, 0}, {"per", "Units", p.Per, 1}, {"setup", "Set-up fee", p.Setup, 0}} {
		if err := within(n.field, n.label, n.n, n.least, limit); err != nil {
			return err
		}
	}
	if p.First == nil {
		p.FirstTerms = 0
		return nil
	}
	if err := within("first", "First price", *p.First, 0, limit); err != nil {
		return err
	}
	return within("first_terms", "Terms of the first price", int64(p.FirstTerms), 1, 1000)
}

func (c *Currency) check() error {
	if !currencyForm.MatchString(c.Code) {
		return invalid("code", "currency_invalid", "A currency is three capital letters, such as EUR.")
	}
	c.Exponent, c.Step = money.Digits(c.Code), max(c.Step, 1)
	return within("step", "Step", c.Step, 1, 1_000_000)
}
