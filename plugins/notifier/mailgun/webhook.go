package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/notifier"
)

// Only timestamp and token of a webhook are signed, not what it says. So three rules stand around its content: a token
// stands for one body, ever; what has lasting effect is read anew from the events API; and what is not fresh is believed
// only as far as the events API says the same. Mailgun's first retry comes after ten minutes, perhaps with its first stamp.
const (
	fresh    = 300 * time.Second
	tooOld   = 15 * time.Minute
	hookSize = 1 << 20
)

// seen is what came under a token.
type seen struct {
	body  [sha256.Size]byte
	until time.Time
}

var errForged = fault.New(fault.Forbidden, "forged", "")

// Receive implements notifier.Receiver.
func (m *Mailgun) Receive(ctx context.Context, w sdk.Webhook) ([]notifier.Delivery, error) {
	var hook struct {
		Signature struct{ Timestamp, Token, Signature string }
		Event     json.RawMessage `json:"event-data"`
	}
	if len(w.Body) > hookSize || json.Unmarshal(w.Body, &hook) != nil {
		return nil, errForged.Because(errors.New("the body is no webhook"))
	}
	age, err := m.verify(hook.Signature.Timestamp, hook.Signature.Token, hook.Signature.Signature, w)
	if err != nil {
		return nil, err
	}
	var e item
	if err := json.Unmarshal(hook.Event, &e); err != nil {
		return nil, fault.New(fault.Invalid, "unreadable", "").Because(err)
	}
	news, ok := m.news(e)
	if !ok {
		return nil, nil
	}
	if news.Lasting || age > fresh {
		confirmed, err := m.confirm(ctx, e)
		if onlySends(err) && age <= fresh {
			news.Lasting = false // nobody can confirm it, so nothing lasting comes of it
			return []notifier.Delivery{news}, nil
		}
		if err != nil {
			return nil, err
		}
		if news, ok = m.news(confirmed); !ok {
			return nil, nil
		}
	}
	return []notifier.Delivery{news}, nil
}

// verify proves that Mailgun sent this token, lately, and with this body.
func (m *Mailgun) verify(stamp, token, signature string, w sdk.Webhook) (age time.Duration, err error) {
	if m.signing.IsZero() {
		return 0, fault.New(fault.Forbidden, "no_signing_key", "There is no webhook signing key.").On("signing_key")
	}
	sent, err := hex.DecodeString(signature)
	mac := hmac.New(sha256.New, []byte(m.signing.Reveal()))
	mac.Write([]byte(stamp + token))
	if err != nil || token == "" || !hmac.Equal(sent, mac.Sum(nil)) {
		return 0, errForged.Because(errors.New("the signature is not Mailgun's"))
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return 0, errForged.Because(err)
	}
	age = w.Received.Sub(time.Unix(seconds, 0))
	if age > tooOld || age < -fresh {
		return 0, fault.New(fault.Forbidden, "stale", "").Because(fmt.Errorf("it was signed %s before it came", age))
	}
	return age, m.once(token, w)
}

// once refuses a token that came before with another body. The same one again is a retry, which the host knows by its ID.
func (m *Mailgun) once(token string, w sdk.Webhook) error {
	sum := sha256.Sum256(w.Body)
	m.mu.Lock()
	defer m.mu.Unlock()
	for old, s := range m.tokens {
		if w.Received.After(s.until) {
			delete(m.tokens, old)
		}
	}
	if s, ok := m.tokens[token]; ok && s.body != sum {
		return fault.New(fault.Forbidden, "replayed", "").Because(errors.New("the token came before with another body"))
	}
	m.tokens[token] = seen{body: sum, until: w.Received.Add(tooOld + 2*fresh)}
	return nil
}

