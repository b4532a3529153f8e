package tax

import (
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/internal/wire"
	"github.com/ezscale/bursar/sdk/money"
	taxv1 "github.com/ezscale/bursar/sdk/proto/bursar/tax/v1"
)

func saleOut(s Sale) *taxv1.Sale {
	out := &taxv1.Sale{
		Customer: sdk.CustomerOut(s.Customer), From: sdk.AddressOut(s.From), To: sdk.AddressOut(s.To), TaxId: s.TaxID, Exempt: s.Exempt, Day: s.Day,
		Included: s.Included,
	}
	for _, l := range s.Lines {
		out.Lines = append(out.Lines, &taxv1.Line{
			Number: int64(l.Number), Code: l.Code, Text: l.Text, Quantity: l.Quantity, Amount: wire.MoneyOut(l.Amount), Tax: wire.MoneyOut(l.Tax),
		})
	}
	return out
}

func saleIn(s *taxv1.Sale) Sale {
	out := Sale{
		Customer: sdk.CustomerIn(s.GetCustomer()), From: sdk.AddressIn(s.GetFrom()), To: sdk.AddressIn(s.GetTo()), TaxID: s.GetTaxId(), Exempt: s.GetExempt(),
		Day: s.GetDay(), Included: s.GetIncluded(),
	}
	for _, l := range s.GetLines() {
		out.Lines = append(out.Lines, Line{
			Number: int(l.GetNumber()), Code: l.GetCode(), Text: l.GetText(), Quantity: l.GetQuantity(), Amount: wire.MoneyIn(l.GetAmount()), Tax: wire.MoneyIn(l.GetTax()),
		})
	}
	return out
}

func documentOut(d Document) *taxv1.Document {
	return &taxv1.Document{Sale: saleOut(d.Sale), Number: d.Number, Original: d.Original}
}

func documentIn(d *taxv1.Document) Document {
	return Document{Sale: saleIn(d.GetSale()), Number: d.GetNumber(), Original: d.GetOriginal()}
}

func quoteOut(q Quote, keep *wire.Keep) *taxv1.QuoteAnswer {
	out := &taxv1.QuoteAnswer{Tax: wire.MoneyOut(q.Tax), Note: q.Note, Kept: keep.Out()}
	for _, l := range q.Lines {
		line := &taxv1.LineTax{Number: int64(l.Number), Tax: wire.MoneyOut(l.Tax)}
		for _, p := range l.Parts {
			line.Parts = append(line.Parts, &taxv1.Part{Name: p.Name, Country: p.Country, Region: p.Region, RatePpm: p.Rate.PPM(), Tax: wire.MoneyOut(p.Tax)})
		}
		out.Lines = append(out.Lines, line)
	}
	return out
}

func quoteIn(a *taxv1.QuoteAnswer) Quote {
	out := Quote{Tax: wire.MoneyIn(a.GetTax()), Note: a.GetNote()}
	for _, l := range a.GetLines() {
		line := LineTax{Number: int(l.GetNumber()), Tax: wire.MoneyIn(l.GetTax())}
		for _, p := range l.GetParts() {
			line.Parts = append(line.Parts, Part{
				Name: p.GetName(), Country: p.GetCountry(), Region: p.GetRegion(), Rate: money.PPM(p.GetRatePpm()), Tax: wire.MoneyIn(p.GetTax()),
			})
		}
		out.Lines = append(out.Lines, line)
	}
	return out
}

func proofOut(p Proof) *taxv1.CheckIDAnswer {
	return &taxv1.CheckIDAnswer{Valid: p.Valid, Reference: p.Reference, Name: p.Name, Address: p.Address, AtMicros: wire.Micros(p.At)}
}

func proofIn(a *taxv1.CheckIDAnswer) Proof {
	return Proof{Valid: a.GetValid(), Reference: a.GetReference(), Name: a.GetName(), Address: a.GetAddress(), At: wire.Time(a.GetAtMicros())}
}
