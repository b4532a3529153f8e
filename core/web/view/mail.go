package view

import (
	"errors"
	"html"
	"strings"
)

// Letter is a drawn mail: its subject is one line, text and HTML say the same.
type Letter struct{ Subject, Text, HTML string }

// Mail draws mail/<name>.html and .txt for a locale. The first line of the text is the subject. A mail that no
// theme has is drawn as mail/notice. Data holds texts, amounts, days, and lists of maps of such; themes/default/mail
// says which.
func (e *Engine) Mail(name, locale string, data map[string]any) (Letter, error) {
	if !e.Has("mail/"+name+".html") || !e.Has("mail/"+name+".txt") {
		name = "notice"
	}
	reader := e.Reader(locale, nil)
	page, err := e.Draw("mail/"+name+".html", data, reader)
	if err != nil {
		return Letter{}, err
	}
	raw, err := e.Draw("mail/"+name+".txt", data, reader)
	if err != nil {
		return Letter{}, err
	}
	// The engine escapes for HTML whatever it draws; a text says what was meant.
	text := html.UnescapeString(string(raw))
	subject, rest, _ := strings.Cut(strings.TrimLeft(text, "\n"), "\n")
	subject = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, subject))
	if subject == "" {
		return Letter{}, errors.New("mail " + name + " has no subject")
	}
	return Letter{Subject: subject, Text: squeeze(rest), HTML: string(page)}, nil
}

// squeeze leaves at most one empty line in a row.
func squeeze(text string) string {
	var out []string
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		line = strings.TrimRight(line, " \t\r")
		if line == "" && len(out) > 0 && out[len(out)-1] == "" {
			continue
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n") + "\n"
}
