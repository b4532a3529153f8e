package customer

import (
	"slices"
	"strings"
	"testing"

	"github.com/ezscale/bursar/core/base/states"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
)

func anna() Newcomer {
	return Newcomer{
		First: "Anna", Last: "Żuk", Email: "anna@example.com", Currency: "EUR",
		Address: sdk.Address{Line1: "Ulica 1", City: "Warszawa", Postcode: "00-001", Country: "PL"},
	}
}

func made(n Newcomer) Customer {
	c := Customer{Kind: n.Kind, First: n.First, Last: n.Last, Company: n.Company, Email: n.Email, Phone: n.Phone, Address: n.Address,
		TaxID: n.TaxID, Currency: n.Currency, Locale: n.Locale}
	c.tidy()
	return c
}

func TestWhatIsRefused(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Newcomer)
		field  string // "" is accepted
	}{
		{"a whole person", func(*Newcomer) {}, ""},
		{"no first name", func(n *Newcomer) { n.First = " " }, "first"},
		{"no last name", func(n *Newcomer) { n.Last = "" }, "last"},
		{"a company needs no person", func(n *Newcomer) { n.First, n.Last, n.Company = "", "", "ACME" }, ""},
		{"a company without its name", func(n *Newcomer) { n.Kind = Company }, "company"},
		{"another kind", func(n *Newcomer) { n.Kind = "club" }, "kind"},
		{"a name of 80 letters of two bytes", func(n *Newcomer) { n.Last = strings.Repeat("ż", 80) }, ""},
		{"a name of 81 letters", func(n *Newcomer) { n.Last = strings.Repeat("ż", 81) }, "last"},
		{"a name with a line break inside is one line", func(n *Newcomer) { n.First = "An\nna" }, ""},
		{"a name with a control sign", func(n *Newcomer) { n.First = "An\x00na" }, "first"},
		{"a name that turns the text around", func(n *Newcomer) { n.First = "An\u202ena" }, "first"},
		{"broken UTF-8", func(n *Newcomer) { n.Address.City = "a\xff" }, "city"},
		{"no mail address", func(n *Newcomer) { n.Email = "" }, "email"},
		{"two mail addresses", func(n *Newcomer) { n.Email = "a@example.com,b@example.com" }, "email"},
		{"a name before the mail address", func(n *Newcomer) { n.Email = "Anna <a@example.com>" }, "email"},
		{"a header in the mail address", func(n *Newcomer) { n.Email = "a@example.com\r\nBcc: b@example.com" }, "email"},
		{"a mail address without a dot", func(n *Newcomer) { n.Email = "a@localhost" }, "email"},
		{"a mail address at a number", func(n *Newcomer) { n.Email = "a@[192.0.2.1]" }, "email"},
		{"a mail address with letters of the world", func(n *Newcomer) { n.Email = "anna@żuk.example" }, ""},
		{"a mail address with two dots", func(n *Newcomer) { n.Email = "a@example..com" }, "email"},
		{"a phone number without its country", func(n *Newcomer) { n.Phone = "030 1234567" }, "phone"},
		{"a phone number with 00", func(n *Newcomer) { n.Phone = "0049 (30) 123-4567" }, ""},
		{"no country", func(n *Newcomer) { n.Address.Country = "" }, "country"},
		{"a country by its old code", func(n *Newcomer) { n.Address.Country = "UK" }, "country"},
		{"a country in small letters", func(n *Newcomer) { n.Address.Country = "pl" }, ""},
		{"no street", func(n *Newcomer) { n.Address.Line1 = "" }, "line1"},
		{"no city", func(n *Newcomer) { n.Address.City = "" }, "city"},
		{"no postcode", func(n *Newcomer) { n.Address.Postcode = "" }, "postcode"},
		{"no postcode where there are none", func(n *Newcomer) { n.Address.Postcode, n.Address.Country = "", "HK" }, ""},
		{"no state", func(n *Newcomer) { n.Address.Country = "US" }, "region"},
		{"a state by its name", func(n *Newcomer) { n.Address.Country, n.Address.Region = "US", "new  york" }, ""},
		{"a state of another country", func(n *Newcomer) { n.Address.Country, n.Address.Region = "CA", "TX" }, "region"},
		{"a tax number with spaces", func(n *Newcomer) { n.TaxID = "pl 123-456-78-90" }, ""},
		{"a tax number that is none", func(n *Newcomer) { n.TaxID = "none!" }, "tax_id"},
		{"no currency", func(n *Newcomer) { n.Currency = "" }, "currency"},
		{"a language that is none", func(n *Newcomer) { n.Locale = "../de" }, "locale"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := anna()
			tt.change(&n)
			c := made(n)
			err := c.check()
			switch f := fault.Of(err); {
			case tt.field == "" && err != nil:
				t.Fatal(err)
			case tt.field != "" && (f == nil || f.Kind != fault.Invalid || f.Field != tt.field || f.Text == ""):
				t.Fatalf("want a refusal of %s, got %v", tt.field, err)
			}
		})
	}
}

