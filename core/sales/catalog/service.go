package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/counter"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/platform/audit"
)

// Deps is what the service uses.
type Deps struct {
	DB    *db.DB
	Audit *audit.Service
	Clock clock.Clock
}

// Service holds the rules for what is sold: what an edit may be, which price follows which, how stock is taken.
type Service struct {
	db    *db.DB
	store store
	audit *audit.Service
	clock clock.Clock
	shop  *counter.Kept[Shop]
}

// New makes the service.
func New(d Deps) *Service {
	s := &Service{db: d.DB, store: store{db: d.DB}, audit: d.Audit, clock: d.Clock}
	s.shop = counter.Keep(d.DB, d.Clock, "catalog", s.load)
	return s
}

// Shop is the catalogue now, from memory: a change by this process is seen at once, by another within a second.
func (s *Service) Shop(ctx context.Context) (*Shop, error) { return s.shop.Get(ctx) }

// load reads the tables, or only the stock if that is all that can have changed: a sale is no edit.
func (s *Service) load(ctx context.Context, last *Shop, same bool, number int64) (*Shop, error) {
	if same {
		free, err := s.store.stock(ctx, nil)
		if err != nil {
			return nil, err
		}
		return last.withStock(free), nil
	}
	c, err := s.store.content(ctx)
	if err != nil {
		return nil, err
	}
	return newShop(c, number), nil
}

// TakeStock takes n of a product if there are as many, in the transaction of ctx: undone, it is given back. A
// product without a limit always has enough.
//
// Errors: ErrSoldOut, with nothing taken; ErrNotFound.
func (s *Service) TakeStock(ctx context.Context, id ids.Product, n int64) error {
	if n < 1 {
		return fmt.Errorf("take %d of product %s", n, id)
	}
	if err := s.store.takeStock(ctx, id, n); err != nil {
		return fmt.Errorf("take %d of product %s: %w", n, id, err)
	}
	s.shop.Forget(ctx)
	return nil
}

// GiveStock gives n of a product back. Without a limit it does nothing.
func (s *Service) GiveStock(ctx context.Context, id ids.Product, n int64) error {
	if n < 1 {
		return fmt.Errorf("give %d of product %s", n, id)
	}
	if err := s.store.giveStock(ctx, id, n); err != nil {
		return fmt.Errorf("give %d of product %s: %w", n, id, err)
	}
	s.shop.Forget(ctx)
	return nil
}

// SetStock says how many are left; nil takes the limit away. It does not touch the product's version.
func (s *Service) SetStock(ctx context.Context, id ids.Product, free *int64) error {
	if free != nil {
		if err := within("stock", "Stock", *free, 0, 1_000_000); err != nil {
			return err
		}
	}
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		if err := s.shop.Changed(ctx); err != nil {
			return err
		}
		before, err := s.store.lockProduct(ctx, id)
		if err != nil {
			return err
		}
		if err := s.store.setStock(ctx, id, free); err != nil {
			return err
		}
		return s.audit.Add(ctx, audit.Entry{Action: "catalog.stock", Subject: string(id), Before: before.Free, After: free})
	})
	if err != nil {
		return fmt.Errorf("set stock of product %s: %w", id, err)
	}
	return nil
}

// Stock says how many of each are left now; nil is no limit. What does not exist is left out.
func (s *Service) Stock(ctx context.Context, set []ids.Product) (map[ids.Product]*int64, error) {
	if len(set) == 0 {
		return map[ids.Product]*int64{}, nil
	}
	out, err := s.store.stock(ctx, set)
	if err != nil {
		return nil, fmt.Errorf("read stock: %w", err)
	}
	return out, nil
}

// SaveRate adds an exchange rate. Documents keep the one that they were issued at.
func (s *Service) SaveRate(ctx context.Context, r Rate) (Rate, error) {
	for _, code := range []string{r.Currency, r.Base} {
		if !currencyForm.MatchString(code) {
			return Rate{}, invalid("currency", "currency_invalid", "A currency is three capital letters, such as EUR.")
		}
	}
	if r.Currency == r.Base {
		return Rate{}, invalid("currency", "rate_to_itself", "A currency needs no rate to itself.")
	}
	if r.Pico < 1 {
		return Rate{}, invalid("rate", "out_of_range", "An exchange rate is above zero.")
	}
	if err := checkTexts(entry{"source", "Source", r.Source, 40, false}); err != nil {
		return Rate{}, err
	}
	r.ID = ids.New[ids.Rate]()
	if r.From.IsZero() {
		r.From = s.clock.Now()
	}
	r.From = r.From.UTC().Truncate(time.Microsecond)
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		if err := s.store.insertRate(ctx, r); err != nil {
			return err
		}
		return s.audit.Add(ctx, audit.Entry{Action: "catalog.rate", Subject: string(r.ID), After: r})
	})
	if err != nil {
		return Rate{}, fmt.Errorf("save rate of %s in %s: %w", r.Currency, r.Base, err)
	}
	return r, nil
}

// Rate is what a unit of a currency was worth in the base currency at a time. Error: ErrNoRate.
func (s *Service) Rate(ctx context.Context, currency, base string, at time.Time) (Rate, error) {
	if currency == base {
		return Rate{Currency: currency, Base: base, Pico: One}, nil
	}
	r, err := s.store.rate(ctx, currency, base, at)
	if err != nil {
		return Rate{}, fmt.Errorf("rate of %s in %s: %w", currency, base, err)
	}
	return r, nil
}
