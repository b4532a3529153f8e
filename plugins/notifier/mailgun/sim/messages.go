package sim

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/mail"
	"strings"
	"time"

	"github.com/ezscale/bursar/sdk/sim"
)

// Mailgun's bounds.
const (
	mostBytes   = 25 << 20
	mostOptions = 16 << 10 // of all o: h: v: t: together
	mostReaders = 1000
)

// leavesAfter is how long a mail is queued.
const leavesAfter = 2 * time.Second

// message is one mail that was taken.
type message struct {
	id, domain string
	at         time.Time
	from       string
	subject    string
	text, html string
	readers    []*reader
	header     map[string]string // as sent, decoded
	vars       map[string]string
	tags       []string
	files      []string
	test       bool
	size       int64
}

// reader is one address of a message and how the mail there stands.
type reader struct {
	address string
	status  string // queued, delayed, delivered, bounced, complained, unsubscribed
	tries   int
	due     time.Time // of the next try; zero: none
}

func (m *message) op() string { return m.vars["op"] }

// shown is a message as the state and the suites see it.
func (m *message) shown() sim.Message {
	out := sim.Message{ID: "<" + m.id + ">", Op: m.op(), Subject: m.subject, Text: m.text, HTML: m.html, Header: map[string]string{}, Files: m.files}
	var to []string
	for _, r := range m.readers {
		to = append(to, r.address)
		out.Status = r.status
	}
	out.To = strings.Join(to, ", ")
	for name, value := range m.header {
		out.Header[name] = value
	}
	return out
}

// send takes a mail.
func (v *vendor) send(w http.ResponseWriter, r *http.Request, domain string) {
	if r.ContentLength > mostBytes {
		say(w, http.StatusRequestEntityTooLarge, "Message size exceeds the limit of 25MB")
		return
	}
	err := r.ParseMultipartForm(mostBytes)
	if errors.Is(err, http.ErrNotMultipart) {
		err = r.ParseForm()
	}
	if err != nil {
		say(w, http.StatusBadRequest, "Unreadable form")
		return
	}
	if v.limit == 0 {
		say(w, http.StatusTooManyRequests, "Domain "+domain+" is not allowed to send: account-requests-per-sec limit exceeded, try again after 120 seconds")
		return
	}
	m, why := v.compose(r, domain)
	if why != "" {
		say(w, http.StatusBadRequest, why)
		return
	}
	v.limit--
	v.messages = append(v.messages, m)
	for _, reader := range m.readers {
		v.record(m, reader, event{"event": "accepted", "log-level": "info", "method": "http"})
	}
	answer(w, http.StatusOK, map[string]string{"id": "<" + m.id + ">", "message": "Queued. Thank you."})
}

// compose reads a form as Mailgun does; why is what it says to a bad one.
func (v *vendor) compose(r *http.Request, domain string) (m *message, why string) {
	f := r.PostForm
	if r.MultipartForm != nil {
		f = r.MultipartForm.Value
	}
	one := func(name string) string { return strings.Join(f[name], ", ") }
	m = &message{domain: domain, at: v.now(), subject: one("subject"), text: one("text"), html: one("html"), header: map[string]string{}, vars: map[string]string{}, tags: f["o:tag"], size: r.ContentLength}
	if one("from") == "" {
		return nil, "from parameter is missing"
	}
	from, err := mail.ParseAddress(one("from"))
	if err != nil {
		return nil, "from parameter is not a valid address. please check documentation"
	}
	m.from, m.header["From"] = from.Address, display(from)
	if one("to") == "" {
		return nil, "to parameter is missing"
	}
	for _, name := range []string{"to", "cc", "bcc"} {
		if len(f[name]) == 0 {
			continue
		}
		list, err := mail.ParseAddressList(one(name))
		if err != nil {
			return nil, name + " parameter is not a valid address. please check documentation"
		}
		var shown []string
		for _, a := range list {
			m.readers = append(m.readers, &reader{address: a.Address, status: "queued", due: m.at.Add(leavesAfter)})
			shown = append(shown, display(a))
		}
		m.header[strings.ToUpper(name[:1])+name[1:]] = strings.Join(shown, ", ")
	}
	switch {
	case len(m.readers) > mostReaders:
		return nil, "to parameter has too many recipients"
	case len(m.subject) > 998:
		return nil, "subject is too long"
	case m.text == "" && m.html == "" && one("amp-html") == "" && one("template") == "":
		return nil, "Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified"
	}
	if why := m.options(f); why != "" {
		return nil, why
	}
	if m.id == "" {
		v.count++
		m.id = fmt.Sprintf("%s.%d.%s@%s", m.at.Format("20060102150405"), v.count, strings.ToUpper(v.id(8)), domain)
	}
	if r.MultipartForm != nil {
		for _, part := range append(r.MultipartForm.File["attachment"], r.MultipartForm.File["inline"]...) {
			if err := m.attach(part); err != nil {
				return nil, "attachment is unreadable"
			}
		}
	}
	return m, ""
}

// options reads o:, h: and v:.
func (m *message) options(f map[string][]string) (why string) {
	size := 0
	for name, values := range f {
		kind, rest, _ := strings.Cut(name, ":")
		if len(kind) != 1 || !strings.Contains("ohvt", kind) || rest == "" {
			continue
		}
		value := strings.Join(values, ", ")
		size += len(name) + len(value)
		switch {
		case kind == "v":
			m.vars[rest] = value
		case kind == "h" && strings.EqualFold(rest, "Message-Id"):
			m.id = strings.Trim(value, "<> ")
			m.header["Message-Id"] = "<" + m.id + ">"
		case kind == "h" && strings.EqualFold(rest, "Reply-To"):
			a, err := mail.ParseAddress(value)
			if err != nil {
				return "h:Reply-To parameter is not a valid address"
			}
			m.header["Reply-To"] = display(a)
		case kind == "h":
			m.header[rest] = decoded(value)
		case rest == "testmode":
			m.test = value == "yes" || value == "true"
		}
	}
	if size > mostOptions {
		return "Send options (parameters starting with o:, h:, v:, or t:) are limited to 16KB total"
	}
	return ""
}

// attach keeps a file's name, type and sum: nobody opens it here.
func (m *message) attach(part *multipart.FileHeader) error {
	file, err := part.Open()
	if err != nil {
		return err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return err
	}
	m.files = append(m.files, part.Filename)
	m.header["file "+part.Filename] = part.Header.Get("Content-Type") + " " + hex.EncodeToString(sum.Sum(nil))
	return nil
}

// display is an address as a reader's program shows it.
func display(a *mail.Address) string {
	if a.Name == "" {
		return a.Address
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(a.Name) + `" <` + a.Address + ">"
}

func decoded(value string) string {
	if text, err := new(mime.WordDecoder).DecodeHeader(value); err == nil {
		return text
	}
	return value
}

// due does what time has brought: mails leave, webhooks are tried again. The lock is held.
func (v *vendor) due() {
	now := v.now()
	for _, m := range v.messages {
		for _, r := range m.readers {
			if !r.due.IsZero() && !now.Before(r.due) {
				v.happens(m, r, fate(m, r))
			}
		}
	}
	v.courier(now)
}

// fate is what becomes of a mail by itself.
func fate(m *message, r *reader) string {
	local, _, _ := strings.Cut(strings.ToLower(r.address), "@")
	local, _, _ = strings.Cut(local, "+")
	switch {
	case m.test:
		return "deliver"
	case local == "delay" && r.tries > 0:
		return "deliver"
	case local == "bounce", local == "delay", local == "complain", local == "unsubscribe":
		return local
	}
	return "deliver"
}