func TestOneFormOfEverything(t *testing.T) {
	n := anna()
	n.Company, n.Email, n.Phone, n.TaxID, n.Currency = "  ACME \t GmbH ", " Anna@Example.COM ", "00 48 (22) 123-45 67", "pl 123-456.78 90", "eur"
	n.Address.Country, n.Address.Region = "ca", "québec"
	if c := made(n); c.Address.Region != "QUÉBEC" {
		t.Error(c.Address.Region)
	}
	n.Address.Region = "quebec"
	c := made(n)
	if c.Kind != Company || c.Company != "ACME GmbH" || c.Email != "anna@example.com" || c.Phone != "+48221234567" || c.TaxID != "PL1234567890" ||
		c.Currency != "EUR" || c.Address.Country != "CA" || c.Address.Region != "QC" || c.Locale != "en" {
		t.Errorf("%+v", c)
	}
	again := c
	if again.tidy(); again != c {
		t.Errorf("tidied twice: %+v", again)
	}
	if c.Name() != "ACME GmbH" || c.SDK().Name() != "ACME GmbH" {
		t.Error(c.Name())
	}
}

func TestFold(t *testing.T) {
	for text, want := range map[string]string{
		"Zoë  ŻUK": "zoe zuk", "Straße": "strasse", "Łódź": "lodz", "Øre": "ore", "東京": "東京", "ﬁne": "fine", "İstanbul": "istanbul",
	} {
		if got := fold(text); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	c := Customer{Company: strings.Repeat("ж", 120), Email: strings.Repeat("a", 190), First: strings.Repeat("b", 80), Last: strings.Repeat("c", 80)}
	if n := len([]rune(c.searchText())); n > 500 {
		t.Errorf("%d characters", n)
	}
}

func TestCountries(t *testing.T) {
	list := Countries()
	seen := map[string]bool{}
	for _, c := range list {
		if len(c.Code) != 2 || strings.ToUpper(c.Code) != c.Code || c.Name == "" || seen[c.Code] || seen[c.Name] {
			t.Errorf("%+v", c)
		}
		seen[c.Code], seen[c.Name] = true, true
	}
	if len(list) != 250 || CountryName("DE") != "Germany" || IsCountry("UK") || IsCountry("") {
		t.Errorf("%d countries", len(list))
	}
	list[0].Name = "changed"
	if Countries()[0].Name == "changed" {
		t.Error("the list is shared")
	}
	if len(Regions("CA")) != 13 || len(Regions("US")) != 54 || len(Regions("DE")) != 0 {
		t.Error("regions")
	}
	for code := range strings.FieldsSeq(withoutPostcode) {
		if !IsCountry(code) {
			t.Errorf("%s is no country", code)
		}
	}
}

func TestLife(t *testing.T) {
	if err := life.Check(Active); err != nil {
		t.Fatal(err)
	}
	var got []string
	life.Walk(func(s Status, a Action, next Status, ok bool) {
		if ok {
			got = append(got, string(s)+" "+string(a)+" "+string(next))
		}
	})
	if want := []string{"active close closed", "closed reopen active"}; !slices.Equal(got, want) {
		t.Fatal(got)
	}
	if _, err := life.Next(Active, Reopen); !states.ErrRefused.Is(fault.Of(err)) {
		t.Fatal(err)
	}
}
