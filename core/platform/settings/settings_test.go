package settings

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/sdk/fault"
)

var noon = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

func TestSavedSettingsComeBackAndAreOnTheTrail(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		trail, clk := audit.New(d, clock.At(noon)), clock.At(noon)
		s := New(d, trail, clk)
		first, err := s.Get(t.Context())
		if err != nil || first.Version != 0 || first.Billing.LeadDays != 14 {
			t.Fatalf("%+v, %v", first, err)
		}
		first.Business.Name, first.Business.Zone = "  Nordlicht ", "Europe/Berlin"
		first.Sales.Currencies = append(first.Sales.Currencies, "EUR")
		if err := s.Save(audit.By(t.Context(), audit.Who{Actor: "staff:stf_1"}), first); err != nil {
			t.Fatal(err)
		}
		for _, reader := range []*Service{s, New(d, trail, clk)} {
			got, err := reader.Get(t.Context())
			if err != nil || got.Version != 1 || got.Business.Name != "Nordlicht" || len(got.Sales.Currencies) != 2 || got.Location().String() != "Europe/Berlin" {
				t.Fatalf("%+v, %v", got, err)
			}
		}
		page, err := trail.List(t.Context(), audit.Filter{Action: "settings.save"})
		if err != nil || len(page.Rows) != 1 || page.Rows[0].Who.Actor != "staff:stf_1" || !strings.Contains(page.Rows[0].After, "Nordlicht") || strings.Contains(page.Rows[0].Before, "Nordlicht") {
			t.Fatalf("%+v, %v", page, err)
		}
	})
}

func TestAnotherProcessIsSeenWithinASecond(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		clk := clock.At(noon)
		other := dbtest.Again(t, d)
		a, b := New(d, audit.New(d, clk), clk), New(other, audit.New(other, clk), clk)
		next, err := a.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		next.Business.Name = "Other"
		if err := b.Save(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		clk.Add(time.Second)
		if got, err := a.Get(t.Context()); err != nil || got.Business.Name != "Other" {
			t.Fatalf("%q, %v", got.Business.Name, err)
		}
		// What a caller does to its copy is nobody else's.
		got, _ := a.Get(t.Context())
		got.Sales.Currencies[0] = "XXX"
		if again, _ := a.Get(t.Context()); again.Sales.Currencies[0] != "USD" {
			t.Fatal("the kept settings were changed from outside")
		}
	})
}

func TestOnlyOneOfTwoEditorsWins(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		clk := clock.At(noon)
		s := New(d, audit.New(d, clk), clk)
		for round := range 3 {
			read, err := s.Get(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			results := make([]error, 6)
			for i := range results {
				wg.Go(func() {
					next := read.clone()
					next.Business.Name = fmt.Sprint("Editor ", i)
					results[i] = s.Save(t.Context(), next)
				})
			}
			wg.Wait()
			won := 0
			for _, err := range results {
				switch {
				case err == nil:
					won++
				case !errors.Is(err, ErrChanged):
					t.Error(err)
				}
			}
			if now, err := s.Get(t.Context()); won != 1 || err != nil || now.Version != int64(round+1) {
				t.Fatalf("%d won, version %d, %v", won, now.Version, err)
			}
		}
	})
}

func TestASaveThatIsUndoneIsNotBelieved(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		clk := clock.At(noon)
		s := New(d, audit.New(d, clk), clk)
		undo := errors.New("undo")
		err := d.Tx(t.Context(), func(ctx context.Context) error {
			next := Default()
			next.Business.Name = "Undone"
			if err := s.Save(ctx, next); err != nil {
				return err
			}
			if got, err := s.Get(ctx); err != nil || got.Business.Name != "Undone" {
				t.Errorf("inside: %q, %v", got.Business.Name, err)
			}
			return undo
		})
		if !errors.Is(err, undo) {
			t.Fatal(err)
		}
		if got, err := s.Get(t.Context()); err != nil || got.Business.Name != "Bursar" || got.Version != 0 {
			t.Fatalf("%q, %v", got.Business.Name, err)
		}
	})
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	tests := []struct {
		name, field string
		change      func(*Settings)
	}{
		{"the defaults are fine", "", func(*Settings) {}},
		{"a name is needed", "business.name", func(s *Settings) { s.Business.Name = "  " }},
		{"a zone must exist", "business.zone", func(s *Settings) { s.Business.Zone = "Mars/Olympus" }},
		{"the machine's zone is none", "business.zone", func(s *Settings) { s.Business.Zone = "Local" }},
		{"no zone is none", "business.zone", func(s *Settings) { s.Business.Zone = "" }},
		{"a country has two letters", "business.country", func(s *Settings) { s.Business.Country = "Germany" }},
		{"a sender is one address", "mail.from_address", func(s *Settings) { s.Mail.FromAddress = "a@x.test, b@x.test" }},
		{"a sender's name holds no header", "mail.from_name", func(s *Settings) { s.Mail.FromName = "x\r\nBcc: y@x.test" }},
		{"a website is a web address", "business.website", func(s *Settings) { s.Business.Website = "javascript:alert(1)" }},
		{"lead days have an end", "billing.lead_days", func(s *Settings) { s.Billing.LeadDays = 4000 }},
		{"orders live at least a day", "billing.order_days", func(s *Settings) { s.Billing.OrderDays = 0 }},
		{"a tolerance is not negative", "billing.renew_tolerance_minor", func(s *Settings) { s.Billing.RenewToleranceMinor = -1 }},
		{"the usual currency is sold in", "sales.default_currency", func(s *Settings) { s.Sales.DefaultCurrency = "EUR" }},
		{"no currency twice", "sales.currencies", func(s *Settings) { s.Sales.Currencies = []string{"USD", "USD"} }},
		{"a transfer needs to know where to", "sales.bank_text", func(s *Settings) { s.Sales.BankTransfer = true }},
		{"no gateway twice", "sales.gateways", func(s *Settings) { s.Sales.Gateways = []string{"stripe", "stripe"} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := Default()
			tt.change(&s)
			s.trim()
			err := s.check()
			if tt.field == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if f := fault.Of(err); f == nil || f.Kind != fault.Invalid || f.Field != tt.field || f.Text == "" {
				t.Fatalf("%v", err)
			}
		})
	}
}

func TestTodayIsWhereTheBusinessIs(t *testing.T) {
	s := Default()
	s.Business.Zone = "Pacific/Auckland"
	if got := s.Today(noon); got != period.Date(2027, 3, 2) {
		t.Fatal(got)
	}
}
