package main

import (
	"bytes"
	"context"
	"fmt"
	"mime"
	"mime/multipart"
	"net/http"
	netmail "net/mail"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/notifier"
)

// mostOptions is what all o:, h: and v: fields may hold together.
const mostOptions = 16 << 10

// doubtFor is how long after a try the events may still be silent about a mail that was taken.
const doubtFor = 10 * time.Minute

// keptFor is how long Mailgun surely keeps events: three days, less a margin.
const keptFor = 70 * time.Hour

// Mail implements notifier.Mailer.
func (m *Mailgun) Mail(ctx context.Context, op sdk.Op, mail notifier.Mail) (notifier.Receipt, error) {
	body, kind, err := m.compose(op, mail)
	if err != nil {
		return notifier.Receipt{}, err
	}
	if op.Attempt > 1 { // an earlier try may have been taken all the same
		got, err := m.find(ctx, op)
		if kind := fault.KindOf(err); kind == "" || kind == fault.Unavailable {
			return got, err
		}
	}
	ctx, stop := context.WithTimeout(ctx, sendLimit)
	defer stop()
	var answer struct{ ID string }
	err = m.do(ctx, http.MethodPost, "/v3/"+m.domain+"/messages", kind, body, &answer)
	if err == nil && answer.ID == "" {
		err = errNoReceipt
	}
	if err != nil {
		m.doubted(op, fault.KindOf(err) == fault.Unknown)
		return notifier.Receipt{}, err
	}
	m.doubted(op, false)
	return notifier.Receipt{ID: answer.ID}, nil
}

// doubted notes that a mail may or may not have been taken just now, or that there is no doubt any more.
func (m *Mailgun) doubted(op sdk.Op, is bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	for old, at := range m.tried {
		if now.Sub(at) > doubtFor {
			delete(m.tried, old)
		}
	}
	delete(m.tried, op.ID)
	if is {
		m.tried[op.ID] = now
	}
}

// messageID is the Message-Id of a mail, without brackets: so it stands in events.
func (m *Mailgun) messageID(op sdk.Op) string { return op.ID + "@" + m.domain }

// FindMessage implements notifier.Finder. Events come late, so that silence is proof only after a while: Unknown until then.
func (m *Mailgun) FindMessage(ctx context.Context, op sdk.Op) (notifier.Receipt, error) {
	got, err := m.find(ctx, op)
	if fault.KindOf(err) != fault.NotFound {
		return got, err
	}
	now, last := m.now(), op.First
	m.mu.Lock()
	if at, ok := m.tried[op.ID]; ok && at.After(last) {
		last = at
	}
	m.mu.Unlock()
	switch wait := last.Add(doubtFor).Sub(now); {
	case wait > 0:
		return notifier.Receipt{}, fault.New(fault.Unknown, "not_seen_yet", "").Retry(wait)
	case now.Sub(op.First) > keptFor:
		return notifier.Receipt{}, fault.New(fault.Unknown, "events_expired", "").Because(fmt.Errorf("first tried %s: Mailgun may have dropped the events", op.First.Format(time.RFC3339)))
	}
	return notifier.Receipt{}, err
}

// find searches the events. NotFound: nothing is to be seen at the moment.
func (m *Mailgun) find(ctx context.Context, op sdk.Op) (notifier.Receipt, error) {
	id := m.messageID(op)
	q := url.Values{"message-id": {id}, "ascending": {"yes"}, "limit": {"25"}, "begin": {strconv.FormatInt(max(op.Since().Unix(), 0), 10)}}
	e, ok, err := m.event(ctx, q, func(e item) bool { return bare(e.Message.Headers.ID) == id })
	switch {
	case err != nil:
		return notifier.Receipt{}, err
	case !ok:
		return notifier.Receipt{}, fault.New(fault.NotFound, "not_taken", "")
	}
	return notifier.Receipt{ID: "<" + bare(e.Message.Headers.ID) + ">"}, nil
}

// bare is a Message-Id without its brackets: the answer to a send has them, events do not.
func bare(id string) string { return strings.TrimSuffix(strings.TrimPrefix(id, "<"), ">") }

