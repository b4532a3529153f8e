package invoice_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/base/states"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
)

var errGiveUp = errors.New("the caller gives up")

func TestIssuedDocumentsReadBackAsTheyWere(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s, cus := context.Background(), service(d), ids.New[ids.Customer]()
		in := draft(cus, 1690, 338)
		in.Ladder = ids.New[ids.Ladder]()
		in.Lines[1].Text = "Świętość \"quoted\" \\ Ωμέγα\x00\n<b>"
		in.Lines[1].Explain = `{"v":1,"text":"ü\n"}`
		set := issue(t, s, in, draft(cus, 0))
		got := get(t, s, set[0].ID)
		if got != set[0] || got.Number != "INV-2027-000001" || got.Status != invoice.Opened || got.Open() != got.Total || got.Created != now {
			t.Fatalf("%+v", got)
		}
		if free := set[1]; free.Status != invoice.Paid || free.Settled != now || free.Number != "INV-2027-000002" {
			t.Fatalf("over nothing: %+v", free)
		}
		if events := told(t, d, set[0].ID); !slices.Equal(events, []string{invoice.EventIssued}) {
			t.Fatalf("told %q", events)
		}
		if events := told(t, d, set[1].ID); !slices.Equal(events, []string{invoice.EventIssued, invoice.EventPaid}) {
			t.Fatalf("told %q", events)
		}
		var fact invoice.Fact
		payload := texts(t, d, "SELECT payload FROM events WHERE subject = ?", string(got.ID))[0]
		if err := json.Unmarshal([]byte(payload), &fact); err != nil || fact.Customer != cus || fact.TotalMinor != got.Total || fact.Kind != invoice.KindRenewal {
			t.Fatalf("payload %s, %v", payload, err)
		}
		doc, err := s.Document(ctx, got.ID)
		if err != nil {
			t.Fatal(err)
		}
		if l := doc.Lines[1]; l.Text != "Świętość \"quoted\" \\ Ωμέγα  <b>" || l.Explain != `{"v":1,"text":"ü\n"}` || l.LiveTo != l.To || !l.Defer || l.No != 2 {
			t.Fatalf("%+v", l)
		}
		if len(doc.Taxes) != 1 || doc.Taxes[0] != in.Taxes[0] || fmt.Sprint(doc.Buyer) != fmt.Sprint(buyer) || fmt.Sprint(doc.Seller) != fmt.Sprint(seller) {
			t.Fatalf("%+v", doc)
		}
		sound(t, s)
	})
}

// TestASetIsAFewStatements is what the billing run rests on.
func TestASetIsAFewStatements(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := service(d)
		drafts := func() (set []invoice.Draft) {
			for i := range 200 {
				one := draft("cus_01JD0Y9F6Z8V5M3B1N7K2T4QWX", 1000, 200, 300)
				one.Buyer.Name = fmt.Sprintf("Customer %d", i%50)
				set = append(set, one)
			}
			return set
		}
		issue(t, s, draft("cus_01JD0Y9F6Z8V5M3B1N7K2T4QWX", 1)) // begins the series and the year
		for _, want := range []int{6, 5} {                      // the snapshots of the 50 customers are written once
			ctx, counter := db.CountQueries(context.Background())
			if _, err := s.IssueSet(ctx, drafts()); err != nil {
				t.Fatal(err)
			}
			if counter.N() != want {
				t.Errorf("%d statements, not %d:\n%.3000s", counter.N(), want, strings.Join(counter.Statements(), "\n"))
			}
			order := counter.Statements()[counter.N()-5:]
			for i, start := range []string{"UPDATE number_counters", "INSERT INTO `invoices`", "INSERT INTO `invoice_lines`", "INSERT INTO `invoice_taxes`", "INSERT INTO `events`"} {
				if !strings.HasPrefix(order[i], start) {
					t.Errorf("statement %d is %.60s, not %s", i, order[i], start)
				}
			}
		}
		if n := texts(t, d, "SELECT COUNT(*) FROM snapshots")[0]; n != "52" {
			t.Errorf("%s snapshots", n)
		}
		sound(t, s)
	})
}

