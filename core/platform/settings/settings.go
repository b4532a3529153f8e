// Package settings owns what the business decides: who it is, when it bills, what it sells in. Everything is typed,
// checked as a whole before it is saved, and written to the trail. What the machine needs (address, database, keys)
// is configuration and belongs to core/app. Start at Settings, then Service.
package settings

import (
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // billing days must not become UTC's on a machine that has no zone files

	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/sdk/fault"
)

// Settings is everything that is decided, at one version.
type Settings struct {
	Business Business `json:"business"`
	Billing  Billing  `json:"billing"`
	Mail     Mail     `json:"mail"`
	Notices  Notices  `json:"notices"`
	Sales    Sales    `json:"sales"`

	// Version counts the saves; 0 means that nothing was saved yet. Save wants the version that was read.
	Version int64 `json:"-"`

	zone *time.Location // of Business.Zone, once it was looked up
}

// Business is the seller, as printed on invoices.
type Business struct {
	Name         string `json:"name"`
	Line1        string `json:"line1"`
	Line2        string `json:"line2"`
	City         string `json:"city"`
	Region       string `json:"region"`
	Postcode     string `json:"postcode"`
	Country      string `json:"country"` // ISO 3166, two letters
	TaxID        string `json:"tax_id"`
	Registration string `json:"registration"` // such as HRB 12345
	Email        string `json:"email"`
	Phone        string `json:"phone"`
	Website      string `json:"website"`
	Zone         string `json:"zone"`          // IANA, such as Europe/Berlin: billing days are its dates
	BaseCurrency string `json:"base_currency"` // the ledger's and the reports'
}

// Billing says when invoices are made and how long they may wait.
type Billing struct {
	LeadDays            int   `json:"lead_days"`             // a renewal is billed so long before its period
	OrderDays           int   `json:"order_days"`            // an unpaid order is cancelled after so long
	TermsDays           int   `json:"terms_days"`            // days to pay a first invoice
	RenewToleranceMinor int64 `json:"renew_tolerance_minor"` // a renewal that lacks no more than this counts as paid
	CatchUpDays         int   `json:"catch_up_days"`         // a run looks back so far for what was missed
}

// Mail is what mails come from.
type Mail struct {
	FromName    string `json:"from_name"`
	FromAddress string `json:"from_address"`
	ReplyTo     string `json:"reply_to"`
	Instance    string `json:"instance"` // notifier instance that carries mail; "" is the built-in SMTP
}

// Notices is where staff is told.
type Notices struct {
	Instance string `json:"instance"` // notifier instance; "" tells nobody
}

// Sales is what a checkout offers.
type Sales struct {
	Currencies      []string `json:"currencies"`
	DefaultCurrency string   `json:"default_currency"`
	TermsVersion    string   `json:"terms_version"` // which terms a buyer accepts
	Gateways        []string `json:"gateways"`      // labels of instances, in the order offered; empty is all
	BankTransfer    bool     `json:"bank_transfer"`
	BankText        string   `json:"bank_text"` // where to send the money
}

// Default is what holds until somebody decides.
func Default() Settings {
	return Settings{
		Business: Business{Name: "Bursar", Zone: "UTC", BaseCurrency: "USD"},
		Billing:  Billing{LeadDays: 14, OrderDays: 7, CatchUpDays: 35},
		Sales:    Sales{Currencies: []string{"USD"}, DefaultCurrency: "USD", TermsVersion: "1"},
		zone:     time.UTC,
	}
}

// Location is the zone of the business.
func (s Settings) Location() *time.Location {
	if s.zone != nil && s.zone.String() == s.Business.Zone {
		return s.zone
	}
	zone, err := time.LoadLocation(s.Business.Zone)
	if err != nil { // Save lets no such zone in
		return time.UTC
	}
	return zone
}

// Today is the date of an instant where the business is.
func (s Settings) Today(now time.Time) period.Day { return period.On(now, s.Location()) }

// clone copies what is shared by an assignment.
func (s Settings) clone() Settings {
	s.Sales.Currencies, s.Sales.Gateways = slices.Clone(s.Sales.Currencies), slices.Clone(s.Sales.Gateways)
	return s
}

