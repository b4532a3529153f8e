package invoice_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/base/states"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/sdk/money"
)

func TestWhatMoneyDoesToAnInvoice(t *testing.T) {
	type step func(context.Context, *invoice.Service, ids.Invoice) (string, error)
	pay := func(minor int64) step {
		return func(ctx context.Context, s *invoice.Service, id ids.Invoice) (string, error) {
			a, err := s.Apply(ctx, id, minor)
			return fmt.Sprintf("open %d, recovered %d, paid %t, %s", a.Open, a.WrittenOff, a.Paid, a.Total), err
		}
	}
	writeOff := func(ctx context.Context, s *invoice.Service, id ids.Invoice) (string, error) {
		open, err := s.WriteOff(ctx, id)
		return fmt.Sprint(open), err
	}
	reopen := func(minor int64) step {
		return func(ctx context.Context, s *invoice.Service, id ids.Invoice) (string, error) {
			return "", s.Reopen(ctx, id, minor)
		}
	}
	dispute := func(delta int64) step {
		return func(ctx context.Context, s *invoice.Service, id ids.Invoice) (string, error) {
			return "", s.Dispute(ctx, id, delta)
		}
	}
	void := func(ctx context.Context, s *invoice.Service, id ids.Invoice) (string, error) {
		lines, err := s.Uncredited(ctx, id)
		if err != nil {
			return "", err
		}
		_, c, err := s.Credit(ctx, invoice.CreditDraft{Invoice: id, CauseKey: "void:" + string(id), Day: today, Lines: lines})
		return fmt.Sprintf("open %d, written off %d, balance %d", c.ToOpen, c.ToWrittenOff, c.ToBalance), err
	}
	type did struct {
		do   step
		want string
		err  error
	}
	tests := []struct {
		name   string
		steps  []did
		status invoice.Status
		sums   string // paid, credited, written off, disputed, open
		events string
	}{
		{name: "in two parts", steps: []did{{do: pay(400), want: "open 400, recovered 0, paid false, 4.00 EUR"}, {do: pay(800), want: "open 800, recovered 0, paid true, 8.00 EUR"}},
			status: invoice.Paid, sums: "1200 0 0 0 0", events: "issued paid"},
		{name: "too much: the rest is not taken", steps: []did{{do: pay(5000), want: "open 1200, recovered 0, paid true, 12.00 EUR"}}, status: invoice.Paid, sums: "1200 0 0 0 0", events: "issued paid"},
		{name: "paid twice: the second is not taken", steps: []did{{do: pay(1200)}, {do: pay(1200), want: "open 0, recovered 0, paid false, 0.00 EUR"}}, status: invoice.Paid, sums: "1200 0 0 0 0", events: "issued paid"},
		{name: "below zero", steps: []did{{do: pay(-1), err: invoice.ErrAmount}}, status: invoice.Opened, sums: "0 0 0 0 1200", events: "issued"},
		{name: "nothing", steps: []did{{do: pay(0), want: "open 0, recovered 0, paid false, 0.00 EUR"}}, status: invoice.Opened, sums: "0 0 0 0 1200", events: "issued"},
		{name: "void takes nothing", steps: []did{{do: void, want: "open 1200, written off 0, balance 0"}, {do: pay(1200), want: "open 0, recovered 0, paid false, 0.00 EUR"}},
			status: invoice.Void, sums: "0 1200 0 0 0", events: "issued credited voided"},
		{name: "void cannot be given up", steps: []did{{do: void}, {do: writeOff, err: states.ErrRefused}}, status: invoice.Void, sums: "0 1200 0 0 0", events: "issued credited voided"},
		{name: "given up, then paid after all", steps: []did{{do: pay(200)}, {do: writeOff, want: "1000"}, {do: writeOff, want: "0"}, {do: pay(300), want: "open 0, recovered 300, paid false, 3.00 EUR"},
			{do: pay(900), want: "open 0, recovered 700, paid true, 7.00 EUR"}}, status: invoice.Paid, sums: "1200 0 0 0 0", events: "issued written_off recovered recovered paid"},
		{name: "given up, then credited: the loss shrinks and no balance arises", steps: []did{{do: writeOff}, {do: void, want: "open 0, written off 1200, balance 0"}},
			status: invoice.Void, sums: "0 1200 0 0 0", events: "issued written_off credited voided"},
		{name: "paid cannot be given up", steps: []did{{do: pay(1200)}, {do: writeOff, err: states.ErrRefused}}, status: invoice.Paid, sums: "1200 0 0 0 0", events: "issued paid"},
		{name: "a debit comes back, and is paid again", steps: []did{{do: pay(1200)}, {do: reopen(1200)}, {do: pay(1200), want: "open 1200, recovered 0, paid true, 12.00 EUR"}},
			status: invoice.Paid, sums: "1200 0 0 0 0", events: "issued paid reopened paid"},
		{name: "more comes back than was paid", steps: []did{{do: pay(500)}, {do: reopen(501), err: invoice.ErrAmount}, {do: reopen(500)}}, status: invoice.Opened, sums: "0 0 0 0 1200", events: "issued reopened"},
		{name: "a part comes back after it was given up", steps: []did{{do: pay(500)}, {do: writeOff}, {do: reopen(500)}}, status: invoice.Opened, sums: "0 0 700 0 500", events: "issued written_off reopened"},
		{name: "disputed and won", steps: []did{{do: pay(1200)}, {do: dispute(1201), err: invoice.ErrAmount}, {do: dispute(1200)}, {do: dispute(-1200)}, {do: dispute(-1), err: invoice.ErrAmount}},
			status: invoice.Paid, sums: "1200 0 0 0 0", events: "issued paid"},
		{name: "partly paid, then taken back whole: what was paid is the customer's", steps: []did{{do: pay(500)}, {do: void, want: "open 700, written off 0, balance 500"}},
			status: invoice.Void, sums: "0 1200 0 0 0", events: "issued credited voided"},
		{name: "paid, then taken back whole", steps: []did{{do: pay(1200)}, {do: void, want: "open 0, written off 0, balance 1200"}, {do: void, err: invoice.ErrCredited}},
			status: invoice.Paid, sums: "0 1200 0 0 0", events: "issued paid credited"},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s := context.Background(), service(d)
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				id := issue(t, s, draft(ids.New[ids.Customer](), 1000))[0].ID
				frozen := texts(t, d, frozenColumns, string(id))
				for i, st := range tt.steps {
					got, err := st.do(ctx, s, id)
					if !errors.Is(err, st.err) || err == nil && st.want != "" && got != st.want {
						t.Fatalf("step %d: %s, %v", i+1, got, err)
					}
				}
				inv := get(t, s, id)
				if got := fmt.Sprint(inv.Paid, inv.Credited, inv.WrittenOff, inv.Disputed, inv.Open()); inv.Status != tt.status || got != tt.sums {
					t.Errorf("%s with %s", inv.Status, got)
				}
				if (inv.Status == invoice.Paid) == inv.Settled.IsZero() {
					t.Errorf("%s, settled at %s", inv.Status, inv.Settled)
				}
				if got := strings.ReplaceAll(strings.Join(told(t, d, id), " "), "invoice.", ""); got != tt.events {
					t.Errorf("told %s", got)
				}
				if after := texts(t, d, frozenColumns, string(id)); !slices.Equal(after, frozen) {
					t.Errorf("a frozen column changed\nfrom %s\nto   %s", frozen, after)
				}
			})
		}
		sound(t, s)
	})
}

