package customer

import (
	"fmt"
	"net/mail"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/ezscale/bursar/sdk/fault"
)

// The lengths that columns have, in characters.
const (
	nameMax, companyMax, emailMax, lineMax, cityMax, postcodeMax, regionMax, taxMax = 80, 120, 190, 120, 80, 20, 10, 30
	notesMax                                                                        = 20_000
	termsMax                                                                        = 365
)

// invalid is a refusal that names the field: first, last, company, email, phone, line1, line2, city, region,
// postcode, country, tax_id, currency, locale, kind, terms_days, notes.
func invalid(field, code, text string, args ...any) error {
	return fault.New(fault.Invalid, code, fmt.Sprintf(text, args...)).On(field)
}

var (
	currencyForm = regexp.MustCompile(`^[A-Z]{3}$`)
	localeForm   = regexp.MustCompile(`^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$`)
	phoneForm    = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	taxForm      = regexp.MustCompile(`^[A-Z0-9]{4,30}$`)
	labelForm    = regexp.MustCompile(`^[\pL\pN]([\pL\pN\pM-]{0,61}[\pL\pN\pM])?$`)
)

// tidy writes everything in its one form: no needless spaces, folded codes. Check comes after it.
func (c *Customer) tidy() {
	for _, text := range []*string{&c.First, &c.Last, &c.Company, &c.Address.Line1, &c.Address.Line2, &c.Address.City, &c.Address.Postcode} {
		*text = strings.Join(strings.Fields(norm.NFC.String(*text)), " ")
	}
	c.Notes = strings.TrimSpace(c.Notes)
	c.Email = FoldEmail(c.Email)
	c.Phone = strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "", "/", "").Replace(strings.TrimSpace(c.Phone))
	if rest, ok := strings.CutPrefix(c.Phone, "00"); ok {
		c.Phone = "+" + rest
	}
	c.TaxID = strings.ToUpper(strings.NewReplacer(" ", "", "-", "", ".", "", "/", "").Replace(strings.TrimSpace(c.TaxID)))
	c.Address.Country = strings.ToUpper(strings.TrimSpace(c.Address.Country))
	c.Address.Region, _ = regionCode(c.Address.Country, strings.Join(strings.Fields(c.Address.Region), " "))
	c.Currency = strings.ToUpper(strings.TrimSpace(c.Currency))
	c.Locale = strings.TrimSpace(c.Locale)
	if c.Locale == "" {
		c.Locale = "en"
	}
	if c.Kind == "" {
		c.Kind = Person
		if c.Company != "" {
			c.Kind = Company
		}
	}
	if c.TaxID == "" {
		c.TaxIDChecked = false
	}
}

// check refuses the first thing that is wrong, in the order in which a form asks.
func (c *Customer) check() error {
	if c.Kind != Person && c.Kind != Company {
		return invalid("kind", "kind_unknown", "Choose person or company.")
	}
	if c.Kind == Company && c.Company == "" {
		return invalid("company", "needed", "Enter the company's name.")
	}
	if c.First == "" && c.Kind == Person {
		return invalid("first", "needed", "Enter a first name.")
	}
	if c.Last == "" && c.Kind == Person {
		return invalid("last", "needed", "Enter a last name.")
	}
	for _, f := range []struct {
		field, label, text string
		most               int
	}{
		{"first", "First name", c.First, nameMax},
		{"last", "Last name", c.Last, nameMax},
		{"company", "Company", c.Company, companyMax},
		{"email", "Mail address", c.Email, emailMax},
		{"line1", "Street", c.Address.Line1, lineMax},
		{"line2", "Street, second line", c.Address.Line2, lineMax},
		{"city", "City", c.Address.City, cityMax},
		{"region", "Region", c.Address.Region, regionMax},
		{"postcode", "Postcode", c.Address.Postcode, postcodeMax},
		{"notes", "Notes", c.Notes, notesMax},
	} {
		if utf8.RuneCountInString(f.text) > f.most {
			return invalid(f.field, "too_long", "%s: at most %d characters.", f.label, f.most)
		}
		if !isText(f.text, f.field == "notes") {
			return invalid(f.field, "not_text", "%s: this has characters that cannot be used.", f.label)
		}
	}
	if !IsEmail(c.Email) {
		return invalid("email", "email_invalid", "Enter a mail address, such as name@example.com.")
	}
	if c.Phone != "" && !phoneForm.MatchString(c.Phone) {
		return invalid("phone", "phone_invalid", "Enter the phone number with its country code, such as +49 30 1234567.")
	}
	if err := c.checkAddress(); err != nil {
		return err
	}
	if c.TaxID != "" && !taxForm.MatchString(c.TaxID) {
		return invalid("tax_id", "tax_id_invalid", "A tax number has 4 to %d letters and digits.", taxMax)
	}
	if !currencyForm.MatchString(c.Currency) {
		return invalid("currency", "currency_invalid", "Choose a currency.")
	}
	if len(c.Locale) > 12 || !localeForm.MatchString(c.Locale) {
		return invalid("locale", "locale_invalid", "Choose a language.")
	}
	if c.TermsDays < 0 || c.TermsDays > termsMax {
		return invalid("terms_days", "terms_invalid", "Days to pay: 0 to %d.", termsMax)
	}
	return nil
}

