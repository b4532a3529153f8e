package payment_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/money"
)

// Each report with what it did, in the order in which they were heard; Taken unless it says so.
func TestDisputesInWhateverOrderTheyAreHeard(t *testing.T) {
	tests := []struct {
		name     string
		heard    string
		did      string // of each report
		status   payment.DisputeStatus
		disputed int64
		told     string // opened, won, lost
	}{
		{"won", "open review won", "open|answer|win", payment.DisputeWon, 0, "1 1 0"},
		{"lost", "open lost", "open|lose", payment.DisputeLost, 3000, "1 0 1"},
		{"an inquiry that came to nothing", "inquiry won", "|drop", payment.DisputeWon, 0, "0 1 0"},
		{"an inquiry that became one", "inquiry open:kept open", "||open", payment.DisputeOpen, 3000, "1 0 0"},
		{"each report twice", "open open lost lost", "open||lose|", payment.DisputeLost, 3000, "1 0 1"},
		{"heard backwards", "won review open", "drop||", payment.DisputeWon, 0, "0 1 0"},
		{"only the end is heard", "lost", "open lose", payment.DisputeLost, 3000, "1 0 1"},
		{"answered before it was heard of", "review open won", "open answer||win", payment.DisputeWon, 0, "1 1 0"},
		{"an old report after the end", "open won open inquiry", "open|win||", payment.DisputeWon, 0, "1 1 0"},
		{"reopened by the bank", "open won lost", "open|win|open lose", payment.DisputeLost, 3000, "2 1 1"},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		for i, tt := range tests {
			before := []int{len(k.events(payment.EventDisputeOpened)), len(k.events(payment.EventDisputeWon)), len(k.events(payment.EventDisputeLost))}
			ref := fmt.Sprint("pi_", i)
			p, _ := k.paid(ref)
			var did []string
			var last payment.DisputeTurn
			for word := range strings.FieldsSeq(tt.heard) {
				status, kept := strings.CutSuffix(word, ":kept")
				turn, err := k.TurnDispute(t.Context(), account, gateway.Dispute{ID: fmt.Sprint("dp_", i), Payment: ref, Status: status, Taken: !kept && status != "inquiry", Amount: eur(3000), Fee: eur(1500), Reason: "fraudulent"})
				if err != nil {
					t.Fatalf("%s, %s: %v", tt.name, word, err)
				}
				var words []string
				for _, a := range turn.Did {
					words = append(words, string(a))
				}
				did, last = append(did, strings.Join(words, " ")), turn
			}
			told := fmt.Sprint(len(k.events(payment.EventDisputeOpened))-before[0], len(k.events(payment.EventDisputeWon))-before[1], len(k.events(payment.EventDisputeLost))-before[2])
			if got := strings.Join(did, "|"); got != tt.did || last.Dispute.Status != tt.status || last.Payment.Disputed != tt.disputed || told != tt.told || last.Dispute.Fee != eur(1500) {
				t.Errorf("%s: %s, %s, disputed %d, told %s", tt.name, got, last.Dispute.Status, last.Payment.Disputed, told)
			}
			k.sums(p.ID, 0, 0, tt.disputed)
			if stored, err := k.Dispute(t.Context(), last.Dispute.ID); err != nil || stored.Status != tt.status || stored.Version != last.Dispute.Version || stored.Closed.IsZero() != (tt.status == payment.DisputeOpen) {
				t.Errorf("%s: stored %+v, %v", tt.name, stored, err)
			}
		}
	})
}

func TestADisputeStopsChargesOfItsMethodForGood(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		ctx := t.Context()
		m, err := k.SaveMethod(ctx, k.cus, "us", account, card("pm_1"))
		k.ok(err)
		a, err := k.Plan(ctx, payment.New{Customer: k.cus, Gateway: "us", AccountKey: account, Method: m.ID, Purpose: payment.Charge, Amount: eur(3000), Invoices: []ids.Invoice{"inv_1"}})
		k.ok(err)
		a, err = k.Send(ctx, a.ID)
		k.ok(err)
		_, err = k.Receive(ctx, report(a, "pi_1"))
		k.ok(err)
		for _, status := range []string{"open", "won"} {
			_, err := k.TurnDispute(ctx, account, gateway.Dispute{ID: "dp_1", Payment: "pi_1", Status: status, Taken: true, Amount: eur(3000)})
			k.ok(err)
		}
		k.ok(k.Block(ctx, m.ID, "soft"))
		later := card("pm_1")
		later.ExpYear = 2035
		_, err = k.SaveMethod(ctx, k.cus, "us", account, later)
		k.ok(err)
		if got, err := k.Method(ctx, m.ID); err != nil || got.Blocked != payment.BlockDispute {
			t.Errorf("%+v, %v", got, err)
		}
		if can, err := k.Chargeable(ctx, []ids.Customer{k.cus}); err != nil || len(can) != 0 {
			t.Errorf("%+v, %v", can, err)
		}
	})
}

func TestADisputeThatDoesNotFitIsLeftToStaff(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		ctx := t.Context()
		g := gateway.Dispute{ID: "dp_1", Payment: "pi_1", Status: "open", Taken: true, Amount: eur(3000)}
		if _, err := k.TurnDispute(ctx, account, g); !errors.Is(err, payment.ErrNotFound) {
			t.Fatalf("heard before its payment: %v", err)
		}
		p, _ := k.paid("pi_1")
		k.paid("pi_2")
		k.refund(p, 100, "k1")
		for name, change := range map[string]func(*gateway.Dispute){
			"above what is left":    func(*gateway.Dispute) {},
			"in another currency":   func(g *gateway.Dispute) { g.Amount = money.Of(100, "USD") },
			"of nothing":            func(g *gateway.Dispute) { g.Amount = eur(0) },
			"in a state of its own": func(g *gateway.Dispute) { g.Status = "strange" },
		} {
			bad := g
			change(&bad)
			if _, err := k.TurnDispute(ctx, account, bad); err == nil {
				t.Errorf("%s was booked", name)
			}
		}
		k.sums(p.ID, 0, 100, 0)
		if n := k.count("SELECT COUNT(*) FROM disputes"); n != 0 {
			t.Errorf("%d rows", n)
		}
		g.Amount = eur(2900)
		_, err := k.TurnDispute(ctx, account, g)
		k.ok(err)
		g.Payment, g.Status = "pi_2", "lost"
		if _, err := k.TurnDispute(ctx, account, g); !errors.Is(err, payment.ErrDispute) {
			t.Errorf("one dispute of two payments: %v", err)
		}
		page, err := k.Disputes(ctx, payment.DisputeFilter{Customer: k.cus, Statuses: []payment.DisputeStatus{payment.DisputeOpen}})
		if err != nil || page.Total != 1 || page.List[0].Payment != p.ID {
			t.Errorf("%+v, %v", page, err)
		}
	})
}

func TestOneDisputeHeardManyTimesAtOnceTakesOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		p, _ := k.paid("pi_1")
		took := make([]int, 12)
		together(t, 12, never, func(i int) error {
			turn, err := k.TurnDispute(t.Context(), account, gateway.Dispute{ID: "dp_1", Payment: "pi_1", Status: []string{"open", "review"}[i%2], Taken: true, Amount: eur(1000)})
			for _, a := range turn.Did {
				if a == payment.DisputeTake {
					took[i]++
				}
			}
			return err
		})
		sum := 0
		for _, n := range took {
			sum += n
		}
		if sum != 1 {
			t.Errorf("taken %d times", sum)
		}
		k.sums(p.ID, 0, 0, 1000)
	})
}
