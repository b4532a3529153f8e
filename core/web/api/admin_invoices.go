package api

import (
	"context"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/platform/auth"
)

// Payment is money received.
type Payment struct {
	ID       string `json:"id"`
	Customer string `json:"customer,omitempty" doc:"Not there while nobody knows whose it is"`
	Source   string `json:"source" doc:"gateway, bank, balance, manual"`
	Gateway  string `json:"gateway,omitempty"`
	Ref      string `json:"ref,omitempty"`
	Status   string `json:"status" doc:"pending, captured, failed, held"`
	Amount   Amount `json:"amount"`
	Refunded Amount `json:"refunded"`
	On       string `json:"on,omitempty" format:"date"`
	Memo     string `json:"memo,omitempty"`
}

// Recorded is a payment that was written down, and the invoice after it.
type Recorded struct {
	Payment Payment `json:"payment"`
	Invoice Invoice `json:"invoice"`
}

// ManualIn is money that staff has seen.
type ManualIn struct {
	Amount AmountIn `json:"amount" doc:"More than is open goes to the customer's balance"`
	On     string   `json:"on,omitempty" format:"date" doc:"When it came; today if it is left out"`
	Way    string   `json:"way,omitempty" enum:"bank,cash,cheque" default:"bank"`
	Memo   string   `json:"memo,omitempty" maxLength:"190" doc:"Reference on the statement"`
}

// RefundIn asks for money to go back.
type RefundIn struct {
	Amount   AmountIn `json:"amount"`
	Reason   string   `json:"reason" minLength:"1" maxLength:"190"`
	Credit   bool     `json:"credit,omitempty" doc:"Take as much of the invoices back, by a credit note"`
	Recorded bool     `json:"recorded,omitempty" doc:"Staff sent it outside of any gateway"`
}

// Refund is money sent back.
type Refund struct {
	ID      string `json:"id"`
	Payment string `json:"payment"`
	Status  string `json:"status" doc:"requested, sent, unknown, done, refused"`
	Amount  Amount `json:"amount"`
	Reason  string `json:"reason"`
}

// Payments is a page of payments.
type Payments struct {
	Data  []Payment `json:"data" nullable:"false"`
	Next  string    `json:"next,omitempty" doc:"Send it as after; not there on the last page"`
	Total int       `json:"total" doc:"Of all pages"`
}

type staffInvoicesIn struct {
	InvoicesQuery
	Customer string `query:"customer" maxLength:"60"`
}

type manualIn struct {
	ByID
	MustKeyed
	Body ManualIn
}

type refundIn struct {
	ByID
	MustKeyed
	Body RefundIn
}

type paymentsIn struct {
	Paging
	Days
	Customer string   `query:"customer" maxLength:"60"`
	Status   []string `query:"status" enum:"pending,captured,failed,held" maxItems:"4" doc:"Any of these, by commas"`
	Gateway  string   `query:"gateway" maxLength:"30"`
	Query    string   `query:"q" maxLength:"100" doc:"A whole ID or reference, or part of the memo"`
	Sort     string   `query:"sort" enum:"newest,oldest" default:"newest"`
}

func (s *Site) adminInvoices() {
	add(s, operation{id: "admin-list-invoices", method: get, path: "/admin/invoices", scope: auth.InvoiceSee, staff: true, tag: "Staff: money", says: "The invoices"}, s.listAllInvoices)
	add(s, operation{id: "admin-get-invoice", method: get, path: "/admin/invoices/{id}", scope: auth.InvoiceSee, staff: true, tag: "Staff: money", says: "An invoice with its lines"}, s.getAnyInvoice)
	add(s, operation{id: "admin-record-payment", method: post, path: "/admin/invoices/{id}/payments", scope: auth.PaymentRecord, staff: true, status: 201, key: mustKey, tag: "Staff: money", says: "Write down money that came outside of any gateway"}, s.recordPayment)
	add(s, operation{id: "admin-list-payments", method: get, path: "/admin/payments", scope: auth.PaymentSee, staff: true, tag: "Staff: money", says: "The payments"}, s.listPayments)
	add(s, operation{id: "admin-refund-payment", method: post, path: "/admin/payments/{id}/refunds", scope: auth.InvoiceRefund, staff: true, status: 201, key: mustKey, tag: "Staff: money", says: "Send money back",
		more: "Never more than is left of the payment. Without credit the customer's balance pays it."}, s.refund)
}

