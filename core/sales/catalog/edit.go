package catalog

import (
	"context"
	"fmt"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/platform/audit"
)

// edit is a change of the catalogue. Edits come one after the other: the first statement of each counts the
// catalogue's number up and holds it.
func (s *Service) edit(ctx context.Context, what string, run func(context.Context) (audit.Entry, error)) error {
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		if err := s.shop.Changed(ctx); err != nil {
			return err
		}
		e, err := run(ctx)
		if err != nil || e.Action == "" {
			return err
		}
		return s.audit.Add(ctx, e)
	})
	if err != nil {
		return fmt.Errorf("save %s: %w", what, err)
	}
	return nil
}

// SaveGroup adds a group, or changes the one with its ID. Errors: Invalid with the field; ErrGroupNotFound.
func (s *Service) SaveGroup(ctx context.Context, g Group) (Group, error) {
	if err := g.check(); err != nil {
		return Group{}, err
	}
	out := g
	err := s.edit(ctx, "group "+g.Slug, func(ctx context.Context) (audit.Entry, error) {
		out = g
		if out.ID == "" {
			out.ID = ids.New[ids.Group]()
			return audit.Entry{Action: "catalog.group", Subject: string(out.ID), After: out}, s.store.insertGroup(ctx, out)
		}
		before, err := s.store.group(ctx, out.ID)
		if err != nil {
			return audit.Entry{}, err
		}
		return audit.Entry{Action: "catalog.group", Subject: string(out.ID), Before: before, After: out}, s.store.updateGroup(ctx, out)
	})
	if err != nil {
		return Group{}, err
	}
	return out, nil
}

// SaveProduct adds a product, or changes the one with its ID if Version is the one that it has. Free is taken for a
// new product only: what is left changes with every sale, so it has a method of its own, SetStock.
//
// Errors: Invalid with the field; ErrNotFound; ErrGroupNotFound; ErrChanged.
func (s *Service) SaveProduct(ctx context.Context, p Product) (Product, error) {
	if err := p.check(); err != nil {
		return Product{}, err
	}
	out := p
	err := s.edit(ctx, "product "+p.Slug, func(ctx context.Context) (audit.Entry, error) {
		out = p
		if _, err := s.store.group(ctx, out.Group); err != nil {
			return audit.Entry{}, err
		}
		now := s.clock.Now()
		if out.ID == "" {
			out.ID, out.Version = ids.New[ids.Product](), 1
			return audit.Entry{Action: "catalog.product", Subject: string(out.ID), After: out}, s.store.insertProduct(ctx, out, now)
		}
		before, err := s.store.lockProduct(ctx, out.ID)
		if err != nil {
			return audit.Entry{}, err
		}
		if out.Version != before.Version {
			return audit.Entry{}, ErrChanged
		}
		if out.Status != before.Status {
			if out.Status, err = life.Next(before.Status, to[out.Status]); err != nil {
				return audit.Entry{}, err
			}
		}
		out.Free, out.Version = before.Free, before.Version+1
		return audit.Entry{Action: "catalog.product", Subject: string(out.ID), Before: before, After: out}, s.store.updateProduct(ctx, out, now)
	})
	if err != nil {
		return Product{}, err
	}
	return out, nil
}

// SaveOption adds an option with its choices, or makes the one with its ID like this. Choices that are left out are
// no longer offered and their prices end; who has one keeps it. The kind never changes.
//
// Errors: Invalid with the field; ErrNotFound; ErrOptionNotFound.
func (s *Service) SaveOption(ctx context.Context, o Option) (Option, error) {
	if err := o.check(); err != nil {
		return Option{}, err
	}
	out := o
	err := s.edit(ctx, "option "+o.Label, func(ctx context.Context) (e audit.Entry, err error) {
		out = o
		out.Choices = append([]Choice(nil), o.Choices...)
		var before Option
		if out.ID == "" {
			out.ID = ids.New[ids.Option]()
			if _, err := s.store.lockProduct(ctx, out.Product); err != nil {
				return e, err
			}
			if err := s.store.insertOption(ctx, out); err != nil {
				return e, err
			}
		} else {
			if before, err = s.store.option(ctx, out.ID); err != nil {
				return e, err
			}
			if before.Kind != out.Kind || before.Product != out.Product {
				return e, invalid("kind", "kind_fixed", "The kind of an option stays. Add another option instead.")
			}
			if err := s.store.updateOption(ctx, out); err != nil {
				return e, err
			}
			e.Before = before
		}
		if err := s.saveChoices(ctx, before, &out); err != nil {
			return e, err
		}
		e.Action, e.Subject, e.After = "catalog.option", string(out.ID), out
		return e, nil
	})
	if err != nil {
		return Option{}, err
	}
	return out, nil
}

func (s *Service) saveChoices(ctx context.Context, before Option, out *Option) error {
	gone := map[ids.Choice]bool{}
	for _, c := range before.Choices {
		gone[c.ID] = true
	}
	for i, c := range out.Choices {
		if c.ID == "" {
			out.Choices[i].ID = ids.New[ids.Choice]()
		} else if _, ok := before.Choice(c.ID); !ok {
			return invalid("choices", "choice_unknown", "One of the choices belongs to another option.")
		}
		delete(gone, c.ID)
	}
	var owners []string
	for id := range gone {
		owners = append(owners, string(id))
	}
	if err := s.store.dropChoices(ctx, owners); err != nil {
		return err
	}
	if err := s.store.endPrices(ctx, owners, s.clock.Now()); err != nil {
		return err
	}
	return s.store.putChoices(ctx, out.ID, out.Choices)
}

// DropOption takes an option and its choices out of the shop; their prices end. Who has it keeps it.
// Error: ErrOptionNotFound.
func (s *Service) DropOption(ctx context.Context, id ids.Option) error {
	return s.edit(ctx, "option "+string(id), func(ctx context.Context) (e audit.Entry, err error) {
		before, err := s.store.option(ctx, id)
		if err != nil {
			return e, err
		}
		owners := []string{string(id)}
		var choices []string
		for _, c := range before.Choices {
			choices = append(choices, string(c.ID))
		}
		if err := s.store.endPrices(ctx, append(owners, choices...), s.clock.Now()); err != nil {
			return e, err
		}
		if err := s.store.dropChoices(ctx, choices); err != nil {
			return e, err
		}
		return audit.Entry{Action: "catalog.option", Subject: string(id), Before: before}, s.store.dropOption(ctx, id)
	})
}

// SaveCurrency adds or changes a currency. Its decimals are those of ISO 4217, whatever is given.
func (s *Service) SaveCurrency(ctx context.Context, c Currency) (Currency, error) {
	if err := c.check(); err != nil {
		return Currency{}, err
	}
	err := s.edit(ctx, "currency "+c.Code, func(ctx context.Context) (audit.Entry, error) {
		return audit.Entry{Action: "catalog.currency", Subject: c.Code, After: c}, s.store.putCurrency(ctx, c)
	})
	return c, err
}
