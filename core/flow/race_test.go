package flow_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/ledger"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/money"
)

// rounds is how often something is tried: few times with the other tests, many in `make soak`.
func rounds(usual, long int) int {
	if os.Getenv("BURSAR_LONG") != "" {
		return long
	}
	return usual
}

// together runs functions at the same instant and waits for all.
func together(all ...func()) {
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for _, f := range all {
		wg.Go(func() { <-begin; f() })
	}
	close(begin)
	wg.Wait()
}

// RC-3: the same payment comes by webhook, by the browser, by the scheduler and by a second node.
func TestOnePaymentWhoeverTellsOfIt(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		other := w.again(dbtest.Again(t, d))
		n := rounds(15, 200)
		c := w.customer("vielfach")
		for i := range n {
			p := w.order(c, fmt.Sprintf("host-%d", i))
			s, err := w.StartPayment(w.ctx, flow.PayIn{Customer: c.ID, Invoices: []ids.Invoice{p.Invoice.ID}, Gateway: "bank", Return: "https://shop.test/{attempt}"})
			w.ok(err)
			w.ok(w.bank.Pay(string(s.Attempt)))
			hook := w.bank.Hook(string(s.Attempt))
			try := func(f func() error) func() {
				return func() {
					if err := f(); err != nil {
						t.Error(err)
					}
				}
			}
			back := func(f *world) func() error {
				return func() error { _, err := f.Returned(w.ctx, s.Attempt); return err }
			}
			together(
				try(func() error { return w.ReceiveHook(w.ctx, "bank", hook) }), try(func() error { return other.ReceiveHook(w.ctx, "bank", hook) }),
				try(back(w)), try(back(other)),
				try(func() error { _, err := w.Jobs.Drain(w.ctx); return err }), try(func() error { _, err := other.Jobs.Drain(w.ctx); return err }),
			)
			together(try(func() error { return w.Drain(w.ctx) }), try(func() error { return other.Drain(w.ctx) }))
			if inv := w.invoice(p.Invoice.ID); inv.Status != invoice.Paid || inv.Paid != inv.Total {
				t.Fatalf("round %d: the invoice is %+v", i, inv)
			}
		}
		payments, err := w.Payments.Payments(w.ctx, payment.Filter{Customer: c.ID})
		w.ok(err)
		creates := 0
		for _, e := range w.panel.Journal() {
			if e.Method == "Create" {
				creates++
			}
		}
		receipts := 0
		for _, m := range w.said(c) {
			if m == "receipt" {
				receipts++
			}
		}
		if payments.Total != n || creates != n || receipts != n {
			t.Errorf("%d payments, %d creations and %d receipts of %d orders", payments.Total, creates, receipts, n)
		}
		w.proven()
	})
}

func (w *world) invoice(id ids.Invoice) invoice.Invoice {
	w.t.Helper()
	inv, err := w.Invoices.Get(w.ctx, id)
	w.ok(err)
	return inv
}

// many opens n services that renew on one day, without the detour over a checkout: as an import would.
func (w *world) many(n int, day period.Day) []customer.Customer {
	w.t.Helper()
	var out []customer.Customer
	for i := range n {
		c := w.customer(fmt.Sprintf("kunde-%d-%d", n, i))
		out = append(out, c)
		w.openRunning(c, day)
	}
	return out
}

// RC-4: two schedulers begin together.
func TestTwoSchedulersBillEachPeriodOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		services := rounds(120, 1000)
		w := newWorld(t, d)
		other := w.again(dbtest.Again(t, d))
		day := period.Date(2027, 2, 10)
		w.quiet()
		other.vps = w.vps
		w.many(services, day)
		for round := range rounds(4, 100) {
			today := day.Add(31 * round)
			w.clock.Forward(today.At(1, 0, time.UTC))
			var reports [2]flow.RunReport
			together(func() { reports[0] = w.run(today) }, func() { reports[1] = other.run(today) })
			if made := reports[0].Invoices + reports[1].Invoices; made != services {
				t.Fatalf("round %d: %d and %d invoices for %d services; failed %v %v", round, reports[0].Invoices, reports[1].Invoices, services, reports[0].Failed, reports[1].Failed)
			}
			if again := w.run(today); again.Invoices != 0 {
				t.Fatalf("round %d: a second run made %d", round, again.Invoices)
			}
		}
		w.proven()
	})
}

func (w *world) run(day period.Day) flow.RunReport {
	r, err := w.RunDay(context.WithoutCancel(w.ctx), day)
	if err != nil {
		w.t.Error(err)
	}
	return r
}