// frozenColumns reads all that may never change.
const frozenColumns = `SELECT i.id, i.customer_id, i.kind, i.currency, i.series_id, i.bucket, i.number_no, i.number, i.issued_on, i.due_on, i.ladder_id, i.net_minor, i.tax_minor, i.rounding_minor, i.total_minor,
	i.base_currency, i.rate_pico, i.seller_snap, i.buyer_snap, i.frozen_hash, i.created_at,
	l.id, l.no, l.kind, l.text, l.subscription_id, l.obligation_id, l.owner_id, l.service_from, l.service_to, l.qty_micro, l.unit_minor, l.per, l.list_minor, l.discount_minor, l.net_minor, l.tax_minor, l.tax_group, l.defer, l.explain_json,
	t.tax_group, t.code, t.category, t.rate_ppm, t.compound, t.base_minor, t.tax_minor
	FROM invoices i JOIN invoice_lines l ON l.invoice_id = i.id JOIN invoice_taxes t ON t.invoice_id = i.id WHERE i.id = ? ORDER BY l.no, t.code`

func TestParallelPaymentsAreNotCountedTwice(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := service(d)
		id := issue(t, s, draft(ids.New[ids.Customer](), 1000))[0].ID
		var wg sync.WaitGroup
		var counted, settled atomic.Int64
		for range 8 {
			wg.Go(func() {
				a, err := s.Apply(context.Background(), id, 500)
				if err != nil {
					t.Error(err)
				}
				counted.Add(a.Open)
				if a.Paid {
					settled.Add(1)
				}
			})
		}
		wg.Wait()
		if inv := get(t, s, id); counted.Load() != 1200 || settled.Load() != 1 || inv.Paid != 1200 || inv.Version != 4 {
			t.Fatalf("counted %d, settled %d times: %+v", counted.Load(), settled.Load(), inv)
		}
	})
}

