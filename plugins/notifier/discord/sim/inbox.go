package sim

import (
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
)

//go:embed inbox.html
var inboxHTML string

var inboxPage = template.Must(template.New("inbox").Parse(inboxHTML))

// card is a post on the page.
type card struct {
	Channel, When, Content string
	Color                  template.CSS
	Title, Text, URL       string
	Fields                 [][2]string
}

// mostCards is how many the page shows, newest first.
const mostCards = 200

// inbox is for people: every post, whichever channel it went to.
func (v *vendor) inbox(w http.ResponseWriter, _ *http.Request) {
	var list []card
	v.mu.Lock()
	for at := len(v.messages) - 1; at >= 0 && len(list) < mostCards; at-- {
		m := v.messages[at]
		embeds := m.body.Embeds
		if len(embeds) == 0 {
			embeds = []embed{{}}
		}
		for _, e := range embeds {
			c := card{
				Channel: m.hook.channel, When: m.at.Format("2006-01-02 15:04:05 UTC"), Content: drawn(m.body.Content),
				Color: template.CSS(fmt.Sprintf("#%06x", e.Color)), // a number
				Title: drawn(e.Title), Text: drawn(e.Description), URL: e.URL,
			}
			for _, f := range e.Fields {
				c.Fields = append(c.Fields, [2]string{drawn(f.Name), drawn(f.Value)})
			}
			list = append(list, c)
		}
	}
	v.mu.Unlock()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	_ = inboxPage.Execute(w, list) // the reader may be gone; nobody to tell
}