func (s *Site) listAllInvoices(ctx context.Context, in *staffInvoicesIn) (Invoices, error) {
	f, err := s.filter(ctx, in.InvoicesQuery, nil)
	if err != nil {
		return Invoices{}, err
	}
	if f.Customer, err = optional[ids.Customer](in.Customer, "customer"); err != nil {
		return Invoices{}, err
	}
	return s.invoicePage(ctx, f)
}

func (s *Site) getAnyInvoice(ctx context.Context, in *ByID) (InvoiceFull, error) {
	id, err := parse[ids.Invoice](in.ID, invoice.ErrNotFound)
	if err != nil {
		return InvoiceFull{}, err
	}
	d, err := s.Flow.Invoices.Document(ctx, id)
	if err != nil {
		return InvoiceFull{}, err
	}
	return s.full(ctx, d)
}

func (s *Site) recordPayment(ctx context.Context, in *manualIn) (Recorded, error) {
	id, err := parse[ids.Invoice](in.ID, invoice.ErrNotFound)
	if err != nil {
		return Recorded{}, err
	}
	inv, err := s.Flow.Invoices.Get(ctx, id)
	if err != nil {
		return Recorded{}, err
	}
	on, err := day(in.Body.On, "on")
	if err != nil {
		return Recorded{}, err
	}
	p, err := s.Flow.RecordPayment(ctx, flow.Manual{Customer: inv.Customer, Invoices: []ids.Invoice{id}, Amount: in.Body.Amount.money(), On: on, Way: in.Body.Way, Memo: in.Body.Memo,
		Key: requestKey(ctx, "admin-record-payment", in.Key)})
	if err != nil {
		return Recorded{}, err
	}
	if inv, err = s.Flow.Invoices.Get(ctx, id); err != nil {
		return Recorded{}, err
	}
	out, err := s.invoice(ctx, inv)
	return Recorded{Payment: paymentOf(p), Invoice: out}, err
}

func paymentOf(p payment.Payment) Payment {
	return Payment{ID: string(p.ID), Customer: string(p.Customer), Source: string(p.Source), Gateway: p.Gateway, Ref: p.Ref, Status: string(p.Status), Amount: amount(p.Amount),
		Refunded: minor(p.Refunded, p.Amount.Currency()), On: p.On.String(), Memo: p.Memo}
}

func (s *Site) listPayments(ctx context.Context, in *paymentsIn) (Payments, error) {
	f := payment.Filter{Statuses: texts[payment.Status](in.Status), Gateway: in.Gateway, Query: in.Query, Sort: in.Sort, After: in.After, Limit: in.Limit}
	var err error
	if f.Customer, err = optional[ids.Customer](in.Customer, "customer"); err != nil {
		return Payments{}, err
	}
	if f.From, f.To, err = in.days(); err != nil {
		return Payments{}, err
	}
	page, err := s.Flow.Payments.Payments(ctx, f)
	if err != nil {
		return Payments{}, err
	}
	return Payments{Data: each(page.List, paymentOf), Next: page.Next, Total: page.Total}, nil
}

func (s *Site) refund(ctx context.Context, in *refundIn) (Refund, error) {
	id, err := parse[ids.Payment](in.ID, payment.ErrNotFound)
	if err != nil {
		return Refund{}, err
	}
	r, err := s.Flow.Refund(ctx, flow.RefundIn{Payment: id, Amount: in.Body.Amount.money(), Reason: in.Body.Reason, Key: requestKey(ctx, "admin-refund-payment", in.Key), Recorded: in.Body.Recorded, Credit: in.Body.Credit})
	if err != nil {
		return Refund{}, err
	}
	return Refund{ID: string(r.ID), Payment: string(r.Payment), Status: string(r.Status), Amount: amount(r.Amount), Reason: r.Reason}, nil
}
