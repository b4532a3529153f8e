package gateway

import (
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/internal/wire"
	gatewayv1 "github.com/ezscale/bursar/sdk/proto/bursar/gateway/v1"
	pluginv1 "github.com/ezscale/bursar/sdk/proto/bursar/plugin/v1"
)

func attemptOut(a Attempt) *gatewayv1.Attempt {
	return &gatewayv1.Attempt{Customer: sdk.CustomerOut(a.Customer), Amount: wire.MoneyOut(a.Amount), Off: a.Off, Notes: a.Notes}
}

func attemptIn(call *pluginv1.Call, a *gatewayv1.Attempt) Attempt {
	return Attempt{
		Op: sdk.OpIn(call), Customer: sdk.CustomerIn(a.GetCustomer()), Amount: wire.MoneyIn(a.GetAmount()), Off: a.GetOff(),
		Notes: wire.NotesIn[sdk.Notes](a.GetNotes()),
	}
}

func visitOut(v Visit, head *pluginv1.Call) *gatewayv1.BeginRequest {
	return &gatewayv1.BeginRequest{
		Call: head, Attempt: attemptOut(v.Attempt), Save: v.Save, Description: v.Description, Return: v.Return, UntilMicros: wire.Micros(v.Until),
	}
}

func visitIn(r *gatewayv1.BeginRequest) Visit {
	return Visit{
		Attempt: attemptIn(r.GetCall(), r.GetAttempt()), Save: r.GetSave(), Description: r.GetDescription(), Return: r.GetReturn(),
		Until: wire.Time(r.GetUntilMicros()),
	}
}

func chargeOut(c Charge, head *pluginv1.Call) *gatewayv1.ChargeRequest {
	return &gatewayv1.ChargeRequest{Call: head, Attempt: attemptOut(c.Attempt), Method: methodOut(&c.Method), Description: c.Description}
}

func chargeIn(r *gatewayv1.ChargeRequest) Charge {
	return Charge{Attempt: attemptIn(r.GetCall(), r.GetAttempt()), Method: *methodIn(orEmpty(r.GetMethod())), Description: r.GetDescription()}
}

func outcomeOut(o Outcome) *gatewayv1.Outcome {
	out := &gatewayv1.Outcome{
		Status: string(o.Status), Url: o.URL, Reference: o.Reference, Echo: o.Echo, ExpiresMicros: wire.Micros(o.Expires), AfterMillis: wire.Millis(o.After),
		Paid: wire.MoneyOut(o.Paid), Fee: wire.MoneyOut(o.Fee), Method: methodOut(o.Method),
	}
	if d := o.Decline; d != nil {
		out.Decline = &gatewayv1.Decline{Class: string(d.Class), Code: d.Code, Text: d.Text}
	}
	return out
}

func outcomeIn(o *gatewayv1.Outcome) Outcome {
	out := Outcome{
		Status: Status(o.GetStatus()), URL: o.GetUrl(), Reference: o.GetReference(), Echo: o.GetEcho(), Expires: wire.Time(o.GetExpiresMicros()),
		After: wire.Duration(o.GetAfterMillis()), Paid: wire.MoneyIn(o.GetPaid()), Fee: wire.MoneyIn(o.GetFee()), Method: methodIn(o.GetMethod()),
	}
	if d := o.GetDecline(); d != nil {
		out.Decline = &Decline{Class: Class(d.GetClass()), Code: d.GetCode(), Text: d.GetText()}
	}
	return out
}

// methodOut is nil for nil.
func methodOut(m *Method) *gatewayv1.Method {
	if m == nil {
		return nil
	}
	return &gatewayv1.Method{
		Id: m.ID, Kind: m.Kind, Brand: m.Brand, Last4: m.Last4, Label: m.Label, ExpYear: int32(m.ExpYear), ExpMonth: int32(m.ExpMonth),
		Customer: sdk.CustomerOut(m.Customer), Notes: m.Notes,
	}
}

