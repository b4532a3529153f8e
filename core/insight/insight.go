// Package insight reads what the tables of others say together: the proof that the books, the documents and the services
// agree, and the figures of the dashboard. It changes nothing and decides nothing. Start at Service.Prove.
package insight

import (
	"context"
	"fmt"

	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/sdk/money"
)

// Service reads.
type Service struct{ store store }

// New makes the service.
func New(d *db.DB) *Service { return &Service{store: store{db: d}} }

// Finding is something that must not be.
type Finding struct {
	Check   string `json:"check"`   // stable name of the check
	Subject string `json:"subject"` // ID of what it is about
	Text    string `json:"text"`    // what is wrong, in a sentence
}

// Prove runs every check that a statement can make. Each finds nothing when all is well. most bounds the findings of one
// check.
func (s *Service) Prove(ctx context.Context, today period.Day, most int) ([]Finding, error) {
	var out []Finding
	for _, c := range checks {
		args := []any{}
		if c.today {
			args = append(args, today)
		}
		subjects, err := s.store.subjects(ctx, c.query, most, args...)
		if err != nil {
			return nil, fmt.Errorf("check %s: %w", c.name, err)
		}
		for _, id := range subjects {
			out = append(out, Finding{Check: c.name, Subject: id, Text: c.text})
		}
	}
	return out, nil
}

// Checks are the names of the checks that Prove makes.
func Checks() []string {
	out := make([]string, len(checks))
	for i, c := range checks {
		out[i] = c.name
	}
	return out
}

// Figures are what the dashboard shows.
type Figures struct {
	Customers    int
	Active       int // services
	Suspended    int
	Pending      int
	OpenOrders   int            // waiting for payment or for staff
	ReviewOrders int            // waiting for staff
	Outstanding  []money.Amount // open on invoices, by currency
	Overdue      []money.Amount
	Received     []money.Amount // from gateways and banks, this month, by currency
	Recurring    []money.Amount // per month, of active and suspended services, net, by currency
	Jobs         map[string]int // operations on panels that are not over, by state
	ParkedJobs   int
	HeldMoney    int // payments of unknown purpose
	Unsure       int // attempts that nobody can tell of
	Unsent       int // messages that failed
}

// Figures reads the dashboard's figures in a constant number of statements.
func (s *Service) Figures(ctx context.Context, today period.Day) (Figures, error) {
	f, err := s.store.figures(ctx, today)
	if err != nil {
		return Figures{}, fmt.Errorf("figures of %s: %w", today, err)
	}
	return f, nil
}

// Day is money received on a day.
type Day struct {
	On       period.Day
	Received money.Amount
}

// Received lists what came in on each of the days up to and with today in one currency, without gaps.
func (s *Service) Received(ctx context.Context, currency string, today period.Day, days int) ([]Day, error) {
	by, err := s.store.received(ctx, currency, today.Add(1-days), today)
	if err != nil {
		return nil, err
	}
	out := make([]Day, days)
	for i := range out {
		on := today.Add(1 - days + i)
		out[i] = Day{On: on, Received: money.Of(by[on], currency)}
	}
	return out, nil
}
