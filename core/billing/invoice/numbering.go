package invoice

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ezscale/bursar/core/base/period"
)

// Reset says when numbers begin again at one.
type Reset string

// The resets.
const (
	Never   Reset = "never"
	Yearly  Reset = "year"
	Monthly Reset = "month"
)

// Numbering makes document numbers of a template such as INV-{YYYY}-{N:5}. Tokens: {YYYY} {YY} {MM} {DD}
// {N}, {N:5} for at least five digits, {N:5!} for exactly five: then the series can be full.
type Numbering struct {
	Template string
	Reset    Reset
	parts    []part
}

// part is a plain text or a token.
type part struct {
	text  string
	token string
	width int
	exact bool
}

// longest is how many letters a number has at most: that of the column.
const longest = 40

// ParseNumbering reads a template. Error: ErrTemplate for an unknown token, no {N} or two of them, a
// template that does not tell its buckets apart, or one that makes numbers of over 40 letters.
func ParseNumbering(template string, reset Reset) (Numbering, error) {
	n := Numbering{Template: template, Reset: reset}
	refuse := func(format string, args ...any) (Numbering, error) {
		return Numbering{}, ErrTemplate.Because(fmt.Errorf(format, args...))
	}
	if reset != Never && reset != Yearly && reset != Monthly {
		return refuse("reset %q", reset)
	}
	has, numbers, length := map[string]bool{}, 0, 0
	for rest := template; rest != ""; {
		text, after, found := strings.Cut(rest, "{")
		if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || r == '}' }) {
			return refuse("%q: only visible ASCII letters", text)
		}
		if text != "" {
			n.parts = append(n.parts, part{text: text})
			length += len(text)
		}
		if !found {
			break
		}
		token, tail, closed := strings.Cut(after, "}")
		if !closed {
			return refuse("a { without }")
		}
		rest = tail
		p := part{token: token}
		switch {
		case token == "YYYY":
			length += 4
		case token == "YY" || token == "MM" || token == "DD":
			length += 2
		case token == "N" || strings.HasPrefix(token, "N:"):
			width, exact := strings.CutSuffix(strings.TrimPrefix(token[1:], ":"), "!")
			p.token, p.exact = "N", exact
			if token != "N" {
				w, err := strconv.Atoi(width)
				if err != nil || w < 1 || w > 12 {
					return refuse("{%s}: 1 to 12 digits", token)
				}
				p.width = w
			}
			numbers++
			length += max(p.width, 10)
		default:
			return refuse("{%s} is not known", token)
		}
		has[p.token] = true
		n.parts = append(n.parts, p)
	}
	year := has["YYYY"] || has["YY"]
	switch {
	case numbers != 1:
		return refuse("{N} must be there once")
	case reset == Yearly && !year:
		return refuse("a yearly series needs its year")
	case reset == Monthly && !(year && has["MM"]):
		return refuse("a monthly series needs its year and month")
	case length > longest:
		return refuse("numbers are too long")
	}
	return n, nil
}

// Bucket is what numbers are counted in: "", "2027" or "2027-03".
func (n Numbering) Bucket(day period.Day) string {
	switch n.Reset {
	case Yearly:
		return day.Format("2006")
	case Monthly:
		return day.Format("2006-01")
	}
	return ""
}

// Format is the number of a document. Error: ErrSeriesFull.
func (n Numbering) Format(day period.Day, no int64) (string, error) {
	out := make([]byte, 0, longest)
	year, month, dom := day.Time().Date()
	for i := range n.parts {
		switch p := &n.parts[i]; p.token {
		case "":
			out = append(out, p.text...)
		case "YYYY":
			out = digits(out, int64(year), 4)
		case "YY":
			out = digits(out, int64(year%100), 2)
		case "MM":
			out = digits(out, int64(month), 2)
		case "DD":
			out = digits(out, int64(dom), 2)
		case "N":
			from := len(out)
			out = digits(out, no, p.width)
			if p.exact && len(out)-from > p.width {
				return "", ErrSeriesFull
			}
		}
	}
	if len(out) > longest {
		return "", ErrSeriesFull
	}
	return string(out), nil
}

// digits appends a number of at least width digits.
func digits(out []byte, n int64, width int) []byte {
	var buf [20]byte
	text := strconv.AppendInt(buf[:0], n, 10)
	for range width - len(text) {
		out = append(out, '0')
	}
	return append(out, text...)
}
