package customer

import (
	_ "embed" // the two lists
	"strings"
	"sync"
)

// Country is a country or territory with an ISO 3166-1 code.
type Country struct{ Code, Name string }

// Region is a state or province that addresses of its country must name, with its ISO 3166-2 code.
type Region struct{ Code, Name string }

// The codes are those of ISO 3166, and XK, which it leaves to users; the United States' military regions are
// those of its postal service. Names are the usual English ones.
var (
	//go:embed countries.txt
	countriesText string
	//go:embed regions.txt
	regionsText string
)

// withoutPostcode are the countries where an address may have none. Source: Universal Postal Union, "Addressing
// solutions", read 2026-11-25; Ireland has them but nobody must use them.
const withoutPostcode = "AE AG AO AW BF BI BJ BO BS BW BZ CD CF CG CI CK CM CW DJ DM ER FJ GA GD GH GM GQ GY HK IE JM KI KM KN KP LC LY ML MO MR " +
	"NR NU PA QA RW SB SC SL SO SR ST SX SY TD TG TK TL TO TT TV UG VU YE ZW"

type places struct {
	countries []Country
	names     map[string]string   // of countries
	regions   map[string][]Region // by country
}

var atlas = sync.OnceValue(func() places {
	p := places{names: map[string]string{}, regions: map[string][]Region{}}
	for line := range strings.Lines(countriesText) {
		code, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		p.countries = append(p.countries, Country{Code: code, Name: name})
		p.names[code] = name
	}
	for line := range strings.Lines(regionsText) {
		country, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		code, name, _ := strings.Cut(rest, " ")
		p.regions[country] = append(p.regions[country], Region{Code: code, Name: name})
	}
	return p
})

// Countries lists every country by name. The list is the caller's.
func Countries() []Country { return append([]Country(nil), atlas().countries...) }

// CountryName is the English name of a country, "" for a code that is none.
func CountryName(code string) string { return atlas().names[code] }

// IsCountry says whether a code is a country's.
func IsCountry(code string) bool { return CountryName(code) != "" }

// Regions lists the regions of a country whose addresses must name one; most have none. The list is the caller's.
func Regions(country string) []Region { return append([]Region(nil), atlas().regions[country]...) }

// regionCode finds a region by code or name in any case. Where regions are not listed, text is taken as a code.
func regionCode(country, text string) (code string, ok bool) {
	list := atlas().regions[country]
	for _, r := range list {
		if strings.EqualFold(r.Code, text) || strings.EqualFold(r.Name, text) {
			return r.Code, true
		}
	}
	return strings.ToUpper(text), len(list) == 0
}

func needsPostcode(country string) bool { return !strings.Contains(withoutPostcode, country) }
