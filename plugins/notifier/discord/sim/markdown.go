package sim

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	link       = regexp.MustCompile(`^https?://[^\s<]+[^<.,:;"')\]\s]`)
	masked     = regexp.MustCompile(`^\[([^\]\n]*)\]\(https?://[^)\s]*\)`)
	special    = regexp.MustCompile(`^<(@[!&]?\d+|#\d+|a?:\w+:\d+|t:-?\d+(:\w)?)>`)
	hidden     = regexp.MustCompile(`^<(https?://[^>\s]*)>`)
	lineFormat = regexp.MustCompile(`^ *(#{1,3} |-# |>>> |> |- |\* )`)
	listNumber = regexp.MustCompile(`^ *\d+\. `)
	marks      = []string{"**", "__", "~~", "||", "```", "`", "*", "_"}
)

// drawn is a text as a reader sees it: Markdown is gone, escapes are their characters, and what Discord replaces, such as a
// mention, stands in braces. It is stricter than Discord: a mark that is not escaped is gone even without its partner.
func drawn(text string) string {
	var out strings.Builder
	begins := true
	for text != "" {
		if begins {
			text = text[len(lineFormat.FindString(text)):]
			if number := listNumber.FindString(text); number != "" {
				out.WriteString("• ")
				text = text[len(number):]
			}
			begins = false
			continue
		}
		if found := link.FindString(text); found != "" {
			out.WriteString(found)
			text = text[len(found):]
			continue
		}
		if text[0] == '\\' && len(text) > 1 {
			if r, size := utf8.DecodeRuneInString(text[1:]); !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsSpace(r) {
				out.WriteRune(r)
				text = text[1+size:]
				continue
			}
		}
		if m := masked.FindStringSubmatch(text); m != nil {
			out.WriteString(m[1])
			text = text[len(m[0]):]
			continue
		}
		if m := special.FindStringSubmatch(text); m != nil {
			out.WriteString("{" + m[1] + "}")
			text = text[len(m[0]):]
			continue
		}
		if m := hidden.FindStringSubmatch(text); m != nil {
			out.WriteString(m[1])
			text = text[len(m[0]):]
			continue
		}
		if at := slices.IndexFunc(marks, func(m string) bool { return strings.HasPrefix(text, m) }); at >= 0 {
			text = text[len(marks[at]):]
			continue
		}
		r, size := utf8.DecodeRuneInString(text)
		out.WriteString(text[:size])
		text, begins = text[size:], r == '\n'
	}
	return out.String()
}

var (
	everyone = regexp.MustCompile(`@(everyone|here)`)
	users    = regexp.MustCompile(`<@!?(\d+)>`)
)

// calls is whom a message mentions: only its content can, and only whom allowed_mentions lets it.
func (b *body) calls() []string {
	allows := func(kind string) bool { return b.Mentions == nil || slices.Contains(b.Mentions.Parse, kind) }
	var out []string
	if allows("everyone") {
		out = append(out, everyone.FindAllString(b.Content, -1)...)
	}
	for _, m := range users.FindAllStringSubmatch(b.Content, -1) {
		if allows("users") || slices.Contains(b.Mentions.Users, m[1]) {
			out = append(out, m[1])
		}
	}
	return out
}