func (c *Customer) checkAddress() error {
	a := c.Address
	if !IsCountry(a.Country) {
		return invalid("country", "country_unknown", "Choose a country.")
	}
	if a.Line1 == "" {
		return invalid("line1", "needed", "Enter the street and number.")
	}
	if a.City == "" {
		return invalid("city", "needed", "Enter the city.")
	}
	if _, ok := regionCode(a.Country, a.Region); !ok {
		return invalid("region", "region_unknown", "Choose the state or province.")
	}
	if a.Postcode == "" && needsPostcode(a.Country) {
		return invalid("postcode", "needed", "Enter the postcode.")
	}
	return nil
}

// FoldEmail is the form in which mail addresses are stored and compared.
func FoldEmail(text string) string { return strings.ToLower(norm.NFC.String(strings.TrimSpace(text))) }

// IsEmail says whether a text is a mail address alone, with a domain that has a dot. Whether somebody reads it
// only a mail can tell.
func IsEmail(text string) bool {
	if len(text) > 254 || strings.ContainsFunc(text, unicode.IsSpace) || !isText(text, false) {
		return false
	}
	a, err := mail.ParseAddress(text)
	if err != nil || a.Address != text {
		return false
	}
	at := strings.LastIndexByte(text, '@')
	if at < 1 || at > 64 || strings.ContainsAny(text[:at], `"<>,;:\()[]`) {
		return false
	}
	labels := strings.Split(text[at+1:], ".")
	for _, label := range labels {
		if !labelForm.MatchString(label) {
			return false
		}
	}
	return len(labels) > 1 && utf8.RuneCountInString(labels[len(labels)-1]) > 1
}

// isText refuses what no keyboard makes: control signs, broken UTF-8, marks that turn the direction of text.
func isText(text string, lines bool) bool {
	if !utf8.ValidString(text) {
		return false
	}
	for _, r := range text {
		switch {
		case lines && (r == '\n' || r == '\r' || r == '\t'):
		case unicode.IsControl(r), r == utf8.RuneError, r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
			return false
		}
	}
	return true
}

// plain are letters that no decomposition leads to a plain one.
var plain = strings.NewReplacer("ß", "ss", "ł", "l", "ø", "o", "đ", "d", "æ", "ae", "œ", "oe", "þ", "th", "ı", "i")

// fold is text for searching: lower case, accents gone, single spaces.
func fold(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFKD.String(text))
	return strings.Join(strings.Fields(plain.Replace(strings.ToLower(text))), " ")
}

func cutRunes(text string, most int) string {
	n := 0
	for i := range text {
		if n++; n > most {
			return strings.TrimSpace(text[:i])
		}
	}
	return text
}
