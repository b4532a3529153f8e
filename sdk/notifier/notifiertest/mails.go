package notifiertest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/notifier"
	"github.com/ezscale/bursar/sdk/sim"
)

// mails are the cases of a notifier.Mailer.
var mails = []testCase{
	{"a mail arrives whole in UTF-8 with its files for one reader", announces[notifier.Mailer], mailsWhole},
	{"a mail without files html tag or names arrives", announces[notifier.Mailer], mailsBare},
	{"a line break in a name adds no header", announces[notifier.Mailer], addsNoHeader},
	{"an address that is none is Invalid", announces[notifier.Mailer], refusesNoAddress},
	{"three megabytes of files arrive", announces[notifier.Mailer], mailsLargeFiles},
	{"a lost answer is Unknown and FindMessage knows", announces[notifier.Finder], findsWhatWasTaken},
	{"FindMessage says NotFound only of what will never come", announces[notifier.Finder], findsNothingForSure},
}

// has fails unless a message has a header, whatever the case of its name.
func (b *bench) has(m sim.Message, name, want string) {
	b.Helper()
	for key, value := range m.Header {
		if strings.EqualFold(key, name) {
			equal(b, "The header "+name, value, want)
			return
		}
	}
	b.fail("There is no header %s: %v", name, m.Header)
}

func mailsWhole(b *bench) {
	op, m := b.op(), b.mail()
	got, err := b.client.Mail(b.Context(), op, m)
	b.must("Mail", err)
	have := b.one()
	equal(b, "The receipt", got.ID, have.ID)
	equal(b, "Op", have.Op, op.ID)
	equal(b, "The reader", have.To, m.To.Address)
	equal(b, "Subject", have.Subject, m.Subject)
	equal(b, "Text", have.Text, m.Text)
	equal(b, "HTML", have.HTML, m.HTML)
	b.has(have, "From", `"Örtlich, Hosting" <`+b.suite.From+`>`)
	b.has(have, "To", `"Jané \"J\" Doe" <jane@reader.example>`)
	b.has(have, "Reply-To", `"Help" <help@example.com>`)
	for name, value := range m.Header {
		b.has(have, name, value)
	}
	var names []string
	for _, f := range m.Files {
		names = append(names, f.Name)
		sum := sha256.Sum256(f.Body)
		b.has(have, "file "+f.Name, f.Type+" "+hex.EncodeToString(sum[:]))
	}
	if !slices.Equal(have.Files, names) {
		b.fail("Files\n      want %q   have %q", names, have.Files)
	}
}

func mailsBare(b *bench) {
	m := notifier.Mail{From: notifier.Mailbox{Address: b.suite.From}, To: notifier.Mailbox{Address: "jane@reader.example"}, Subject: "Hello", Text: "Hello.\n"}
	_, err := b.client.Mail(b.Context(), b.op(), m)
	b.must("Mail", err)
	have := b.one()
	equal(b, "The reader", have.To, "jane@reader.example")
	equal(b, "Text", have.Text, "Hello.\n")
	equal(b, "HTML", have.HTML, "")
	equal(b, "Files", len(have.Files), 0)
}

func addsNoHeader(b *bench) {
	evil := "Jane\r\nBcc: thief@evil.example\r\n\r\nPay here"
	m := b.mail()
	m.From.Name, m.To.Name, m.ReplyTo.Name, m.Subject = evil, evil, evil, "Invoice\r\nBcc: thief@evil.example"
	m.Files[0].Name = "a\"\r\nX-Injected: yes\r\n.pdf"
	_, err := b.client.Mail(b.Context(), b.op(), m)
	b.must("Mail", err)
	have := b.one()
	equal(b, "The reader", have.To, m.To.Address)
	for name, value := range have.Header {
		if strings.EqualFold(name, "bcc") || strings.EqualFold(name, "x-injected") || strings.ContainsAny(name+value, "\r\n") {
			b.fail("A line break got into the headers: %q: %q", name, value)
		}
	}
	if strings.ContainsAny(have.Subject+strings.Join(have.Files, ""), "\r\n") {
		b.fail("A line break got into the subject or a file's name: %q %q", have.Subject, have.Files)
	}
	m = b.mail()
	m.Header = map[string]string{"X-Note": "a\r\nBcc: thief@evil.example"}
	_, err = b.client.Mail(b.Context(), b.op(), m)
	b.kind("Mail with a line break in a header", err, fault.Invalid)
	m.Header = map[string]string{"X-Note\r\nBcc": "thief@evil.example"}
	_, err = b.client.Mail(b.Context(), b.op(), m)
	b.kind("Mail with a line break in a header's name", err, fault.Invalid)
	b.one()
}

func refusesNoAddress(b *bench) {
	for _, address := range []string{"", "jane", "jane@reader.example, thief@evil.example", "jane@reader.example\r\nBcc: thief@evil.example"} {
		m := b.mail()
		m.To.Address = address
		_, err := b.client.Mail(b.Context(), b.op(), m)
		b.kind("Mail to "+address, err, fault.Invalid)
	}
	equal(b, "Messages at the vendor", len(b.sim.State().Messages), 0)
}

func mailsLargeFiles(b *bench) {
	m := b.mail()
	m.Files = []notifier.File{{Name: "large.bin", Type: "application/octet-stream", Body: make([]byte, 3<<20)}}
	_, err := b.client.Mail(b.Context(), b.op(), m)
	b.must("Mail of 3 MiB", err)
	sum := sha256.Sum256(m.Files[0].Body)
	b.has(b.one(), "file large.bin", "application/octet-stream "+hex.EncodeToString(sum[:]))
}

func findsWhatWasTaken(b *bench) {
	op := b.op()
	b.faults(sim.Fault{Method: "change", Times: 1, Do: "cut-after"})
	_, err := b.client.Mail(b.Context(), op, b.mail())
	b.kind("Mail whose answer was lost", err, fault.Unknown)
	b.plugin.Kill()
	b.sim.AddClock(2 * time.Minute)
	got, err := b.client.FindMessage(b.Context(), op)
	b.must("FindMessage", err)
	equal(b, "The receipt", got.ID, b.one().ID)
}

func findsNothingForSure(b *bench) {
	op := b.op()
	b.faults(sim.Fault{Method: "change", Times: 1, Do: "cut-before"})
	_, err := b.client.Mail(b.Context(), op, b.mail())
	b.kind("Mail that never arrived", err, fault.Unknown)
	_, err = b.client.FindMessage(b.Context(), op)
	b.kind("FindMessage at once", err, fault.NotFound, fault.Unknown)
	b.sim.AddClock(time.Hour)
	_, err = b.client.FindMessage(b.Context(), op)
	b.kind("FindMessage an hour later", err, fault.NotFound)
	op.Attempt++
	_, ok := b.deliver(op, func(ctx context.Context, op sdk.Op) (notifier.Receipt, error) {
		return b.client.Mail(ctx, op, b.mail())
	})
	equal(b, "Sent again", ok, true)
	b.one()
}