func TestARollbackLeavesNothingBehind(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s, cus := context.Background(), service(d), ids.New[ids.Customer]()
		set := []invoice.Draft{draft(cus, 100), draft(cus, 200)}
		for range 2 { // the first also takes the series back that it began
			err := d.Tx(ctx, func(ctx context.Context) error {
				if _, err := s.IssueSet(ctx, set); err != nil {
					return err
				}
				return errGiveUp
			})
			if !errors.Is(err, errGiveUp) {
				t.Fatal(err)
			}
		}
		if n := texts(t, d, "SELECT (SELECT COUNT(*) FROM invoices) + (SELECT COUNT(*) FROM snapshots) + (SELECT COUNT(*) FROM events)")[0]; n != "0" {
			t.Fatalf("%s rows are left", n)
		}
		got := issue(t, s, set...) // the same drafts with the same IDs
		if got[0].Number != "INV-2027-000001" || got[1].Number != "INV-2027-000002" {
			t.Fatalf("numbers %s and %s", got[0].Number, got[1].Number)
		}
		if n := texts(t, d, "SELECT COUNT(*) FROM snapshots")[0]; n != "2" {
			t.Fatalf("%s snapshots: what a rollback took away was believed to be there", n)
		}
		sound(t, s)
	})
}

func TestNumbersHaveNoGapsUnderParallelIssuers(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		services := []*invoice.Service{service(d), service(d)} // two processes
		var wg sync.WaitGroup
		var mu sync.Mutex
		var numbers []string
		for issuer := range 8 {
			wg.Go(func() {
				s, cus := services[issuer%2], ids.New[ids.Customer]()
				for round := range 8 {
					var set []invoice.Draft
					for i := range 1 + (issuer+round)%4 {
						one := draft(cus, int64(100+i))
						one.Buyer.Name = fmt.Sprintf("Customer %d of round %d", issuer, round)
						set = append(set, one)
					}
					var got []invoice.Invoice
					err := d.Tx(ctx, func(ctx context.Context) (err error) {
						if got, err = s.IssueSet(ctx, set); err == nil && (issuer+round)%3 == 0 {
							return errGiveUp
						}
						return err
					})
					if errors.Is(err, errGiveUp) {
						continue
					}
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					for _, inv := range got {
						numbers = append(numbers, inv.Number)
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		slices.Sort(numbers)
		if len(numbers) < 80 {
			t.Fatalf("only %d documents", len(numbers))
		}
		for i, n := range numbers {
			if want := fmt.Sprintf("INV-2027-%06d", i+1); n != want {
				t.Fatalf("number %d is %s", i+1, n)
			}
		}
		sound(t, services[0])
	})
}

func TestWhatIsNotSoundIsNotIssued(t *testing.T) {
	cus := ids.New[ids.Customer]()
	tests := []struct {
		name  string
		spoil func(*invoice.Draft)
	}{
		{"no lines", func(d *invoice.Draft) { d.Lines = nil }},
		{"no customer", func(d *invoice.Draft) { d.Customer = "" }},
		{"no currency", func(d *invoice.Draft) { d.Currency = "" }},
		{"a kind too long", func(d *invoice.Draft) { d.Kind = "a kind too long" }},
		{"a total that is not the sum", func(d *invoice.Draft) { d.Total++ }},
		{"lines that do not sum up", func(d *invoice.Draft) { d.Lines[0].Net++ }},
		{"taxes that do not sum up", func(d *invoice.Draft) { d.Taxes[0].Tax++ }},
		{"a total below zero", func(d *invoice.Draft) { *d = draft(cus, -100) }},
		{"an amount beyond all limits", func(d *invoice.Draft) { *d = draft(cus, 2_000_000_000_000_000) }},
		{"no day", func(d *invoice.Draft) { d.Issued = period.Day{} }},
		{"due before it is issued", func(d *invoice.Draft) { d.Due = d.Issued.Add(-1) }},
		{"a seller without a name", func(d *invoice.Draft) { d.Seller.Name = "" }},
		{"a buyer without a country", func(d *invoice.Draft) { d.Buyer.Country = "" }},
		{"reverse charge without a tax number", func(d *invoice.Draft) { d.Taxes[0].Category, d.Buyer.TaxID = "AE", "" }},
		{"a line without text", func(d *invoice.Draft) { d.Lines[0].Text = "" }},
		{"a period that ends before it begins", func(d *invoice.Draft) { d.Lines[0].To = d.Lines[0].From.Add(-1) }},
		{"an explain record that is none", func(d *invoice.Draft) { d.Lines[0].Explain = "because" }},
		{"a rate without a base", func(d *invoice.Draft) { d.Base = "" }},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := service(d)
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				bad := draft(cus, 100, 200)
				tt.spoil(&bad)
				if _, err := s.IssueSet(context.Background(), []invoice.Draft{draft(cus, 100), bad}); !errors.Is(err, invoice.ErrDraft) {
					t.Errorf("%v", err)
				}
			})
		}
		if n := texts(t, d, "SELECT COUNT(*) FROM invoices")[0]; n != "0" {
			t.Fatalf("%s were issued", n)
		}
	})
}

