package ledger

import (
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
)

// Head is what every posting has.
type Head struct {
	Cause    string // ID of the cause
	Day      period.Day
	Currency string
	RatePico int64 // 0 means today's
	Customer ids.Customer
	Memo     string
}

func (h Head) posting(event string, room int) Posting {
	return Posting{Event: event, Cause: h.Cause, Day: h.Day, Currency: h.Currency, RatePico: h.RatePico, Customer: h.Customer, Memo: h.Memo, Entries: make([]Entry, 0, room)}
}

// Amount of one product or of one tax code, minor units.
type Amount struct {
	Product ids.Product
	Code    string // of a tax
	Minor   int64
}

// Sale is what a document sells, apart by how it counts.
type Sale struct {
	Deferred []Amount // net of lines with a service period, by product
	Revenue  []Amount // net of the other lines, by product
	LateFees int64
	Tax      []Amount // by code
	Rounding int64
}

// Total of the document.
func (s *Sale) Total() int64 {
	total := s.LateFees + s.Rounding
	for _, list := range [...][]Amount{s.Deferred, s.Revenue, s.Tax} {
		for i := range list {
			total += list[i].Minor
		}
	}
	return total
}

// entries writes the sale with a sign: -1 when it is made, 1 when it is taken back.
func (s *Sale) entries(p *Posting, inv string, sign int64) {
	for _, a := range s.Deferred {
		p.add(DeferredRevenue, inv, sign*a.Minor)
		p.product(a)
	}
	for _, a := range s.Revenue {
		p.add(Revenue, "", sign*a.Minor)
		p.product(a)
	}
	p.add(LateFees, "", sign*s.LateFees)
	for _, a := range s.Tax {
		p.add(TaxPayable, a.Code, sign*a.Minor)
	}
	p.add(Rounding, "", sign*s.Rounding)
}

func (p *Posting) product(a Amount) {
	if a.Minor != 0 {
		p.Entries[len(p.Entries)-1].Product = a.Product
	}
}

// Issue books a document that is issued. Cause: the invoice.
func Issue(h Head, inv ids.Invoice, s Sale) Posting {
	p := h.posting("issue", 3+len(s.Deferred)+len(s.Revenue)+len(s.Tax))
	p.add(Receivable, string(inv), s.Total())
	s.entries(&p, string(inv), -1)
	return p
}

// CreditNote takes a sale back: first from what is open on the invoice and from what was given up of it, the rest
// goes to the balance. Deferred of the sale is what was not earned yet. Cause: the credit note.
func CreditNote(h Head, part Part, s Sale) Posting {
	p := h.posting("credit_note", 6+len(s.Deferred)+len(s.Revenue)+len(s.Tax))
	s.entries(&p, string(part.Invoice), 1)
	counted := p.parts([]Part{part})
	p.add(Balance, string(h.Customer), -(s.Total() - counted))
	return p
}

// Part is what a payment does to one invoice.
type Part struct {
	Invoice    ids.Invoice
	Open       int64   // lessens what is open
	WrittenOff int64   // recovers what was given up
	Loss       Account // where it had been written off; "" means BadDebts
}

// Count says what an amount does to an invoice: it pays what is open, then what was written off.
func Count(amount, open, writtenOff int64) (p Part, rest int64) {
	p.Open = min(amount, open)
	p.WrittenOff = min(amount-p.Open, writtenOff)
	return p, amount - p.Open - p.WrittenOff
}

func (p *Posting) parts(parts []Part) (counted int64) {
	for _, x := range parts {
		p.add(Receivable, string(x.Invoice), -x.Open)
	}
	for _, x := range parts {
		loss := x.Loss
		if loss == "" {
			loss = BadDebts
		}
		p.add(loss, "", -x.WrittenOff)
		counted += x.Open + x.WrittenOff
	}
	return counted
}

// PayGateway books money that a gateway collected; what the parts leave over goes to the balance. Cause: the payment.
func PayGateway(h Head, gateway string, received int64, parts []Part) Posting {
	p := h.posting("pay_gateway", 2+2*len(parts))
	p.add(Clearing, gateway, received)
	p.add(Balance, string(h.Customer), -(received - p.parts(parts)))
	return p
}

// PayBank books money that came by bank transfer, cash or cheque, as PayGateway.
func PayBank(h Head, received int64, parts []Part) Posting {
	p := h.posting("pay_bank", 2+2*len(parts))
	p.add(Bank, "", received)
	p.add(Balance, string(h.Customer), -(received - p.parts(parts)))
	return p
}

// PayBalance pays invoices from the customer's balance. Cause: the payment.
func PayBalance(h Head, parts []Part) Posting {
	p := h.posting("pay_balance", 1+2*len(parts))
	var total int64
	for _, x := range parts {
		total += x.Open + x.WrittenOff
	}
	p.add(Balance, string(h.Customer), total)
	p.parts(parts)
	return p
}

// AddFunds books money for the balance alone. Cause: the payment.
func AddFunds(h Head, gateway string, minor int64) Posting {
	p := h.posting("add_funds", 2)
	p.add(Clearing, gateway, minor)
	p.add(Balance, string(h.Customer), -minor)
	return p
}

// two makes a posting of two entries: a debit and a credit of one amount.
func (h Head) two(event string, debit Account, debitOf string, credit Account, creditOf string, minor int64) Posting {
	p := h.posting(event, 2)
	p.add(debit, debitOf, minor)
	p.add(credit, creditOf, -minor)
	return p
}

// Fee books what a gateway kept for a payment. Cause: the payment.
func Fee(h Head, gateway string, minor int64) Posting {
	return h.two("fee", GatewayFees, "", Clearing, gateway, minor)
}

