package tax

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/counter"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/platform/audit"
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
		if same && last != nil {
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

var code = regexp.MustCompile(`^[A-Za-z0-9 .%-]{1,40}$`)

// SaveRule adds a rule, or changes the one with its ID. Documents keep the rates that they were issued with.
// Errors: Invalid with the field; ErrNotFound.
func (s *Service) SaveRule(ctx context.Context, r Rule) (Rule, error) {
	if err := r.check(); err != nil {
		return Rule{}, err
	}
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		if err := s.kept.Changed(ctx); err != nil {
			return err
		}
		var before any
		if r.ID == "" {
			r.ID = ids.New[ids.TaxRule]()
			if err := s.store.insert(ctx, r); err != nil {
				return err
			}
		} else {
			old, err := s.store.get(ctx, r.ID)
			if err != nil {
				return err
			}
			before = old
			if err := s.store.update(ctx, r); err != nil {
				return err
			}
		}
		s.kept.Forget(ctx)
		return s.audit.Add(ctx, audit.Entry{Action: "tax.rule", Subject: string(r.ID), Before: before, After: r})
	})
	if err != nil {
		return Rule{}, fmt.Errorf("save tax rule %s %s: %w", r.Country, r.Code, err)
	}
	return r, nil
}

func (r *Rule) check() error {
	bad := func(field, text string) error { return fault.New(fault.Invalid, "tax_rule_invalid", text).On(field) }
	switch {
	case r.Class == "" || len(r.Class) > 40:
		return bad("class", "Write the class, such as standard.")
	case len(r.Country) != 2:
		return bad("country", "Choose a country.")
	case len(r.Region) > 10:
		return bad("region", "Write the region's code of at most 10 letters.")
	case r.Level != 1 && r.Level != 2:
		return bad("level", "Choose the first or the second level.")
	case !code.MatchString(r.Code):
		return bad("code", "Write the name that invoices print, such as VAT19.")
	case !slices.Contains([]string{Standard, Zero, Exempt, Reverse, Export, OutOfScope}, r.Category):
		return bad("category", "Choose a category.")
	case r.RatePPM < 0 || r.RatePPM > 1_000_000:
		return bad("rate", "Write a rate from 0 to 100 percent.")
	case r.Category != Standard && r.RatePPM != 0:
		return bad("rate", "Only the standard category has a rate.")
	case r.From.IsZero():
		return bad("from", "Write the first day.")
	case !r.To.IsZero() && !r.To.After(r.From):
		return bad("to", "Write a day after the first.")
	}
	return nil
}
