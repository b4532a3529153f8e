package main

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/notifier"
)

// Discord's bounds, in characters. We count UTF-16 units, of which there are never fewer.
const (
	mostTitle  = 256
	mostText   = 4096
	mostName   = 256
	mostValue  = 1024
	mostFields = 25
	mostAll    = 6000
	mostURL    = 2048
)

// embed is a post as Discord draws it.
type embed struct {
	Title       string  `json:"title,omitempty"`
	Description string  `json:"description,omitempty"`
	URL         string  `json:"url,omitempty"`
	Color       int     `json:"color"`
	Fields      []field `json:"fields,omitempty"`
}

type field struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Inline bool   `json:"inline"`
}

// colors of the levels. What is no level is info.
var colors = map[string]int{"info": 0x3498DB, "good": 0x2ECC71, "warning": 0xF1C40F, "bad": 0xE74C3C}

// besideEach is the longest value that is drawn beside others and not below them.
const besideEach = 40

// compose makes the embed of a post. What is too long is cut: the title and the text first come, then as many fields as
// there is room for.
func compose(p notifier.Post) (embed, error) {
	color, ok := colors[p.Level]
	if !ok {
		color = colors["info"]
	}
	left := mostAll
	take := func(text string, most int) string {
		out := cut(text, min(most, left))
		left -= length(out)
		return out
	}
	e := embed{Color: color, URL: link(p.URL)}
	e.Title = take(oneLine(p.Title), mostTitle)
	if e.Title == "" && e.URL != "" {
		e.Title = take("Open", mostTitle) // Discord shows a link by its title only
	}
	e.Description = take(p.Text, mostText)
	for _, f := range p.Fields {
		// Discord refuses empty names and values.
		name, value := orDash(oneLine(f[0])), orDash(f[1])
		if len(e.Fields) == mostFields || left < mostName+2 {
			break
		}
		row := field{Name: take(name, mostName)}
		row.Value = take(value, mostValue)
		row.Inline = length(row.Value) <= besideEach && !strings.Contains(row.Value, "\n")
		e.Fields = append(e.Fields, row)
	}
	if e.Title == "" && e.Description == "" && len(e.Fields) == 0 {
		return embed{}, fault.New(fault.Invalid, "empty_post", "There is nothing to post.").On("text")
	}
	return e, nil
}

// link is an address that Discord takes, "" for others.
func link(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || len(address) > mostURL {
		return ""
	}
	return u.String()
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func orDash(text string) string {
	if strings.TrimSpace(text) == "" {
		return "–"
	}
	return text
}

func length(text string) int { return len(utf16.Encode([]rune(text))) }

// cut escapes a text and shortens it to most characters, never inside a character, an escape or an address.
func cut(text string, most int) string {
	units := escaped(strings.TrimSpace(text))
	size, fits := 0, 0 // all of it; how many units leave room for "…"
	for _, u := range units {
		size += length(u)
		if size <= most-1 {
			fits++
		}
	}
	if size <= most {
		return strings.Join(units, "")
	}
	if most < 1 {
		return ""
	}
	return strings.TrimRight(strings.Join(units[:fits], ""), " \n") + "…"
}

// address is what Discord turns into a link by itself: within it nothing is formatted, and a backslash would be part of it.
var address = regexp.MustCompile(`^https?://[^\s<]+[^<.,:;"')\]\s]`)

// Marks that begin a line's format, and a number that begins a list.
var (
	lineMarks  = regexp.MustCompile(`^[ ]*[#>\-]`)
	lineNumber = regexp.MustCompile(`^[ ]*[0-9]+[.)]`)
)

// escaped is a plain text as Discord's Markdown, in units that must not be parted.
func escaped(text string) []string {
	var out []string
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n")
	begins, afterLink := true, false
	mark := 0 // bytes from here where a line's format ends
	for at := 0; at < len(text); {
		if begins {
			mark = at + len(lineMarks.FindString(text[at:]))
			if mark == at {
				mark = at + len(lineNumber.FindString(text[at:]))
			}
			begins = false
		}
		if found := address.FindString(text[at:]); found != "" {
			out, afterLink = append(out, found), true
			at += len(found)
			continue
		}
		r, size := utf8.DecodeRuneInString(text[at:])
		at += size
		unit := string(r)
		switch {
		case r == '\n':
			begins = true
		case r == '\t':
			unit = " "
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			continue
		case strings.ContainsRune("\\*_~`|[<@", r), at == mark && !unicode.IsSpace(r):
			unit = `\` + unit
			if afterLink {
				unit = " " + unit // or the backslash would be taken for a part of the address
			}
		}
		out, afterLink = append(out, unit), false
	}
	return out
}
