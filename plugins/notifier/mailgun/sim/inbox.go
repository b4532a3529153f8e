package sim

import (
	_ "embed"
	"html/template"
	"net/http"
	"regexp"
	"strings"
)

//go:embed inbox.html
var inboxHTML string

var inboxPage = template.Must(template.New("inbox").Funcs(template.FuncMap{"linked": linked}).Parse(inboxHTML))

// letter is a mail on the page.
type letter struct {
	Number                                   int
	From, To, ReplyTo, Subject, Status, When string
	Text, HTML                               string
	Files                                    []string
}

// mostLetters is how many the page shows, newest first.
const mostLetters = 200

// inbox is for people: every mail that was taken, whoever it was for. ?to= shows one reader's.
func (v *vendor) inbox(w http.ResponseWriter, r *http.Request) {
	var list []letter
	only := strings.ToLower(strings.TrimSpace(r.URL.Query().Get("to")))
	v.mu.Lock()
	v.due()
	for at := len(v.messages) - 1; at >= 0 && len(list) < mostLetters; at-- {
		m := v.messages[at]
		shown := m.shown()
		if only != "" && !strings.Contains(strings.ToLower(shown.To), only) {
			continue
		}
		html := m.html
		if html != "" {
			html = `<base target="_blank">` + html // links leave the frame
		}
		list = append(list, letter{
			Number: at + 1, From: m.header["From"], To: m.header["To"], ReplyTo: m.header["Reply-To"], Subject: m.subject, Status: shown.Status,
			When: m.at.Format("2006-01-02 15:04:05 UTC"), Text: m.text, HTML: html, Files: m.files,
		})
	}
	total := len(v.messages)
	v.mu.Unlock()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'; base-uri 'none'; form-action 'self'")
	_ = inboxPage.Execute(w, map[string]any{"Letters": list, "Total": total, "Only": only}) // the reader may be gone; nobody to tell
}

var address = regexp.MustCompile(`https?://[^\s<>"]+[^\s<>".,;:!?)]`)

// linked is plain text whose addresses can be clicked.
func linked(text string) template.HTML {
	var out strings.Builder
	at := 0
	for _, span := range address.FindAllStringIndex(text, -1) {
		template.HTMLEscape(&out, []byte(text[at:span[0]]))
		link := template.HTMLEscapeString(text[span[0]:span[1]])
		out.WriteString(`<a href="` + link + `" target="_blank" rel="noopener noreferrer">` + link + `</a>`)
		at = span[1]
	}
	template.HTMLEscape(&out, []byte(text[at:]))
	return template.HTML(out.String()) // all of it was escaped above
}
