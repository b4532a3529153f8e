package storefront

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ezscale/bursar/core/base/period"
)

// cycleWord is the name of a cycle, as on a switch.
func cycleWord(c period.Cycle) string {
	switch c {
	case period.Monthly:
		return "Monthly"
	case period.Quarterly:
		return "Quarterly"
	case period.Annually:
		return "Yearly"
	case period.Cycle{N: 1, Unit: period.Weeks}:
		return "Weekly"
	case period.Cycle{N: 1, Unit: period.Days}:
		return "Daily"
	}
	if !c.Recurs() {
		return "Once"
	}
	return fmt.Sprintf("Every %d %ss", c.N, c.Unit)
}

// every is what stands behind a price: a month, every 3 months.
func every(c period.Cycle) string {
	switch {
	case !c.Recurs():
		return "once"
	case c.N == 1:
		return "a " + string(c.Unit)
	}
	return fmt.Sprintf("every %d %ss", c.N, c.Unit)
}

// cycleSlug is a cycle in an address: 1-month.
func cycleSlug(c period.Cycle) string { return strings.ReplaceAll(c.String(), " ", "-") }

// cycleOf reads cycleSlug; false for what is none.
func cycleOf(text string) (period.Cycle, bool) {
	c, err := period.ParseCycle(strings.ReplaceAll(text, "-", " "))
	return c, err == nil
}

// months is how many months a cycle has, 0 if it is not made of them.
func months(c period.Cycle) int64 {
	switch c.Unit {
	case period.Month:
		return int64(c.N)
	case period.Year:
		return 12 * int64(c.N)
	}
	return 0
}

// slug makes a word for addresses out of a label: small letters, digits and hyphens.
func slug(text string) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(text) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			b.WriteRune(r)
			gap = false
			continue
		}
		gap = true
	}
	return b.String()
}

// list joins words as a sentence does.
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// linesOf are the lines of a text that are not empty.
func linesOf(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// inside is a label as it is written inside a sentence: dedicated servers, but VPS and vCPU as they are.
func inside(label string) string {
	first, size := utf8.DecodeRuneInString(label)
	second, _ := utf8.DecodeRuneInString(label[size:])
	if unicode.IsUpper(second) {
		return label
	}
	return string(unicode.ToLower(first)) + label[size:]
}

// before is a label up to its first comma.
func before(label string) string {
	short, _, _ := strings.Cut(label, ",")
	return short
}
