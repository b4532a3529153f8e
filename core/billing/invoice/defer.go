package invoice

import (
	"context"
	"fmt"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
)

// DeferPage asks for issued invoices whose lines earn by day, by ID, behind the last of the page before. With a Through
// only those that can earn something from the day after After through it: their service overlaps, or they were issued
// since and reach back.
type DeferPage struct {
	After, Through period.Day
	AfterID        ids.Invoice
	Limit          int // invoices; 0 is 500
}

// Deferring is an invoice with the lines that earn by day.
type Deferring struct {
	Invoice  ids.Invoice
	Currency string
	RatePico int64
	Lines    []DeferLine
}

// DeferLine is a line that earns by day. Segments are never none: a line that was not credited is one.
type DeferLine struct {
	Owner    string // what its price belonged to
	Segments []Segment
}

// Deferring reads one page in three statements.
func (s *Service) Deferring(ctx context.Context, p DeferPage) ([]Deferring, error) {
	if p.Limit <= 0 || p.Limit > 5000 {
		p.Limit = 500
	}
	out, err := s.store.deferring(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("read deferring invoices after %s: %w", p.AfterID, err)
	}
	return out, nil
}

// EachLine reads every line of an issued document, by ID.
func (s *Service) EachLine(ctx context.Context, take func(Line) error) error {
	return s.store.eachLine(ctx, take)
}