var (
	currencyCode = regexp.MustCompile(`^[A-Z]{3}$`)
	countryCode  = regexp.MustCompile(`^[A-Z]{2}$`)
	instanceName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,29}$`)
)

// invalid names the field that keeps settings from being saved, such as business.zone.
func invalid(field, text string) error {
	return fault.New(fault.Invalid, "settings_invalid", text).On(field)
}

// trim cuts the space around texts.
func (s *Settings) trim() {
	b, m := &s.Business, &s.Mail
	for _, text := range []*string{&b.Name, &b.Line1, &b.Line2, &b.City, &b.Region, &b.Postcode, &b.Country, &b.TaxID, &b.Registration, &b.Email, &b.Phone,
		&b.Website, &b.Zone, &b.BaseCurrency, &m.FromName, &m.FromAddress, &m.ReplyTo, &m.Instance, &s.Notices.Instance,
		&s.Sales.DefaultCurrency, &s.Sales.TermsVersion, &s.Sales.BankText} {
		*text = strings.TrimSpace(*text)
	}
}

// check is the rule for the whole. It answers the first thing that is wrong.
func (s Settings) check() error {
	for _, rule := range []func() error{s.checkTexts, s.checkBusiness, s.checkNumbers, s.checkMail, s.checkSales} {
		if err := rule(); err != nil {
			return err
		}
	}
	return nil
}

func (s Settings) checkTexts() error {
	b := s.Business
	for _, t := range []struct {
		field, text string
		limit       int
	}{
		{"business.name", b.Name, 120}, {"business.line1", b.Line1, 120}, {"business.line2", b.Line2, 120}, {"business.city", b.City, 80},
		{"business.region", b.Region, 10}, {"business.postcode", b.Postcode, 20}, {"business.tax_id", b.TaxID, 30}, {"business.registration", b.Registration, 120},
		{"business.email", b.Email, 190}, {"business.phone", b.Phone, 30}, {"business.website", b.Website, 190}, {"mail.from_name", s.Mail.FromName, 120},
		{"mail.from_address", s.Mail.FromAddress, 190}, {"mail.reply_to", s.Mail.ReplyTo, 190}, {"sales.terms_version", s.Sales.TermsVersion, 30},
	} {
		if len([]rune(t.text)) > t.limit {
			return invalid(t.field, "This is too long.")
		}
		if strings.ContainsFunc(t.text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return invalid(t.field, "This must be one line.")
		}
	}
	if len(s.Sales.BankText) > 4000 {
		return invalid("sales.bank_text", "This is too long.")
	}
	return nil
}

func (s Settings) checkBusiness() error {
	b := s.Business
	switch {
	case b.Name == "":
		return invalid("business.name", "Write the name as it is printed on invoices.")
	case b.Country != "" && !countryCode.MatchString(b.Country):
		return invalid("business.country", "Write the country's two letters, such as DE.")
	case !currencyCode.MatchString(b.BaseCurrency):
		return invalid("business.base_currency", "Write the currency's three letters, such as EUR.")
	case b.Email != "" && !isAddress(b.Email):
		return invalid("business.email", "This is no mail address.")
	}
	if _, err := time.LoadLocation(b.Zone); err != nil || b.Zone == "" || b.Zone == "Local" {
		return invalid("business.zone", "Choose a time zone such as Europe/Berlin.")
	}
	if b.Website != "" {
		if u, err := url.Parse(b.Website); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			return invalid("business.website", "Write the whole address, beginning with https://.")
		}
	}
	return nil
}

func (s Settings) checkNumbers() error {
	b := s.Billing
	for _, n := range []struct {
		field             string
		value, least, max int
	}{
		{"billing.lead_days", b.LeadDays, 0, 90}, {"billing.order_days", b.OrderDays, 1, 90},
		{"billing.terms_days", b.TermsDays, 0, 90}, {"billing.catch_up_days", b.CatchUpDays, 1, 400},
	} {
		if n.value < n.least || n.value > n.max {
			return invalid(n.field, "This number of days is out of range.")
		}
	}
	if b.RenewToleranceMinor < 0 || b.RenewToleranceMinor > 10_000 {
		return invalid("billing.renew_tolerance_minor", "This amount is out of range.")
	}
	return nil
}

func (s Settings) checkMail() error {
	m := s.Mail
	switch {
	case m.FromAddress != "" && !isAddress(m.FromAddress):
		return invalid("mail.from_address", "This is no mail address.")
	case m.ReplyTo != "" && !isAddress(m.ReplyTo):
		return invalid("mail.reply_to", "This is no mail address.")
	case m.Instance != "" && !instanceName.MatchString(m.Instance):
		return invalid("mail.instance", "There is no such notifier.")
	case s.Notices.Instance != "" && !instanceName.MatchString(s.Notices.Instance):
		return invalid("notices.instance", "There is no such notifier.")
	}
	return nil
}

func (s Settings) checkSales() error {
	seen := map[string]bool{}
	for _, c := range s.Sales.Currencies {
		if !currencyCode.MatchString(c) || seen[c] {
			return invalid("sales.currencies", "Write each currency once, with its three letters.")
		}
		seen[c] = true
	}
	if !seen[s.Sales.DefaultCurrency] {
		return invalid("sales.default_currency", "The usual currency must be one of those you sell in.")
	}
	for i, g := range s.Sales.Gateways {
		if !instanceName.MatchString(g) || slices.Contains(s.Sales.Gateways[:i], g) {
			return invalid("sales.gateways", "Name each gateway once.")
		}
	}
	if s.Sales.BankTransfer && s.Sales.BankText == "" {
		return invalid("sales.bank_text", "Say where a transfer is to be sent.")
	}
	return nil
}

// isAddress says whether a text is one bare mail address.
func isAddress(text string) bool {
	a, err := mail.ParseAddress(text)
	return err == nil && a.Address == text
}