// ours are headers that are set from other fields, or by Mailgun.
var ours = []string{
	"from", "to", "cc", "bcc", "subject", "reply-to", "message-id", "date", "sender", "return-path", "received", "dkim-signature", "mime-version",
	"content-type", "content-transfer-encoding",
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9-]{1,70}$`)

// compose writes the form of one mail to one reader.
func (m *Mailgun) compose(op sdk.Op, mail notifier.Mail) (body *bytes.Buffer, kind string, err error) {
	from, err := mailbox(mail.From, "from")
	if err != nil {
		return nil, "", err
	}
	to, err := mailbox(mail.To, "to")
	if err != nil {
		return nil, "", err
	}
	if mail.Text == "" && mail.HTML == "" {
		return nil, "", fault.New(fault.Invalid, "empty_mail", "The mail is empty.").On("text")
	}
	options := [][2]string{
		{"v:op", op.ID}, {"h:Message-Id", "<" + m.messageID(op) + ">"},
		// Tracking rewrites links, which breaks those for passwords and shows invoices to others.
		{"o:tracking", "no"}, {"o:tracking-clicks", "no"}, {"o:tracking-opens", "no"},
	}
	if mail.ReplyTo.Address != "" {
		reply, err := mailbox(mail.ReplyTo, "reply_to")
		if err != nil {
			return nil, "", err
		}
		options = append(options, [2]string{"h:Reply-To", reply})
	}
	if mail.Tag != "" {
		options = append(options, [2]string{"o:tag", line(mail.Tag)})
	}
	for name, value := range mail.Header {
		if !headerName.MatchString(name) || slices.Contains(ours, strings.ToLower(name)) || value != line(value) {
			return nil, "", fault.New(fault.Invalid, "bad_header", "").On("header").Because(fmt.Errorf("the header %q cannot be set so", name))
		}
		options = append(options, [2]string{"h:" + name, value})
	}
	size := 0
	for _, o := range options {
		size += len(o[0]) + len(o[1])
	}
	if size > mostOptions {
		return nil, "", fault.New(fault.Invalid, "headers_too_long", "").On("header").Because(fmt.Errorf("%d bytes", size))
	}
	return written(append(options, [][2]string{{"from", from}, {"to", to}, {"subject", line(mail.Subject)}, {"text", mail.Text}, {"html", mail.HTML}}...), mail.Files)
}

// written is the form as multipart.
func written(fields [][2]string, files []notifier.File) (*bytes.Buffer, string, error) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, f := range fields {
		if f[1] == "" {
			continue
		}
		if err := w.WriteField(f[0], strings.ToValidUTF8(f[1], "\uFFFD")); err != nil {
			return nil, "", unwritable(err)
		}
	}
	for _, f := range files {
		head := textproto.MIMEHeader{}
		head.Set("Content-Disposition", multipart.FileContentDisposition("attachment", fileName(f.Name)))
		head.Set("Content-Type", fileType(f.Type))
		part, err := w.CreatePart(head)
		if err == nil {
			_, err = part.Write(f.Body)
		}
		if err != nil {
			return nil, "", unwritable(err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, "", unwritable(err)
	}
	return &body, w.FormDataContentType(), nil
}

func unwritable(err error) error {
	return fault.New(fault.Internal, "unwritable_mail", "").Because(err)
}

// mailbox is name and address as a header has them. Other than one plain address is Invalid.
func mailbox(b notifier.Mailbox, field string) (string, error) {
	a, err := netmail.ParseAddress(b.Address)
	if err != nil || a.Name != "" || a.Address != b.Address {
		return "", fault.New(fault.Invalid, "no_address", "This is no e-mail address.").On(field)
	}
	a.Name = line(b.Name)
	return a.String(), nil
}

// line is a text on one line.
func line(text string) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	if clean == text {
		return text
	}
	return strings.Join(strings.Fields(clean), " ")
}

// fileName has no path and no control characters.
func fileName(name string) string {
	name = strings.NewReplacer("/", "-", `\`, "-").Replace(line(name))
	if name == "" || strings.Trim(name, ".") == "" {
		return "file"
	}
	return name
}

func fileType(kind string) string {
	if parsed, _, err := mime.ParseMediaType(kind); err == nil && strings.Contains(parsed, "/") && kind == line(kind) {
		return kind
	}
	return "application/octet-stream"
}
