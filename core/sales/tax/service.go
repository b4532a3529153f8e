package tax

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/counter"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/sdk/fault"
)

// Service keeps the table.
type Service struct {
	db    *db.DB
	store store
	audit *audit.Service
	kept  *counter.Kept[Table]
}

// New makes the service.
func New(d *db.DB, a *audit.Service, c clock.Clock) *Service {
	s := &Service{db: d, store: store{db: d}, audit: a}
	s.kept = counter.Keep(d, c, "tax_rules", func(ctx context.Context, last *Table, same bool, _ int64) (*Table, error) {
		if same {
			return last, nil
		}
		rules, err := s.store.rules(ctx)
		if err != nil {
			return nil, err
		}
		return NewTable(rules), nil
	})
	return s
}

// Table is the table now, from memory: a change by this process is seen at once, one by another within a second.
func (s *Service) Table(ctx context.Context) (*Table, error) {
	t, err := s.kept.Get(ctx)
	if err != nil {
		return nil, fmt.Errorf("read tax rules: %w", err)
	}
	return t, nil
}

// Rules lists every rule by country, region, class, level and day, old ones too.
func (s *Service) Rules(ctx context.Context) ([]Rule, error) { return s.store.rules(ctx) }

// SaveRule adds a rule, or changes the one with its ID. Of the rules at one place and level the one that began last
// counts, so a new rate needs only its first day. Documents keep the rates that they were issued with.
//
// Errors: Invalid with the field; ErrNotFound.
func (s *Service) SaveRule(ctx context.Context, r Rule) (Rule, error) {
	if err := r.check(); err != nil {
		return Rule{}, err
	}
	out := r
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		out = r
		if err := s.kept.Changed(ctx); err != nil { // from here on nobody else saves a rule
			return err
		}
		e := audit.Entry{Action: "tax.rule", After: out}
		if twin, err := s.store.hasTwin(ctx, out); err != nil {
			return err
		} else if twin {
			return bad("from", "There is a rule for this place and level from that day already.")
		}
		if out.ID == "" {
			out.ID = ids.New[ids.TaxRule]()
			if err := s.store.insert(ctx, out); err != nil {
				return err
			}
		} else {
			before, err := s.store.get(ctx, out.ID)
			if err != nil {
				return err
			}
			e.Before = before
			if err := s.store.update(ctx, out); err != nil {
				return err
			}
		}
		e.Subject, e.After = string(out.ID), out
		return s.audit.Add(ctx, e)
	})
	if err != nil {
		return Rule{}, fmt.Errorf("save tax rule %s %s: %w", r.Country, r.Code, err)
	}
	return out, nil
}

var (
	classForm  = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,23}$`)
	regionForm = regexp.MustCompile(`^[A-Z0-9]{0,6}$`)
	codeForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 .%-]{0,39}$`)
)

func bad(field, text string) error {
	return fault.New(fault.Invalid, "tax_rule_invalid", text).On(field)
}

func (r *Rule) check() error {
	r.Country, r.Region, r.Code = strings.ToUpper(r.Country), strings.ToUpper(r.Region), strings.TrimSpace(r.Code)
	switch {
	case !classForm.MatchString(r.Class):
		return bad("class", "Write the class in small letters, at most 24, such as standard.")
	case !customer.IsCountry(r.Country):
		return bad("country", "Choose a country.")
	case !regionForm.MatchString(r.Region):
		return bad("region", "Write the region's code without the country, at most 6 letters.")
	case r.Level != 1 && r.Level != 2:
		return bad("level", "Choose the first or the second level.")
	case !codeForm.MatchString(r.Code):
		return bad("code", "Write the name that invoices print, such as VAT19.")
	case !slices.Contains([]string{Standard, Zero, Exempt, Reverse, Export, OutOfScope}, r.Category):
		return bad("category", "Choose a category.")
	case r.RatePPM < 0 || r.RatePPM > 1_000_000:
		return bad("rate", "Write a rate from 0 to 100 percent.")
	case r.Category == Standard && r.RatePPM == 0:
		return bad("rate", "The standard category has a rate. Choose Z for a rate of zero.")
	case r.Category != Standard && r.RatePPM != 0:
		return bad("rate", "Only the standard category has a rate.")
	case r.From.IsZero():
		return bad("from", "Write the first day.")
	case !r.To.IsZero() && !r.To.After(r.From):
		return bad("to", "Write a day after the first.")
	}
	return nil
}