func TestDraftsAndProFormas(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s, cus := context.Background(), service(d), ids.New[ids.Customer]()
		one := draft(cus, 100)
		one.Issued, one.Due = period.Day{}, period.Day{}
		if _, err := s.SaveDraft(ctx, &one); err != nil {
			t.Fatal(err)
		}
		edited := draft(cus, 300, 400)
		edited.ID = one.ID
		if inv, err := s.SaveDraft(ctx, &edited); err != nil || inv.Number != "" || inv.Status != invoice.Drafted || inv.Total != 840 {
			t.Fatalf("%+v, %v", inv, err)
		}
		if _, err := s.Apply(ctx, one.ID, 100); !errors.Is(err, states.ErrRefused) {
			t.Fatalf("a draft was paid: %v", err)
		}
		offer := draft(cus, 500)
		if inv, err := s.Offer(ctx, &offer); err != nil || inv.Status != invoice.Proforma || inv.Number != "" {
			t.Fatalf("%+v, %v", inv, err)
		}
		if _, err := s.SaveDraft(ctx, &offer); !errors.Is(err, states.ErrRefused) {
			t.Fatalf("a pro-forma was edited: %v", err)
		}
		if events := told(t, d, offer.ID); len(events) > 0 {
			t.Fatalf("told %q", events)
		}
		moved := buyer
		moved.Lines = []string{"Neuer Weg 1", "20095 Hamburg"}
		issuing := invoice.Issuing{ID: offer.ID, Issued: today, Due: today, Seller: seller, Buyer: moved, Base: "EUR", RatePico: 1_000_000_000_000}
		inv, err := s.IssueSaved(ctx, issuing)
		if err != nil || inv.Number != "INV-2027-000001" || inv.Status != invoice.Opened || get(t, s, inv.ID) != inv {
			t.Fatalf("%+v, %v", inv, err)
		}
		if doc, err := s.Document(ctx, inv.ID); err != nil || doc.Buyer.Lines[0] != "Neuer Weg 1" {
			t.Fatalf("%+v, %v", doc.Buyer, err)
		}
		if _, err := s.IssueSaved(ctx, issuing); !errors.Is(err, states.ErrRefused) {
			t.Fatalf("issued twice: %v", err)
		}
		if err := s.Discard(ctx, inv.ID); !errors.Is(err, states.ErrRefused) {
			t.Fatalf("thrown away after issue: %v", err)
		}
		if err := s.Discard(ctx, one.ID); err != nil {
			t.Fatal(err)
		}
		if got := get(t, s, one.ID); got.Status != invoice.Discarded || got.Open() != 0 {
			t.Fatalf("%+v", got)
		}
		sound(t, s)
	})
}

func BenchmarkIssueSet200(b *testing.B) {
	for _, bench := range []struct {
		name  string
		lines []int64
	}{{"one line", []int64{1000}}, {"three lines", []int64{1000, 200, 300}}} {
		b.Run(bench.name, func(b *testing.B) {
			d := dbtest.SQLite(b)
			s, ctx := service(d), context.Background()
			template := make([]invoice.Draft, 200)
			for i := range template {
				template[i] = draft(ids.New[ids.Customer](), bench.lines...)
				template[i].Buyer.Name = fmt.Sprintf("Customer %d", i)
				for j := range template[i].Lines { // as long as a real record
					template[i].Lines[j].Explain = `{"v":1,"rule":"term","sub":"sub_01JD0Y9F6Z8V5M3B1N7K2T4QWX","obligation":"obl_01JD0Y9F6Z8V5M3B1N7K2T4QWX","period":["2027-03-10","2027-04-01"],"no":0,"price":{"version":"prc_01JD0Y9F6Z8V5M3B1N7K2T4QWX","unit":1999,"per":1,"first":false,"override":null},"qty_micro":1000000,"days":[22,31],"mode":"exclusive","round":"half_away","list":[43978,31],"amount":[65967,62],"engine":1}`
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				set := slices.Clone(template)
				for i := range set {
					set[i].Lines = slices.Clone(set[i].Lines)
				}
				if _, err := s.IssueSet(ctx, set); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*200/b.Elapsed().Seconds(), "invoices/s")
		})
	}
}