// WH-2: events come doubled, shuffled and from many senders, while nodes die and come back.
func TestWebhooksDoubledAndShuffled(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		plain := newWorld(t, dbtest.SQLite(t))
		n := rounds(40, 1000)
		var hooks []sdk.Webhook
		for i := range n {
			for _, at := range []*world{w, plain} {
				c := at.customer(fmt.Sprintf("sender-%d", i))
				p := at.order(c, fmt.Sprintf("host-%d", i))
				s, err := at.StartPayment(at.ctx, flow.PayIn{Customer: c.ID, Invoices: []ids.Invoice{p.Invoice.ID}, Gateway: "bank", Save: i%2 == 0, Return: "https://shop.test/{attempt}"})
				at.ok(err)
				at.ok(at.bank.Pay(string(s.Attempt)))
				if at == plain {
					plain.ok(plain.ReceiveHook(plain.ctx, "bank", plain.bank.Hook(string(s.Attempt))))
					continue
				}
				hooks = append(hooks, w.bank.Hook(string(s.Attempt)))
			}
		}
		plain.drain()
		var deliveries []sdk.Webhook
		for _, h := range hooks {
			for range 1 + rand.IntN(19) {
				deliveries = append(deliveries, h)
			}
		}
		rand.Shuffle(len(deliveries), func(i, j int) { deliveries[i], deliveries[j] = deliveries[j], deliveries[i] })
		for part := range slices.Chunk(deliveries, len(deliveries)/4+1) { // three restarts between four parts
			node := w.again(dbtest.Again(t, d))
			working, die := context.WithCancel(w.ctx)
			queue := make(chan sdk.Webhook)
			var senders sync.WaitGroup
			for range 8 {
				senders.Go(func() {
					for h := range queue {
						ctx, abort := context.WithCancel(w.ctx)
						if rand.IntN(10) == 0 {
							abort() // the sender hangs up; it will come again
						}
						if err := node.ReceiveHook(ctx, "bank", h); err != nil && ctx.Err() == nil {
							t.Error(err)
						}
						abort()
					}
				})
			}
			senders.Go(func() { node.Jobs.Run(working) })
			for _, h := range part {
				queue <- h
			}
			close(queue)
			die()
			senders.Wait()
		}
		for _, h := range hooks { // what was hung up on comes once more
			w.ok(w.ReceiveHook(w.ctx, "bank", h))
		}
		w.drain()
		page, err := w.Payments.Payments(w.ctx, payment.Filter{})
		w.ok(err)
		if page.Total != n {
			t.Errorf("%d payments of %d events", page.Total, n)
		}
		if a, b := w.books(), plain.books(); a != b {
			t.Errorf("the books say\n%s, and in order, once each\n%s", a, b)
		}
		w.proven()
	})
}

// books is the trial balance as text.
func (w *world) books() string {
	w.t.Helper()
	lines, err := w.Ledger.TrialBalance(w.ctx, w.today())
	w.ok(err)
	out := ""
	for _, l := range lines {
		out += fmt.Sprintf("%s %s\n", l.Account, l.Amount)
	}
	return out
}

// MO-2: the gateway reports another amount, or another currency, than the invoice is over.
func TestMoneyThatDoesNotFit(t *testing.T) {
	tests := []struct {
		name    string
		amount  money.Amount
		status  invoice.Status
		paid    int64
		held    bool
		balance int64
	}{
		{"a cent less pays a part", money.Of(1189, "EUR"), invoice.Opened, 1189, false, 0},
		{"a cent more is the customer's", money.Of(1191, "EUR"), invoice.Paid, 1190, false, 1},
		{"dollars do not pay euros", money.Of(1190, "USD"), invoice.Opened, 0, true, 0},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		_, err := w.Catalog.SaveCurrency(w.ctx, catalog.Currency{Code: "USD", Step: 1, Active: true})
		w.ok(err)
		_, err = w.Catalog.SaveRate(w.ctx, catalog.Rate{Currency: "USD", Base: "EUR", Pico: 920_000_000_000, Source: "test"})
		w.ok(err)
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				c := w.customer(fmt.Sprintf("betrag-%d-%v", tt.amount.Minor(), tt.held))
				p := w.order(c, strings.NewReplacer(" ", "-", "'", "").Replace(tt.name))
				s, err := w.StartPayment(w.ctx, flow.PayIn{Customer: c.ID, Invoices: []ids.Invoice{p.Invoice.ID}, Gateway: "bank", Return: "https://shop.test/{attempt}"})
				w.ok(err)
				for range 3 {
					got, err := w.Settle(w.ctx, payment.Report{AccountKey: "fake:bank", Gateway: "bank", Ref: tt.name, Key: string(s.Attempt), State: payment.Captured, Amount: tt.amount, Source: payment.FromGateway})
					w.ok(err)
					if got.Payment.Status == payment.StatusHeld != tt.held {
						t.Errorf("the payment is %s", got.Payment.Status)
					}
				}
				w.drain()
				inv := w.invoice(p.Invoice.ID)
				if inv.Status != tt.status || inv.Paid != tt.paid {
					t.Errorf("the invoice is %s with %d paid", inv.Status, inv.Paid)
				}
				if made := w.status(p.Subscriptions[0]) != "none"; made != (tt.status == invoice.Paid) {
					t.Errorf("the server was made: %v", made)
				}
				has, err := w.Ledger.BalanceIn(w.ctx, c.ID, "EUR")
				w.ok(err)
				if has.Minor() != tt.balance {
					t.Errorf("the balance is %s", has)
				}
			})
		}
		w.proven()
	})
}