// confirm reads an event anew, by its ID. Unavailable while the events do not show it: they come late.
func (m *Mailgun) confirm(ctx context.Context, e item) (item, error) {
	at, err := e.at()
	if err != nil {
		return item{}, fault.New(fault.Invalid, "unreadable", "").Because(err)
	}
	q := url.Values{
		"event": {e.Event}, "recipient": {e.Recipient}, "ascending": {"yes"}, "limit": {"100"},
		"begin": {strconv.FormatInt(at.Unix()-60, 10)}, "end": {strconv.FormatInt(at.Unix()+60, 10)},
	}
	found, ok, err := m.event(ctx, q, func(have item) bool {
		return have.ID == e.ID && have.Event == e.Event && strings.EqualFold(have.Recipient, e.Recipient)
	})
	if err == nil && !ok {
		err = fault.New(fault.Unavailable, "not_confirmed", "").Retry(time.Minute)
	}
	return found, err
}

// at is the time of an event: seconds with decimals, to the microsecond.
func (e item) at() (time.Time, error) {
	whole, part, _ := strings.Cut(e.Timestamp.String(), ".")
	seconds, err := strconv.ParseInt(whole, 10, 40)
	if err != nil {
		return time.Time{}, err
	}
	micros, err := strconv.ParseInt((part + "000000")[:6], 10, 32)
	if err != nil || micros < 0 {
		return time.Time{}, fmt.Errorf("timestamp %q", fault.Cut(e.Timestamp.String(), 40))
	}
	return time.Unix(seconds, micros*1000).UTC(), nil
}

// lastingReasons are failures after which Mailgun itself sends nothing more to an address. Others, such as a server that
// was down too long, may be over with the next mail.
var lastingReasons = []string{"bounce", "suppress-bounce", "suppress-complaint", "suppress-unsubscribe"}

var opText = regexp.MustCompile(`^[A-Za-z0-9_-]{1,36}$`)

// news is what an event means; ok false: nothing to us.
func (m *Mailgun) news(e item) (d notifier.Delivery, ok bool) {
	at, err := e.at()
	if err != nil || e.ID == "" || e.Recipient == "" {
		return d, false
	}
	// IDs are unique within a day only.
	d = notifier.Delivery{ID: e.ID + "-" + at.Format("20060102"), Op: m.op(e), Address: e.Recipient, At: at}
	if id := bare(e.Message.Headers.ID); id != "" {
		d.Receipt = "<" + id + ">"
	}
	switch e.Event {
	case "delivered":
		d.Status = "delivered"
	case "complained":
		d.Status, d.Lasting = "complained", true
	case "unsubscribed":
		d.Status, d.Lasting = "unsubscribed", true
	case "rejected":
		d.Status, d.Text = "bounced", fault.Cut(line(e.Reject.Reason), 500)
	case "failed":
		d.Status, d.Text = "bounced", e.why()
		switch {
		case e.Severity == "temporary":
			d.Status = "delayed"
		case e.Reason == "suppress-complaint":
			d.Status = "complained"
		case e.Reason == "suppress-unsubscribe":
			d.Status = "unsubscribed"
		}
		d.Lasting = e.Severity != "temporary" && slices.Contains(lastingReasons, e.Reason)
	default:
		return d, false
	}
	return d, true
}

// op is our operation, from the variables or from the Message-Id. "" if it was none of ours.
func (m *Mailgun) op(e item) string {
	var vars struct{ Op string }
	_ = json.Unmarshal(e.Variables, &vars) // [] or absent: there are none
	if opText.MatchString(vars.Op) {
		return vars.Op
	}
	if op, ok := strings.CutSuffix(bare(e.Message.Headers.ID), "@"+m.domain); ok && opText.MatchString(op) {
		return op
	}
	return ""
}

// why is the reason for staff: "550 5.1.1 No such mailbox".
func (e item) why() string {
	var parts []string
	for _, part := range []string{strings.Trim(string(e.DeliveryStatus.Code), `"`), e.DeliveryStatus.Message, e.DeliveryStatus.Description} {
		if part = line(part); part != "" && part != "null" {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		parts = append(parts, line(e.Reason))
	}
	return fault.Cut(strings.Join(parts, " "), 500)
}