// methodIn is nil for nil. Its notes never are.
func methodIn(m *gatewayv1.Method) *Method {
	if m == nil {
		return nil
	}
	return &Method{
		ID: m.GetId(), Kind: m.GetKind(), Brand: m.GetBrand(), Last4: m.GetLast4(), Label: m.GetLabel(), ExpYear: int(m.GetExpYear()), ExpMonth: int(m.GetExpMonth()),
		Customer: sdk.CustomerIn(m.GetCustomer()), Notes: wire.NotesIn[sdk.Notes](m.GetNotes()),
	}
}

// orEmpty is for requests and answers that always have a method.
func orEmpty(m *gatewayv1.Method) *gatewayv1.Method {
	if m == nil {
		return new(gatewayv1.Method)
	}
	return m
}

func refundOut(r Refund, head *pluginv1.Call) *gatewayv1.RefundRequest {
	return &gatewayv1.RefundRequest{Call: head, Reference: r.Reference, Reason: r.Reason, Amount: wire.MoneyOut(r.Amount), Notes: r.Notes}
}

func refundIn(r *gatewayv1.RefundRequest) Refund {
	return Refund{
		Op: sdk.OpIn(r.GetCall()), Reference: r.GetReference(), Reason: r.GetReason(), Amount: wire.MoneyIn(r.GetAmount()),
		Notes: wire.NotesIn[sdk.Notes](r.GetNotes()),
	}
}

func refundedOut(r Refunded) *gatewayv1.Refunded {
	return &gatewayv1.Refunded{
		Status: string(r.Status), Amount: wire.MoneyOut(r.Amount), Reference: r.Reference, Payment: r.Payment, Echo: r.Echo, Text: r.Text,
	}
}

func refundedIn(r *gatewayv1.Refunded) Refunded {
	return Refunded{
		Status: Status(r.GetStatus()), Amount: wire.MoneyIn(r.GetAmount()), Reference: r.GetReference(), Payment: r.GetPayment(), Echo: r.GetEcho(), Text: r.GetText(),
	}
}

func disputeOut(d Dispute) *gatewayv1.Dispute {
	return &gatewayv1.Dispute{
		Id: d.ID, Payment: d.Payment, Status: d.Status, Reason: d.Reason, Url: d.URL, Taken: d.Taken,
		Amount: wire.MoneyOut(d.Amount), Fee: wire.MoneyOut(d.Fee), AnswerByMicros: wire.Micros(d.AnswerBy),
	}
}

func disputeIn(d *gatewayv1.Dispute) Dispute {
	return Dispute{
		ID: d.GetId(), Payment: d.GetPayment(), Status: d.GetStatus(), Reason: d.GetReason(), URL: d.GetUrl(), Taken: d.GetTaken(),
		Amount: wire.MoneyIn(d.GetAmount()), Fee: wire.MoneyIn(d.GetFee()), AnswerBy: wire.Time(d.GetAnswerByMicros()),
	}
}

func eventOut(e Event) *gatewayv1.Event {
	out := &gatewayv1.Event{Id: e.ID, AtMicros: wire.Micros(e.At), Method: methodOut(e.Method), Gone: e.Gone}
	if e.Attempt != nil {
		out.Attempt = outcomeOut(*e.Attempt)
	}
	if e.Refund != nil {
		out.Refund = refundedOut(*e.Refund)
	}
	if e.Dispute != nil {
		out.Dispute = disputeOut(*e.Dispute)
	}
	return out
}

func eventIn(e *gatewayv1.Event) Event {
	out := Event{ID: e.GetId(), At: wire.Time(e.GetAtMicros()), Method: methodIn(e.GetMethod()), Gone: e.GetGone()}
	if e.GetAttempt() != nil {
		o := outcomeIn(e.GetAttempt())
		out.Attempt = &o
	}
	if e.GetRefund() != nil {
		r := refundedIn(e.GetRefund())
		out.Refund = &r
	}
	if e.GetDispute() != nil {
		d := disputeIn(e.GetDispute())
		out.Dispute = &d
	}
	return out
}