// MO-4: after each of many random operations the books are at zero and every balance is the sum of its entries.
func TestRandomMoney(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		seed := rand.Uint64()
		dice := rand.New(rand.NewPCG(seed, 1))
		t.Logf("seed %d", seed)
		var people []customer.Customer
		for i := range 4 {
			people = append(people, w.customer(fmt.Sprintf("zufall-%d", i)))
		}
		for i := range rounds(150, 10_000) {
			c := people[dice.IntN(len(people))]
			what := w.gamble(dice, c, i)
			if off := w.off(); off != "" {
				t.Fatalf("after operation %d, %s: %s", i, what, off)
			}
		}
		w.proven()
	})
}

// gamble does one random thing that moves money, and says what. What the rules refuse is refused.
func (w *world) gamble(dice *rand.Rand, c customer.Customer, i int) string {
	w.t.Helper()
	refused := func(err error) {
		if k := fault.KindOf(err); err != nil && k != fault.Declined && k != fault.Conflict && k != fault.Invalid {
			w.t.Fatalf("operation %d: %v", i, err)
		}
	}
	list := w.invoices(c)
	var inv *invoice.Invoice
	if len(list) > 0 {
		inv = &list[dice.IntN(len(list))]
	}
	paid, err := w.Payments.Payments(w.ctx, payment.Filter{Customer: c.ID, Limit: 200})
	w.ok(err)
	var pay *payment.Payment
	if len(paid.List) > 0 {
		pay = &paid.List[dice.IntN(len(paid.List))]
	}
	key := fmt.Sprintf("op-%d", i)
	switch n := dice.IntN(9); {
	case n <= 1 || inv == nil:
		w.order(c, key)
		return "order"
	case n == 2:
		s, err := w.StartPayment(w.ctx, flow.PayIn{Customer: c.ID, Invoices: []ids.Invoice{inv.ID}, Gateway: "bank", Return: "https://shop.test/{attempt}"})
		refused(err)
		if err == nil && s.URL != "" {
			if w.bank.Pay(string(s.Attempt)) == nil {
				_, err := w.Returned(w.ctx, s.Attempt)
				w.ok(err)
			}
		}
		return "pay at the gateway"
	case n == 3:
		_, err := w.RecordPayment(w.ctx, flow.Manual{Customer: c.ID, Invoices: []ids.Invoice{inv.ID}, Amount: money.Of(1+dice.Int64N(2000), "EUR"), Way: "bank", Key: key})
		refused(err)
		return "pay at the bank"
	case n == 4:
		refused(w.CreditInvoice(w.ctx, inv.ID, "changed his mind"))
		return "credit"
	case n == 5 && pay != nil:
		_, err := w.Refund(w.ctx, flow.RefundIn{Payment: pay.ID, Amount: money.Of(1+dice.Int64N(1200), "EUR"), Reason: "asked for it", Key: key, Credit: dice.IntN(2) == 0})
		refused(err)
		w.ok(justJobs(w))
		return "refund"
	case n == 6:
		refused(w.WriteOff(w.ctx, inv.ID))
		return "write off"
	case n == 7 && pay != nil && pay.Source == payment.FromGateway:
		if id, err := w.bank.Dispute(string(pay.Attempt)); err == nil {
			last := func() sdk.Webhook { all := w.bank.Hooks(); return all[len(all)-1] }
			w.ok(w.ReceiveHook(w.ctx, "bank", last()))
			if dice.IntN(2) == 0 {
				w.ok(w.bank.TurnDispute(id, []string{"won", "lost"}[dice.IntN(2)]))
				w.ok(w.ReceiveHook(w.ctx, "bank", last()))
			}
			w.ok(justJobs(w))
		}
		return "dispute"
	case n == 8 && dice.IntN(10) == 0:
		w.days(1)
		return "a day goes by"
	}
	return "nothing"
}

func justJobs(w *world) error {
	_, err := w.Jobs.Drain(w.ctx)
	return err
}

// off says what does not add up, in two statements.
func (w *world) off() string {
	w.t.Helper()
	lines, err := w.Ledger.TrialBalance(w.ctx, w.today())
	w.ok(err)
	sum := map[string]int64{}
	var balance int64
	for _, l := range lines {
		sum[l.Amount.Currency()] += l.Amount.Minor()
		if l.Account == ledger.Balance {
			balance -= l.Amount.Minor()
		}
	}
	for c, minor := range sum {
		if minor != 0 {
			return fmt.Sprintf("the books are off by %s", money.Of(minor, c))
		}
	}
	var has int64
	page, err := w.Customers.List(w.ctx, customer.Filter{})
	w.ok(err)
	for _, c := range page.List {
		b, err := w.Ledger.BalanceIn(w.ctx, c.ID, "EUR")
		w.ok(err)
		if b.Minor() < 0 {
			return fmt.Sprintf("%s has a balance of %s", c.ID, b)
		}
		has += b.Minor()
	}
	if has != balance {
		return fmt.Sprintf("balances are %d, the books say %d", has, balance)
	}
	return ""
}
