package sim

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// event is one as Mailgun shows it. What begins with "_" is ours.
type event map[string]any

// retryAfter is when a delayed mail is tried again.
const retryAfter = 10 * time.Minute

// happens lets something happen to a mail at a reader. The lock is held.
func (v *vendor) happens(m *message, r *reader, what string) {
	first := r.status == "queued" || r.status == "delayed"
	r.tries++
	r.due = time.Time{}
	if why, ok := v.isSuppressed(m.domain, r.address); ok && first {
		r.status = "bounced"
		v.record(m, r, event{"event": "failed", "log-level": "error", "severity": "permanent", "reason": why.reason, "delivery-status": map[string]any{
			"attempt-no": 1, "message": "", "code": 605, "description": why.text, "session-seconds": 0,
		}})
		return
	}
	switch what {
	case "deliver":
		v.delivered(m, r)
	case "delay":
		r.status, r.due = "delayed", v.now().Add(retryAfter)
		v.record(m, r, event{"event": "failed", "log-level": "warn", "severity": "temporary", "reason": "generic", "delivery-status": map[string]any{
			"attempt-no": r.tries, "message": "4.2.1 The mailbox is busy", "code": 450, "description": "", "session-seconds": 0.3, "retry-seconds": int(retryAfter.Seconds()), "mx-host": "mx." + host(r.address),
		}})
	case "bounce":
		r.status = "bounced"
		v.suppress(m.domain, bounces, r.address, entry{Address: r.address, Code: "550", Error: "5.1.1 No such mailbox"})
		v.record(m, r, event{"event": "failed", "log-level": "error", "severity": "permanent", "reason": "bounce", "delivery-status": map[string]any{
			"attempt-no": r.tries, "message": "5.1.1 No such mailbox", "code": 550, "bounce-code": "5.1.1", "description": "", "session-seconds": 0.3, "mx-host": "mx." + host(r.address),
		}})
	case "complain":
		if first {
			v.delivered(m, r)
		}
		r.status = "complained"
		v.suppress(m.domain, complaints, r.address, entry{Address: r.address})
		v.record(m, r, event{"event": "complained", "log-level": "warn"})
	case "unsubscribe":
		if first {
			v.delivered(m, r)
		}
		r.status = "unsubscribed"
		v.suppress(m.domain, unsubscribes, r.address, entry{Address: r.address, Tags: []string{"*"}})
		v.record(m, r, event{"event": "unsubscribed", "log-level": "info", "ip": "192.0.2.7"})
	}
}

func (v *vendor) delivered(m *message, r *reader) {
	r.status = "delivered"
	v.record(m, r, event{"event": "delivered", "log-level": "info", "delivery-status": map[string]any{
		"tls": true, "mx-host": "mx." + host(r.address), "code": 250, "description": "", "session-seconds": 0.4, "utf8": true, "attempt-no": r.tries, "message": "OK", "certificate-verified": true,
	}})
}

// host is the part of an address after the @.
func host(address string) string {
	_, host, _ := strings.Cut(address, "@")
	return host
}

// record keeps an event, and sends it to whoever listens. The lock is held.
func (v *vendor) record(m *message, r *reader, e event) {
	now := v.now()
	vars, tags, files := m.vars, m.tags, []map[string]any{}
	if tags == nil {
		tags = []string{}
	}
	for _, name := range m.files {
		files = append(files, map[string]any{"filename": name})
	}
	maps.Copy(e, event{
		"id": v.id(11), "timestamp": json.Number(strconv.FormatFloat(float64(now.UnixMicro())/1e6, 'f', 6, 64)),
		"recipient": r.address, "recipient-domain": host(r.address), "tags": tags, "user-variables": vars,
		"flags":    map[string]any{"is-routed": false, "is-authenticated": true, "is-system-test": false, "is-test-mode": m.test},
		"envelope": map[string]any{"sender": m.from, "transport": "smtp", "targets": r.address, "sending-ip": "192.0.2.25"},
		"message": map[string]any{
			"headers":     map[string]any{"to": m.header["To"], "message-id": m.id, "from": m.header["From"], "subject": m.subject},
			"attachments": files, "size": m.size,
		},
		"_at": now, "_shown": now.Add(v.lag), "_domain": m.domain,
	})
	v.events = append(v.events, e)
	v.tell(e.plain())
}

// plain is the event without what is ours.
func (e event) plain() event {
	out := maps.Clone(e)
	maps.DeleteFunc(out, func(name string, _ any) bool { return strings.HasPrefix(name, "_") })
	return out
}

// listEvents answers one page. Every page has a next one, which is empty at the end.
func (v *vendor) listEvents(w http.ResponseWriter, r *http.Request, domain string) {
	q, from := r.URL.Query(), 0
	if token := r.PathValue("page"); token != "" {
		raw, err := base64.RawURLEncoding.DecodeString(token)
		at, query, _ := strings.Cut(string(raw), " ")
		if from, _ = strconv.Atoi(at); err != nil {
			say(w, http.StatusBadRequest, "Invalid page")
			return
		}
		q, _ = url.ParseQuery(query) // we wrote it
	}
	limit := 100
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 300 {
			say(w, http.StatusBadRequest, "limit must be between 1 and 300")
			return
		}
		limit = n
	}
	begin, badBegin := moment(q.Get("begin"))
	end, badEnd := moment(q.Get("end"))
	if badBegin || badEnd || !begin.IsZero() && end.IsZero() && q.Get("ascending") == "" {
		say(w, http.StatusBadRequest, "'ascending' must be provided if the range end time is not specified")
		return
	}
	var all []event
	for _, e := range v.events {
		at, shown := e["_at"].(time.Time), e["_shown"].(time.Time)
		if e["_domain"] == domain && !shown.After(v.now()) && !at.Before(begin) && (end.IsZero() || !at.After(end)) && e.fits(q) {
			all = append(all, e.plain())
		}
	}
	if q.Get("ascending") != "yes" {
		slices.Reverse(all)
	}
	page := all[min(from, len(all)):min(from+limit, len(all))]
	if page == nil {
		page = []event{}
	}
	link := func(at int) string {
		token := base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(max(at, 0)) + " " + q.Encode()))
		return v.address(r, "/v3/"+domain+"/events/"+token)
	}
	answer(w, http.StatusOK, map[string]any{"items": page, "paging": map[string]string{
		"next": link(from + len(page)), "previous": link(from - limit), "first": link(0), "last": link(len(all)),
	}})
}

// address is a path of ours as the caller reaches it, also where we are mounted below another path.
func (v *vendor) address(r *http.Request, path string) string {
	seen, _, _ := strings.Cut(r.RequestURI, "?")
	before, _, _ := strings.Cut(seen, "/v3/")
	return "http://" + r.Host + before + path
}

// moment reads Unix seconds or RFC 2822.
func moment(text string) (at time.Time, bad bool) {
	if text == "" {
		return time.Time{}, false
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		return time.UnixMicro(int64(n * 1e6)), false
	}
	at, err := mail.ParseDate(text)
	return at, err != nil
}

// fits applies the filters of a query.
func (e event) fits(q url.Values) bool {
	headers := e["message"].(map[string]any)["headers"].(map[string]any)
	for name, have := range map[string]any{
		"event": e["event"], "recipient": e["recipient"], "severity": e["severity"], "message-id": headers["message-id"], "subject": headers["subject"],
	} {
		want := q.Get(name)
		if want == "" {
			continue
		}
		if text, _ := have.(string); !slices.Contains(strings.Split(want, " OR "), text) {
			return false
		}
	}
	return true
}
