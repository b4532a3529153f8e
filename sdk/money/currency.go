package money

// fractions are the currencies whose minor unit is not a hundredth. Source: ISO 4217, list one, as published 2026-01-01 by
// SIX (the maintenance agency); funds codes and metals are left out, nobody sells in them.
var fractions = map[string]int{
	"BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0, "RWF": 0, "UGX": 0, "UYI": 0,
	"VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
	"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
	"CLF": 4, "UYW": 4,
}

// Digits is how many decimals a currency has by ISO 4217: 2 for USD and for codes it does not know, 0 for JPY, 3 for KWD.
func Digits(currency string) int {
	if n, ok := fractions[currency]; ok {
		return n
	}
	return 2
}
