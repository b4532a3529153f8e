package flow

import (
	"context"
	"errors"

	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/insight"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/sales/pricing"
)

// mostFindings bounds what one check may find: more of the same says nothing new.
const mostFindings = 50

// Verify proves ledger sums, balances, documents and services against each other, replays every line's explain record,
// and reads the trail. It changes nothing. No finding: all is well.
func (f *Flow) Verify(ctx context.Context) ([]insight.Finding, error) {
	today, _, err := f.today(ctx)
	if err != nil {
		return nil, err
	}
	out, err := insight.New(f.DB).Prove(ctx, today, mostFindings)
	if err != nil {
		return nil, err
	}
	add := func(check, subject, text string) {
		out = append(out, insight.Finding{Check: check, Subject: subject, Text: text})
	}
	if err := f.Invoices.Verify(ctx, func(finding string) { add("documents", "", finding) }); err != nil {
		return nil, err
	}
	if err := f.Invoices.EachLine(ctx, func(l invoice.Line) error {
		if l.Explain == "{}" {
			return nil
		}
		if err := pricing.Replay(l.Explain); err != nil {
			add("explain", string(l.ID), err.Error())
		}
		return nil
	}); err != nil {
		return nil, err
	}
	if err := f.proveEarned(ctx, add); err != nil {
		return nil, err
	}
	if err := audit.New(f.DB, f.Clock).Verify(ctx); errors.Is(err, audit.ErrBroken) {
		add("audit_chain", "audit", err.Error())
	} else if err != nil {
		return nil, err
	}
	return out, nil
}
