package gatewaytest_test

import (
	"testing"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/gateway/gatewaytest"
	"github.com/ezscale/bursar/sdk/money"
	"github.com/ezscale/bursar/sdk/sim"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func newFake() *gatewaytest.Fake { return gatewaytest.NewFake(func() time.Time { return noon }) }

func attempt(op string, amount money.Amount) gateway.Attempt {
	return gateway.Attempt{Op: sdk.Op{ID: op, First: noon}, Customer: sdk.Customer{ID: "cus_1", Notes: sdk.Notes{}}, Amount: amount, Notes: sdk.Notes{}}
}

var euro = money.Of(1999, "EUR")

func TestAFakeTakesMoneyOnceUnderOneOp(t *testing.T) {
	f := newFake()
	f.Fail(gatewaytest.Failure{Method: "Charge", Times: 1}, gatewaytest.Failure{Method: "Charge", Times: 1, Done: true})
	c := gateway.Charge{Attempt: attempt("op_1", euro), Method: f.NewMethod("cus_1")}
	if _, err := f.Charge(t.Context(), c); fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("not connected: %v", err)
	}
	if _, err := f.Look(t.Context(), c.Attempt); fault.KindOf(err) != fault.NotFound {
		t.Fatalf("nothing was done: %v", err)
	}
	if _, err := f.Charge(t.Context(), c); fault.KindOf(err) != fault.Unknown || len(c.Notes) != 0 {
		t.Fatalf("the answer was lost: %v, notes %v", err, c.Notes)
	}
	first, err := f.Look(t.Context(), c.Attempt)
	if err != nil || first.Status != gateway.Captured || first.Paid != euro || first.Echo != "op_1" {
		t.Fatalf("looked at: %+v, %v", first, err)
	}
	again, err := f.Charge(t.Context(), c)
	if err != nil || again.Reference != first.Reference {
		t.Errorf("repeated: %+v, %v", again, err)
	}
	if have := f.State().Money["op_1"]; have != (sim.Money{Taken: 1999, Currency: "EUR"}) {
		t.Errorf("it has %+v", have)
	}
	if n := len(f.Journal("op_1")); n != 5 {
		t.Errorf("%d calls in the journal, want 5: %+v", n, f.Journal())
	}
}

func TestAFakePageIsPaidOnceOrNever(t *testing.T) {
	f := newFake()
	v := gateway.Visit{Attempt: attempt("op_1", euro), Save: true, Return: "https://shop.example"}
	for range 2 {
		if out, err := f.Begin(t.Context(), v); err != nil || out.Status != gateway.Waiting || out.URL == "" {
			t.Fatalf("begun: %+v, %v", out, err)
		}
	}
	if err := f.Pay("op_1"); err != nil {
		t.Fatal(err)
	}
	if f.Pay("op_1") == nil {
		t.Error("a page was paid twice")
	}
	events, err := f.Receive(t.Context(), f.Hook("op_1"))
	if err != nil || len(events) != 1 || events[0].Attempt.Status != gateway.Captured || events[0].Attempt.Method == nil {
		t.Errorf("told: %+v, %v", events, err)
	}
	if kind := fault.KindOf(f.Cancel(t.Context(), v.Attempt)); kind != fault.Conflict {
		t.Errorf("cancelled after it was paid: %q", kind)
	}
	w := gateway.Visit{Attempt: attempt("op_2", euro), Return: "https://shop.example"}
	if _, err := f.Begin(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if err := f.Cancel(t.Context(), w.Attempt); err != nil || f.Pay("op_2") == nil {
		t.Errorf("a cancelled page was paid: %v", err)
	}
	forged := f.Hook("op_1")
	forged.Header.Set("Fake-Signature", "mine")
	if _, err := f.Receive(t.Context(), forged); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("forged: %v", err)
	}
}

func TestAFakeNeverGivesBackMoreThanItHas(t *testing.T) {
	f := newFake()
	c := gateway.Charge{Attempt: attempt("op_1", euro), Method: f.NewMethod("cus_1")}
	paid, err := f.Charge(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(op string, minor int64) (gateway.Refunded, error) {
		return f.Refund(t.Context(), gateway.Refund{Op: sdk.Op{ID: op}, Reference: paid.Reference, Amount: money.Of(minor, "EUR"), Notes: sdk.Notes{}})
	}
	if _, err := ask("re_1", 2000); fault.Of(err).Code != "too_much" {
		t.Errorf("more than was paid: %v", err)
	}
	for range 2 {
		if out, err := ask("re_1", 1999); err != nil || out.Status != gateway.Captured {
			t.Fatalf("refunded: %+v, %v", out, err)
		}
	}
	if _, err := ask("re_2", 1); fault.Of(err).Code != "already_refunded" {
		t.Errorf("nothing is left: %v", err)
	}
	if err := f.FailRefund("re_1"); err != nil {
		t.Fatal(err)
	}
	if out, err := ask("re_1", 1999); err != nil || out.Status != gateway.Declined || f.State().Money["op_1"].Back != 0 {
		t.Errorf("it came back: %+v, %v, %+v", out, err, f.State().Money)
	}
	id, err := f.Dispute("op_1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ask("re_3", 5); fault.Of(err).Code != "disputed" {
		t.Errorf("disputed: %v", err)
	}
	if err := f.TurnDispute(id, "won"); err != nil {
		t.Fatal(err)
	}
	if _, err := ask("re_3", 5); err != nil {
		t.Errorf("won: %v", err)
	}
	for _, w := range f.Hooks() {
		if events, err := f.Receive(t.Context(), w); err != nil || len(events) != 1 {
			t.Errorf("%s: %+v, %v", w.Body, events, err)
		}
	}
}

func TestAFakeHasThePowersItIsLeft(t *testing.T) {
	f := newFake()
	if _, ok := sdk.As[gateway.Finisher](f); ok {
		t.Error("it finishes though nothing is ever approved")
	}
	f.Approve()
	f.Lack("Charger")
	if _, ok := sdk.As[gateway.Charger](f); ok {
		t.Error("it charges though that was taken away")
	}
	v := gateway.Visit{Attempt: attempt("op_1", euro), Return: "https://shop.example"}
	if _, err := f.Begin(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	if err := f.Pay("op_1"); err != nil {
		t.Fatal(err)
	}
	if out, _ := f.Look(t.Context(), v.Attempt); out.Status != gateway.Approved || len(f.State().Money) != 0 {
		t.Errorf("approved: %+v", out)
	}
	f.Decline(gateway.Decline{Class: gateway.Soft, Code: "no_funds", Text: "No."})
	if out, _ := f.Finish(t.Context(), v.Attempt); out.Status != gateway.Declined || out.Decline.Code != "no_funds" {
		t.Errorf("refused inside: %+v", out)
	}
}
