package gatewaytest

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/gateway"
)

// listen installs the webhook at an address of the test's own.
func (b *bench) listen() {
	b.Helper()
	if b.hooks == nil {
		b.post = make(chan sdk.Webhook, 2000)
		b.hooks = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			switch {
			case err != nil:
			case r.URL.Path != b.hookPath.Load():
				b.strays.Add(1)
			default:
				b.post <- sdk.Webhook{Query: r.URL.RawQuery, Header: r.Header.Clone(), Body: body, Received: b.sim.Now()}
			}
		}))
		b.Cleanup(b.hooks.Close)
	}
	b.ops++
	b.hookPath.Store(fmt.Sprintf("/hooks/main/secret%d", b.ops))
	address := fmt.Sprint(b.hooks.URL, b.hookPath.Load())
	var values form.Values
	var err error
	if b.suite.Subscribe != nil {
		values, err = b.suite.Subscribe(b.sim, address)
	} else {
		values, err = b.client.InstallWebhook(b.Context(), address)
	}
	b.must("InstallWebhook", err)
	next := b.settings.Clone()
	maps.Copy(next, values)
	b.settings = next
}

// arrived is the next webhook that came.
func (b *bench) arrived() (sdk.Webhook, bool) {
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case w := <-b.post:
		return w, true
	case <-t.C:
		return sdk.Webhook{}, false
	}
}

// news waits for a webhook that means what fits.
func (b *bench) news(what string, fits func(gateway.Event) bool) gateway.Event {
	b.Helper()
	var heard []gateway.Event
	for {
		w, ok := b.arrived()
		if !ok {
			b.fail("No webhook says: %s\n      have %s", what, tell(heard))
		}
		events, err := b.client.Receive(b.Context(), w)
		b.must("Receive of a genuine webhook", err)
		for _, e := range events {
			b.shaped(e)
			if fits(e) {
				return e
			}
		}
		heard = append(heard, events...)
	}
}

// shaped fails unless an event has what all have.
func (b *bench) shaped(e gateway.Event) {
	b.Helper()
	set := 0
	for _, is := range []bool{e.Attempt != nil, e.Refund != nil, e.Dispute != nil, e.Method != nil} {
		if is {
			set++
		}
	}
	if set != 1 || e.ID == "" || e.At.IsZero() || e.Gone && e.Method == nil {
		b.fail("An event has an ID, a time and exactly one pointer\n      have %s", tell([]gateway.Event{e}))
	}
}

func tell(events []gateway.Event) string {
	var out strings.Builder
	for _, e := range events {
		fmt.Fprintf(&out, "\n        %s", e.ID)
		for what, v := range map[string]any{"attempt": e.Attempt, "refund": e.Refund, "dispute": e.Dispute, "method": e.Method} {
			if text := fmt.Sprintf("%+v", v); text != "<nil>" {
				fmt.Fprintf(&out, " %s %s", what, text)
			}
		}
	}
	return out.String()
}
