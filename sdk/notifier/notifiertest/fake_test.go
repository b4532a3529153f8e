package notifiertest_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/notifier"
	"github.com/ezscale/bursar/sdk/notifier/notifiertest"
)

var now = time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)

func newFake() *notifiertest.Fake { return notifiertest.NewFake(func() time.Time { return now }) }

var mail = notifier.Mail{To: notifier.Mailbox{Address: "Jane@reader.example"}, Subject: "Hello"}

func TestAFakeSendsOnceUnderOneOp(t *testing.T) {
	f, ctx, op := newFake(), t.Context(), sdk.Op{ID: "op_1"}
	f.Fail(notifiertest.Failure{Method: "Mail", Done: true, Times: 1}, notifiertest.Failure{Method: "Post", Times: 1, Err: fault.New(fault.Declined, "no", "")})
	if _, err := f.Mail(ctx, op, mail); fault.KindOf(err) != fault.Unknown {
		t.Fatalf("the answer is not lost: %v", err)
	}
	found, err := f.FindMessage(ctx, op)
	if err != nil {
		t.Fatal(err)
	}
	again, err := f.Mail(ctx, op, mail)
	if err != nil || again != found || len(f.Mails()) != 1 || f.Mails()[0].ID != found.ID {
		t.Errorf("again %+v, %v; found %+v; mails %+v", again, err, found, f.Mails())
	}
	if _, err := f.FindMessage(ctx, sdk.Op{ID: "op_2"}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("what never was: %v", err)
	}
	if _, err := f.Post(ctx, op, notifier.Post{}); fault.KindOf(err) != fault.Declined || len(f.Posts()) != 0 {
		t.Errorf("a failure that does nothing: %v, %d posts", err, len(f.Posts()))
	}
	var methods []string
	for _, e := range f.Journal() {
		methods = append(methods, e.Method)
	}
	if len(methods) != 5 || methods[0] != "Mail" || f.Journal()[0].Err == nil {
		t.Errorf("journal: %+v", f.Journal())
	}
}

func TestAFakeTellsABounceAndThenDeclines(t *testing.T) {
	f, ctx := newFake(), t.Context()
	if _, err := f.Mail(ctx, sdk.Op{ID: "op_1"}, mail); err != nil {
		t.Fatal(err)
	}
	if err := f.Bounce("op_1"); err != nil {
		t.Fatal(err)
	}
	news, err := f.Receive(ctx, f.Hooks()[0])
	if err != nil || len(news) != 1 || news[0].Op != "op_1" || !news[0].Lasting || !news[0].At.Equal(now) {
		t.Errorf("%+v, %v", news, err)
	}
	forged := f.Hooks()[0]
	forged.Header = http.Header{}
	if _, err := f.Receive(ctx, forged); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("forged: %v", err)
	}
	if _, err := f.Mail(ctx, sdk.Op{ID: "op_2"}, mail); !errors.Is(err, fault.New(fault.Declined, "suppressed", "")) {
		t.Errorf("suppressed: %v", err)
	}
	if err := f.Deliver("op_2"); err == nil {
		t.Error("a mail that was not taken is delivered")
	}
}

func TestAFakeHasThePowersItIsLeft(t *testing.T) {
	f := newFake()
	f.Lack("Mailer", "Finder")
	_, mails := sdk.As[notifier.Mailer](f)
	_, posts := sdk.As[notifier.Poster](f)
	_, is := sdk.As[sdk.Instance](f)
	if mails || !posts || !is {
		t.Errorf("mails %t, posts %t, is one %t", mails, posts, is)
	}
	f.Remove()
	if _, err := f.Post(t.Context(), sdk.Op{ID: "op"}, notifier.Post{}); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("a channel that is gone: %v", err)
	}
}