// Payout books what a gateway paid into the bank account.
func Payout(h Head, gateway string, minor int64) Posting {
	return h.two("payout", Bank, "", Clearing, gateway, minor)
}

// RefundRequest reserves a refund from the balance. Cause: the refund.
func RefundRequest(h Head, refund ids.Refund, minor int64) Posting {
	return h.two("refund_request", Balance, string(h.Customer), RefundsPayable, string(refund), minor)
}

// RefundDone books that the gateway sent the money. Cause: the refund.
func RefundDone(h Head, refund ids.Refund, gateway string, minor int64) Posting {
	return h.two("refund_done", RefundsPayable, string(refund), Clearing, gateway, minor)
}

// RefundRefused gives the reserve back to the balance. Cause: the refund.
func RefundRefused(h Head, refund ids.Refund, minor int64) Posting {
	return h.two("refund_refused", RefundsPayable, string(refund), Balance, string(h.Customer), minor)
}

// RefundReturned books that money which had been sent came back to the gateway. Cause: the refund.
func RefundReturned(h Head, refund ids.Refund, gateway string, minor int64) Posting {
	return h.two("refund_returned", Clearing, gateway, RefundsPayable, string(refund), minor)
}

// RefundRecorded books a refund that staff made at the bank. Cause: the refund.
func RefundRecorded(h Head, minor int64) Posting {
	return h.two("refund_recorded", Balance, string(h.Customer), Bank, "", minor)
}

// WriteOff gives up what is open; loss is BadDebts or DisputeLosses. Cause: the invoice.
func WriteOff(h Head, inv ids.Invoice, loss Account, open int64) Posting {
	return h.two("write_off", loss, "", Receivable, string(inv), open)
}

// OpenDispute books that a gateway took disputed money and its fee. Cause: the dispute.
func OpenDispute(h Head, d ids.Dispute, gateway string, minor, fee int64) Posting {
	p := h.posting("dispute_opened", 3)
	p.add(DisputedFunds, string(d), minor)
	p.add(DisputeFees, "", fee)
	p.add(Clearing, gateway, -minor-fee)
	return p
}

// WinDispute books that it came back, with as much of the fee as came back. Cause: the dispute.
func WinDispute(h Head, d ids.Dispute, gateway string, minor, fee int64) Posting {
	p := h.posting("dispute_won", 3)
	p.add(Clearing, gateway, minor+fee)
	p.add(DisputedFunds, string(d), -minor)
	p.add(DisputeFees, "", -fee)
	return p
}

// LoseDispute makes invoices owed again; what had gone to the balance comes from the balance, as far as it
// is there, the rest is a loss. Cause: the dispute.
func LoseDispute(h Head, d ids.Dispute, parts []Part, fromBalance, lost int64) Posting {
	p := h.posting("dispute_lost", 3+len(parts))
	total := fromBalance + lost
	for _, x := range parts {
		p.add(Receivable, string(x.Invoice), x.Open)
		total += x.Open
	}
	p.add(Balance, string(h.Customer), fromBalance)
	p.add(DisputeLosses, "", lost)
	p.add(DisputedFunds, string(d), -total)
	return p
}

// FailPayment books a debit that came back: invoices are owed again, and so is what had gone to the
// balance; gone is what was spent from there, owed by a new invoice. Cause: the payment.
func FailPayment(h Head, gateway string, parts []Part, fromBalance int64) Posting {
	p := h.posting("payment_failed", 2+len(parts))
	total := fromBalance
	for _, x := range parts {
		p.add(Receivable, string(x.Invoice), x.Open)
		total += x.Open
	}
	p.add(Balance, string(h.Customer), fromBalance)
	p.add(Clearing, gateway, -total)
	return p
}

// Earn books revenue that was earned by time, of invoices in one currency and of one product. Cause: day,
// currency and product.
func Earn(h Head, product ids.Product, of []Part) Posting {
	p := h.posting("recognise", 1+len(of))
	var total int64
	for _, x := range of {
		p.add(DeferredRevenue, string(x.Invoice), x.Open)
		p.product(Amount{Product: product, Minor: x.Open})
		total += x.Open
	}
	p.add(Revenue, "", -total)
	p.product(Amount{Product: product, Minor: total})
	return p
}

// Goodwill gives a customer balance for nothing.
func Goodwill(h Head, minor int64) Posting {
	return h.two("goodwill", GoodwillCost, "", Balance, string(h.Customer), minor)
}

// Hold books money whose purpose is not known yet. Cause: the payment.
func Hold(h Head, payment ids.Payment, gateway string, minor int64) Posting {
	return h.two("hold", Clearing, gateway, Unapplied, string(payment), minor)
}

// Release gives held money to a customer's balance. Cause: the payment.
func Release(h Head, payment ids.Payment, minor int64) Posting {
	return h.two("release", Unapplied, string(payment), Balance, string(h.Customer), minor)
}

// SwapOut takes balance of one currency; SwapIn gives it in another. Post both in one transaction.
func SwapOut(h Head, minor int64) Posting {
	return h.two("swap", Balance, string(h.Customer), CurrencySwap, "", minor)
}

// SwapIn is the other half of SwapOut, with a cause of its own.
func SwapIn(h Head, minor int64) Posting {
	return h.two("swap", CurrencySwap, "", Balance, string(h.Customer), minor)
}

// Opening books what an import brings: an open invoice (Receivable), a Balance, or DeferredRevenue.
func Opening(h Head, a Account, of string, minor int64) Posting {
	if a == Receivable {
		return h.two("opening", a, of, OpeningBalances, "", minor)
	}
	return h.two("opening", OpeningBalances, "", a, of, minor)
}
