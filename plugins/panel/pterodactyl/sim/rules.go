package sim

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Laravel's validation rules, as far as the panel and its games use them
// (laravel.com/docs/10.x/validation, read 2026-11-20).

var (
	alphaDash = regexp.MustCompile(`^[\pL\pM\pN_-]+$`)
	alphaNum  = regexp.MustCompile(`^[\pL\pM\pN]+$`)
	digits    = regexp.MustCompile(`^[0-9]+$`)
)

// check judges one value by rules such as "required|string|max:20". An empty text counts as null, as the panel's
// middleware makes it.
func (p *problems) check(field string, value any, rules string) {
	bad := func(rule, format string, args ...any) { p.add(field, rule, format, args...) }
	list := splitRules(rules)
	if value == nil || value == "" {
		for _, rule := range list {
			if rule == "required" {
				bad("required", "The %s field is required.", field)
			}
		}
		return
	}
	text, isText := value.(string)
	if n, ok := value.(json.Number); ok {
		text = n.String()
	}
	number, notNumber := strconv.ParseFloat(text, 64)
	size := float64(utf8.RuneCountInString(text))
	for _, rule := range list {
		if rule == "numeric" || rule == "integer" {
			size = number
		}
	}
	for _, rule := range list {
		name, arg, _ := strings.Cut(rule, ":")
		ok := true
		switch name {
		case "string":
			ok = isText
		case "numeric":
			ok = notNumber == nil && text != ""
		case "integer":
			_, err := strconv.ParseInt(text, 10, 64)
			ok = err == nil
		case "boolean":
			b, isBool := value.(bool)
			ok = isBool && (b || !b) || text == "0" || text == "1"
		case "max":
			ok = size <= float(arg)
		case "min":
			ok = size >= float(arg)
		case "size":
			ok = size == float(arg)
		case "between":
			low, high, _ := strings.Cut(arg, ",")
			ok = size >= float(low) && size <= float(high)
		case "digits_between":
			low, high, _ := strings.Cut(arg, ",")
			ok = digits.MatchString(text) && float64(len(text)) >= float(low) && float64(len(text)) <= float(high)
		case "in":
			ok = false
			for _, one := range strings.Split(arg, ",") {
				ok = ok || one == text
			}
		case "alpha_dash":
			ok = alphaDash.MatchString(text)
		case "alpha_num":
			ok = alphaNum.MatchString(text)
		case "regex":
			re, err := regexp.Compile(strings.Trim(arg, "/"))
			ok = err == nil && re.MatchString(text)
		case "email":
			at := strings.LastIndex(text, "@")
			ok = at > 0 && at < len(text)-1
		case "array":
			switch value.(type) {
			case []any, object:
			default:
				ok = false
			}
		case "required", "nullable":
		default:
			panic(fmt.Sprintf("the simulator does not know the rule %q", rule))
		}
		if !ok {
			bad(name, "The %s field is not valid: %s.", field, rule)
		}
	}
}

// splitRules keeps bars inside a regex.
func splitRules(rules string) []string {
	var out []string
	for rules != "" {
		rule, rest, _ := strings.Cut(rules, "|")
		if strings.HasPrefix(rules, "regex:/") {
			end := strings.LastIndex(rules, "/") + 1
			rule, rest = rules[:end], strings.TrimPrefix(rules[end:], "|")
		}
		out, rules = append(out, rule), rest
	}
	return out
}

func float(text string) float64 {
	f, _ := strconv.ParseFloat(text, 64) // the simulator's own rules
	return f
}

// whole reads a number of a body, 0 for what is none.
func whole(value any) int64 {
	switch v := value.(type) {
	case json.Number:
		n, _ := v.Int64()
		return n
	case string:
		n, _ := strconv.ParseInt(v, 10, 64)
		return n
	}
	return 0
}

func text(value any) string {
	t, _ := value.(string)
	return t
}

func truth(value any) bool {
	b, is := value.(bool)
	return is && b || fmt.Sprint(value) == "1"
}
