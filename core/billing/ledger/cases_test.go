package ledger_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/ledger"
)

type moneyCase struct {
	ID, Op, Title string
	In, Out       json.RawMessage
}

func cases(t *testing.T, op string, atLeast int) []moneyCase {
	t.Helper()
	text, err := os.ReadFile("testdata/money-cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []moneyCase }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	out := slices.DeleteFunc(file.Cases, func(c moneyCase) bool { return c.Op != op })
	if len(out) < atLeast {
		t.Fatalf("only %d cases of %s were read", len(out), op)
	}
	return out
}

func read(t *testing.T, text json.RawMessage, into any) {
	t.Helper()
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

type eventIn struct {
	Event, Currency, Into, Invoice, Gateway, Refund, Dispute, Payment, To, Account string

	Rate     int64            `json:"rate_pico"`
	IntoRate int64            `json:"into_rate_pico"`
	Minor    int64            `json:"minor"`
	IntoMin  int64            `json:"into_minor"`
	Fee      int64            `json:"fee_minor"`
	Deferred int64            `json:"deferred_minor"`
	Revenue  int64            `json:"revenue_minor"`
	LateFee  int64            `json:"late_fee_minor"`
	Tax      map[string]int64 `json:"tax"`
}

type entryOut struct {
	Account  string `json:"account"`
	Of       string `json:"of"`
	Currency string `json:"currency"`
	Minor    int64  `json:"minor"`
	Base     int64  `json:"base_minor"`
}

type postingOut struct {
	Event   string     `json:"event"`
	Entries []entryOut `json:"entries"`
}

type invoiceOut struct {
	Open       int64 `json:"open_minor"`
	Paid       int64 `json:"paid_minor"`
	Credited   int64 `json:"credited_minor"`
	WrittenOff int64 `json:"written_off_minor"`
}

// book keeps documents and accounts in memory, with the rules of the package.
type book struct {
	base     string
	sums     map[entryOut][2]int64
	invoices map[string]*invoiceOut
	losses   map[string]ledger.Account
	postings []postingOut
}

func (b *book) post(t *testing.T, p ledger.Posting, currency string) {
	t.Helper()
	err := p.Value(b.base, func(a ledger.Account, of string) (int64, int64) {
		v := b.sums[entryOut{Account: string(a), Of: of, Currency: currency}]
		return v[0], v[1]
	})
	if err != nil {
		t.Fatal(err)
	}
	out := postingOut{Event: p.Event}
	var minor, base int64
	for _, e := range p.Entries {
		out.Entries = append(out.Entries, entryOut{string(e.Account), e.Of, currency, e.Minor, e.Base})
		key := entryOut{Account: string(e.Account), Of: e.Of, Currency: currency}
		v := b.sums[key]
		b.sums[key] = [2]int64{v[0] + e.Minor, v[1] + e.Base}
		minor, base = minor+e.Minor, base+e.Base
	}
	if minor != 0 || base != 0 {
		t.Fatalf("%s sums to %d and %d", p.Event, minor, base)
	}
	b.postings = append(b.postings, out)
}

func (b *book) apply(t *testing.T, e eventIn) {
	t.Helper()
	currency := cmp.Or(e.Currency, b.base)
	h := ledger.Head{Cause: "x", Day: period.Date(2027, 3, 1), Currency: currency, RatePico: cmp.Or(e.Rate, ledger.PicoOne), Customer: "c1"}
	inv := b.invoices[e.Invoice]
	sale := ledger.Sale{LateFees: e.LateFee}
	if e.Deferred != 0 {
		sale.Deferred = []ledger.Amount{{Minor: e.Deferred}}
	}
	if e.Revenue != 0 {
		sale.Revenue = []ledger.Amount{{Minor: e.Revenue}}
	}
	for code, minor := range e.Tax {
		sale.Tax = append(sale.Tax, ledger.Amount{Code: code, Minor: minor})
	}
	id := ids.Invoice(e.Invoice)
	count := func(amount int64) []ledger.Part {
		part, _ := ledger.Count(amount, inv.Open, inv.WrittenOff)
		part.Invoice, part.Loss = id, b.losses[e.Invoice]
		inv.Open, inv.WrittenOff, inv.Paid = inv.Open-part.Open, inv.WrittenOff-part.WrittenOff, inv.Paid+part.Open+part.WrittenOff
		return []ledger.Part{part}
	}
	owed := []ledger.Part{{Invoice: id, Open: e.Minor}}
	switch e.Event {
	case "issue":
		b.invoices[e.Invoice] = &invoiceOut{Open: sale.Total()}
		b.post(t, ledger.Issue(h, id, sale), currency)
	case "pay_gateway":
		b.post(t, ledger.PayGateway(h, e.Gateway, e.Minor, count(e.Minor)), currency)
	case "pay_bank":
		b.post(t, ledger.PayBank(h, e.Minor, count(e.Minor)), currency)
	case "pay_balance":
		has := -b.sums[entryOut{Account: "balance", Of: "c1", Currency: currency}][0]
		b.post(t, ledger.PayBalance(h, count(min(e.Minor, has, inv.Open))), currency)
	case "fee":
		b.post(t, ledger.Fee(h, e.Gateway, e.Minor), currency)
	case "payout":
		b.post(t, ledger.Payout(h, e.Gateway, e.Minor), currency)
	case "recognise":
		b.post(t, ledger.Earn(h, "", owed), currency)
	case "add_funds":
		b.post(t, ledger.AddFunds(h, e.Gateway, e.Minor), currency)
	case "credit_note":
		toOpen := min(sale.Total(), inv.Open)
		b.post(t, ledger.CreditNote(h, ledger.Part{Invoice: id, Open: min(sale.Total(), inv.Open)}, sale), currency)
		inv.Open, inv.Paid, inv.Credited = inv.Open-toOpen, inv.Paid-(sale.Total()-toOpen), inv.Credited+sale.Total()
	case "refund_request":
		b.post(t, ledger.RefundRequest(h, ids.Refund(e.Refund), e.Minor), currency)
	case "refund_done":
		b.post(t, ledger.RefundDone(h, ids.Refund(e.Refund), e.Gateway, e.Minor), currency)
	case "refund_refused":
		b.post(t, ledger.RefundRefused(h, ids.Refund(e.Refund), e.Minor), currency)
	case "refund_recorded":
		b.post(t, ledger.RefundRecorded(h, e.Minor), currency)
	case "write_off":
		b.losses[e.Invoice] = cmp.Or(ledger.Account(e.To), ledger.BadDebts)
		b.post(t, ledger.WriteOff(h, id, b.losses[e.Invoice], inv.Open), currency)
		inv.WrittenOff, inv.Open = inv.WrittenOff+inv.Open, 0
	case "dispute_opened":
		b.post(t, ledger.OpenDispute(h, ids.Dispute(e.Dispute), e.Gateway, e.Minor, e.Fee), currency)
	case "dispute_won":
		b.post(t, ledger.WinDispute(h, ids.Dispute(e.Dispute), e.Gateway, e.Minor, e.Fee), currency)
	case "dispute_lost":
		b.post(t, ledger.LoseDispute(h, ids.Dispute(e.Dispute), owed, 0, 0), currency)
		inv.Paid, inv.Open = inv.Paid-e.Minor, inv.Open+e.Minor
	case "payment_failed":
		b.post(t, ledger.FailPayment(h, e.Gateway, owed, 0), currency)
		inv.Paid, inv.Open = inv.Paid-e.Minor, inv.Open+e.Minor
	case "goodwill":
		b.post(t, ledger.Goodwill(h, e.Minor), currency)
	case "hold":
		b.post(t, ledger.Hold(h, ids.Payment(e.Payment), e.Gateway, e.Minor), currency)
	case "release":
		b.post(t, ledger.Release(h, ids.Payment(e.Payment), e.Minor), currency)
	case "swap":
		b.post(t, ledger.SwapOut(h, e.Minor), currency)
		h.Currency, h.RatePico = e.Into, e.IntoRate
		b.post(t, ledger.SwapIn(h, e.IntoMin), e.Into)
	case "opening":
		of := map[string]string{"receivable": e.Invoice, "balance": "c1"}[e.Account]
		if e.Invoice != "" {
			b.invoices[e.Invoice] = &invoiceOut{Open: e.Minor}
		}
		b.post(t, ledger.Opening(h, ledger.Account(e.Account), of, e.Minor), currency)
	default:
		t.Fatalf("event %s is not known", e.Event)
	}
}

func sorted(list []entryOut) []entryOut {
	slices.SortFunc(list, func(a, b entryOut) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return list
}

func TestPostCases(t *testing.T) {
	for _, c := range cases(t, "post", 16) {
		t.Run(c.ID+" "+c.Title, func(t *testing.T) {
			var in struct {
				Base   string
				Events []eventIn
			}
			var want struct {
				Postings []postingOut
				Balances []entryOut
				Invoices map[string]*invoiceOut
			}
			read(t, c.In, &in)
			read(t, c.Out, &want)
			b := &book{base: in.Base, sums: map[entryOut][2]int64{}, invoices: map[string]*invoiceOut{}, losses: map[string]ledger.Account{}}
			for _, e := range in.Events {
				b.apply(t, e)
			}
			if len(b.postings) != len(want.Postings) {
				t.Fatalf("%d postings, not %d", len(b.postings), len(want.Postings))
			}
			for i := range want.Postings {
				got, want := b.postings[i], want.Postings[i]
				if got.Event != want.Event || !reflect.DeepEqual(sorted(got.Entries), sorted(want.Entries)) {
					t.Errorf("posting %d\ngot  %+v\nwant %+v", i, got, want)
				}
			}
			balances := []entryOut{}
			for key, v := range b.sums {
				if v != [2]int64{} {
					key.Minor, key.Base = v[0], v[1]
					balances = append(balances, key)
				}
			}
			if !reflect.DeepEqual(sorted(balances), sorted(want.Balances)) {
				t.Errorf("balances\ngot  %+v\nwant %+v", balances, want.Balances)
			}
			if !reflect.DeepEqual(b.invoices, want.Invoices) {
				t.Errorf("invoices differ: %+v", b.invoices)
			}
		})
	}
}

func TestRecogniseCases(t *testing.T) {
	for _, c := range cases(t, "recognise", 3) {
		t.Run(c.ID+" "+c.Title, func(t *testing.T) {
			var in struct {
				Amount   int64 `json:"amount_minor"`
				From, To period.Day
				Credits  []struct {
					Day period.Day
					Net int64 `json:"net_minor"`
				}
				At []period.Day
			}
			var want struct {
				Recognised map[period.Day]int64
				Credits    []struct {
					Day      period.Day
					Deferred int64 `json:"from_deferred_minor"`
					Revenue  int64 `json:"from_revenue_minor"`
				}
			}
			read(t, c.In, &in)
			read(t, c.Out, &want)
			segments := []ledger.Segment{{From: in.From, To: in.To, Minor: in.Amount}}
			taken := map[period.Day]int64{}
			for i, credit := range in.Credits {
				var deferred int64
				deferred, segments = ledger.Take(segments, credit.Net, credit.Day)
				if w := want.Credits[i]; deferred != w.Deferred || credit.Net-deferred != w.Revenue {
					t.Errorf("credit %d takes %d from deferred and %d from revenue, not %d and %d", i, deferred, credit.Net-deferred, w.Deferred, w.Revenue)
				}
				taken[credit.Day] += credit.Net - deferred
			}
			for _, day := range in.At {
				got := ledger.Earned(segments, day)
				for on, minor := range taken {
					if !day.Before(on) {
						got -= minor
					}
				}
				if got != want.Recognised[day] {
					t.Errorf("%s: earned %d, not %d", day, got, want.Recognised[day])
				}
			}
		})
	}
}