func TestForeignCustomersFindNothing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s, cus := context.Background(), service(d), ids.New[ids.Customer]()
		inv := issue(t, s, draft(cus, 1000))[0]
		other := ids.New[ids.Customer]()
		if got, err := s.GetFor(ctx, cus, inv.ID); err != nil || got != inv {
			t.Fatalf("%+v, %v", got, err)
		}
		if got, err := s.ByNumber(ctx, inv.Number); err != nil || got != inv {
			t.Fatalf("%+v, %v", got, err)
		}
		unknown := ids.New[ids.Invoice]()
		for name, err := range map[string]error{
			"GetFor":      second(s.GetFor(ctx, other, inv.ID)),
			"DocumentFor": second(s.DocumentFor(ctx, other, inv.ID)),
			"Get":         second(s.Get(ctx, unknown)),
			"Apply":       second(s.Apply(ctx, unknown, 1)),
			"Lock":        second(s.Lock(ctx, []ids.Invoice{inv.ID, unknown})),
			"ByNumber":    second(s.ByNumber(ctx, "INV-2027-999999")),
			"no number":   second(s.ByNumber(ctx, "")),
		} {
			if !errors.Is(err, invoice.ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if many, err := s.Many(ctx, []ids.Invoice{inv.ID, unknown}); err != nil || len(many) != 1 || many[inv.ID] != inv {
			t.Fatalf("%+v, %v", many, err)
		}
		if open, err := s.OpenOf(ctx, other); err != nil || len(open) != 0 {
			t.Fatalf("%+v, %v", open, err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestLocksComeByID(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, cus := service(d), ids.New[ids.Customer]()
		set := issue(t, s, draft(cus, 100), draft(cus, 200), draft(cus, 300))
		err := d.Tx(context.Background(), func(ctx context.Context) error {
			got, err := s.Lock(ctx, []ids.Invoice{set[2].ID, set[0].ID, set[1].ID, set[0].ID})
			if err == nil && !slices.Equal(got, set) {
				t.Errorf("%+v", got)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestPayLinks(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s, cus := context.Background(), service(d), ids.New[ids.Customer]()
		set := issue(t, s, draft(cus, 1000), draft(cus, 1000))
		token := func(id ids.Invoice) string {
			t.Helper()
			text, err := s.PayToken(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		opens := func(name, token string, want ids.Invoice) {
			t.Helper()
			inv, err := s.ByPayToken(ctx, token)
			if inv.ID != want || (want == "") != errors.Is(err, invoice.ErrNotFound) {
				t.Errorf("%s: %s, %v", name, inv.ID, err)
			}
		}
		first := token(set[0].ID)
		opens("the token", first, set[0].ID)
		changed := []byte(first)
		changed[len(changed)-1] ^= 1
		opens("a letter changed", string(changed), "")
		opens("the neighbour's ID", strings.TrimPrefix(string(set[1].ID), "inv_")+first[26:], "")
		opens("the ID alone", first[:26], "")
		opens("nothing", "", "")
		if stored := texts(t, d, "SELECT pay_token_hash FROM invoices WHERE id = ?", string(set[0].ID))[0]; strings.Contains(stored, first[26:]) || len(stored) != 64 {
			t.Errorf("stored %s", stored)
		}
		newer := token(set[0].ID)
		opens("the one before", first, "")
		opens("the newer one", newer, set[0].ID)
		if err := s.RevokePayToken(ctx, set[0].ID); err != nil {
			t.Fatal(err)
		}
		opens("a revoked one", newer, "")
		for range 2 { // the same link in two mails
			kept, err := s.KeepPayToken(ctx, set[1].ID, "a-secret-of-many-letters-that-is-made-again")
			if err != nil {
				t.Fatal(err)
			}
			opens("a kept one", kept, set[1].ID)
		}
		if got := get(t, s, set[1].ID).Version; got != 2 {
			t.Errorf("the same token was written %d times", got-1)
		}
		if _, err := s.KeepPayToken(ctx, set[1].ID, "short"); err == nil {
			t.Error("a short secret was taken")
		}
		last := token(set[0].ID)
		if _, err := s.Apply(ctx, set[0].ID, 1200); err != nil {
			t.Fatal(err)
		}
		opens("one of a paid invoice", last, "")
		if _, err := s.PayToken(ctx, set[0].ID); !errors.Is(err, invoice.ErrNotFound) {
			t.Errorf("a token for what is paid: %v", err)
		}
		if late, err := s.KeepPayToken(ctx, set[0].ID, "a-secret-of-many-letters-that-is-made-again"); err != nil {
			t.Error(err)
		} else {
			opens("one that came too late", late, "")
		}
		sound(t, s)
	})
}

func TestListsArePagedAndSummed(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, ana, ben := service(d), ids.New[ids.Customer](), ids.New[ids.Customer]()
		var set []invoice.Draft
		for i := range 7 {
			one := draft(ana, int64(1000+100*i))
			one.Issued, one.Due = today.Add(i/3), today.Add(20-i/2) // several share a day
			if i%3 == 0 {
				one.Currency = "USD"
				one.RatePico = 900_000_000_000
			}
			set = append(set, one)
		}
		set = append(set, draft(ben, 50_000))
		set[7].Issued, set[7].Due = today.Add(2), today.Add(30)
		issued := issue(t, s, set...)
		unissued := draft(ana, 7)
		unissued.Issued, unissued.Due = period.Day{}, period.Day{}
		if _, err := s.SaveDraft(context.Background(), &unissued); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Apply(context.Background(), issued[1].ID, 100); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Apply(context.Background(), issued[2].ID, 1440); err != nil {
			t.Fatal(err)
		}
		pages := func(f invoice.Filter) (list []invoice.Invoice, first invoice.Page) {
			t.Helper()
			f.Limit = 2
			for n := 0; ; n++ {
				ctx, counter := db.CountQueries(context.Background())
				page, err := s.List(ctx, f)
				if err != nil {
					t.Fatal(err)
				}
				if counter.N() > 2 {
					t.Errorf("%d queries for a page", counter.N())
				}
				if n == 0 {
					first = page
				}
				list = append(list, page.List...)
				if f.After = page.Next; f.After == "" {
					return list, first
				}
			}
		}
		key := map[string]func(a, b invoice.Invoice) int{
			"newest": func(a, b invoice.Invoice) int { return strings.Compare(string(b.ID), string(a.ID)) },
			"oldest": func(a, b invoice.Invoice) int { return strings.Compare(string(a.ID), string(b.ID)) },
			"due": func(a, b invoice.Invoice) int {
				if c := a.Due.Compare(b.Due); c != 0 {
					return c
				}
				return strings.Compare(string(a.ID), string(b.ID))
			},
			"issued": func(a, b invoice.Invoice) int {
				if c := b.Issued.Compare(a.Issued); c != 0 {
					return c
				}
				return strings.Compare(string(b.ID), string(a.ID))
			},
		}
		for sort, compare := range key {
			list, first := pages(invoice.Filter{Customer: ana, Sort: sort})
			if len(list) != 8 || first.Total != 8 || !slices.IsSortedFunc(list, compare) {
				t.Errorf("%s: %d of %d in the wrong order", sort, len(list), first.Total)
			}
		}
		_, page := pages(invoice.Filter{Customer: ana, Statuses: []invoice.Status{invoice.Opened, invoice.Paid}})
		want := []invoice.Sum{
			{Currency: "EUR", Count: 4, Total: 1320 + 1440 + 1680 + 1800, Open: 1220 + 1680 + 1800},
			{Currency: "USD", Count: 3, Total: 1200 + 1560 + 1920, Open: 1200 + 1560 + 1920},
		}
		if !slices.Equal(page.Sums, want) {
			t.Errorf("sums %+v", page.Sums)
		}
		for name, tt := range map[string]struct {
			f    invoice.Filter
			want int
		}{
			"all":                   {invoice.Filter{}, 9},
			"overdue":               {invoice.Filter{Overdue: today.Add(19)}, 3},
			"issued in a range":     {invoice.Filter{From: today.Add(1), To: today.Add(2)}, 3},
			"part of a number":      {invoice.Filter{Query: "inv-2027-00000"}, 8},
			"a whole ID":            {invoice.Filter{Query: string(issued[3].ID)}, 1},
			"no wildcards":          {invoice.Filter{Query: "%"}, 0},
			"another's number":      {invoice.Filter{Customer: ana, Query: issued[7].Number}, 0},
			"kind and currency":     {invoice.Filter{Kind: invoice.KindRenewal, Currency: "USD"}, 3},
			"a customer of nothing": {invoice.Filter{Customer: ids.New[ids.Customer]()}, 0},
		} {
			if list, first := pages(tt.f); len(list) != tt.want || first.Total != tt.want {
				t.Errorf("%s: %d of %d", name, len(list), first.Total)
			}
		}
		for _, f := range []invoice.Filter{{Sort: "id; DROP TABLE invoices"}, {After: "x"}, {Sort: "due", After: string(issued[0].ID)}} {
			if _, err := s.List(context.Background(), f); err == nil {
				t.Errorf("%+v was taken", f)
			}
		}
	})
}

func TestDunnableGoesByDueDay(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s, cus := context.Background(), service(d), ids.New[ids.Customer]()
		var set []invoice.Draft
		for i := range 6 {
			one := draft(cus, 1000)
			one.Due = today.Add(5 - i/2)
			set = append(set, one)
		}
		issued := issue(t, s, set...)
		if _, err := s.Apply(ctx, issued[4].ID, 1200); err != nil {
			t.Fatal(err)
		}
		var got []ids.Invoice
		p := invoice.DunPage{DueBefore: today.Add(4), Limit: 2}
		for {
			page, err := s.Dunnable(ctx, p)
			if err != nil {
				t.Fatal(err)
			}
			for _, inv := range page {
				got = append(got, inv.ID)
				p.AfterDue, p.AfterID = inv.Due, inv.ID
			}
			if len(page) < p.Limit {
				break
			}
		}
		if want := []ids.Invoice{issued[5].ID, issued[2].ID, issued[3].ID}; !slices.Equal(got, want) {
			t.Fatalf("%v, not %v", got, want)
		}
		open, err := s.OpenOf(ctx, cus)
		if err != nil || len(open) != 5 || open[0].ID != issued[5].ID || open[4].ID != issued[1].ID {
			t.Fatalf("%v, %v", open, err)
		}
		if got := open[0].Amount(5); got != money.Of(5, "EUR") {
			t.Fatalf("%s", got)
		}
	})
}

func TestVerifyFindsWhatWasChanged(t *testing.T) {
	tamper := []struct{ name, query, want string }{
		{"an amount of the invoice", "UPDATE invoices SET total_minor = total_minor + 1, rounding_minor = rounding_minor + 1 WHERE number = 'INV-2027-000001'", "was changed"},
		{"a day", "UPDATE invoices SET due_on = '2027-12-31' WHERE number = 'INV-2027-000002'", "was changed"},
		{"a text of a line", "UPDATE invoice_lines SET text = 'VPS-1 '", "was changed"},
		{"a rate", "UPDATE invoice_taxes SET rate_ppm = 190000", "was changed"},
		{"a line is gone", "DELETE FROM invoice_lines WHERE no = 2", "do not add up"},
		{"the name of a party", "UPDATE snapshots SET body = CONCAT(body, ' ')", "parties"},
		{"an invoice is gone", "DELETE FROM invoices WHERE number = 'INV-2027-000002'", "documents from number 1 to 3"},
		{"a number is later than the next", "UPDATE invoices SET issued_on = '2027-03-11' WHERE number = 'INV-2027-000001'", "day before"},
		{"money from nowhere", "UPDATE invoices SET paid_minor = 5000", "paid"},
		{"a credit note", "UPDATE credit_notes SET total_minor = total_minor + 1", "credit note"},
		{"a line of a credit note", "UPDATE credit_note_lines SET from_deferred_minor = 1", "credit note"},
		{"more credited than invoiced", "UPDATE invoice_lines SET credited_minor = net_minor + 1", "credited above"},
	}
	for _, tt := range tamper {
		t.Run(tt.name, func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, d *db.DB) {
				ctx, s, cus := context.Background(), service(d), ids.New[ids.Customer]()
				set := issue(t, s, draft(cus, 1000, 500), draft(cus, 1000), draft(cus, 1000))
				lines, err := s.Uncredited(ctx, set[2].ID)
				if err != nil {
					t.Fatal(err)
				}
				if _, _, err := s.Credit(ctx, invoice.CreditDraft{Invoice: set[2].ID, CauseKey: "void:1", Day: today, Lines: lines}); err != nil {
					t.Fatal(err)
				}
				sound(t, s)
				if _, err := d.Write(ctx).ExecContext(ctx, tt.query); err != nil {
					t.Fatal(err)
				}
				if found := strings.Join(findings(t, s), "\n"); !strings.Contains(found, tt.want) {
					t.Errorf("found %q", found)
				}
			})
		})
	}
}
