package api

import (
	"cmp"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/sdk/fault"
)

// failed carries a handler's error through huma, to the error handler of all sites.
type failed struct{ err error }

func (f *failed) Error() string  { return f.err.Error() }
func (f *failed) GetStatus() int { return http.StatusInternalServerError }

// take keeps what went wrong, in a handler or in the check of the request.
func take(c huma.Context, _ string, answer any) (any, error) {
	if k, ok := c.(*call); ok {
		switch e := answer.(type) {
		case *failed:
			k.err = e.err
		case *huma.ErrorModel:
			k.err = refusal(e)
		}
	}
	return answer, nil
}

// plainMessage are what huma says that means something to people.
var plainMessage = regexp.MustCompile(`^(expected |unexpected property$|unknown query parameter$|invalid |required )`)

var missing = regexp.MustCompile(`^expected required property (\S+) to be present$`)

// refusal is the first thing that is wrong with a request, as a fault that names the field.
func refusal(e *huma.ErrorModel) error {
	switch e.Status {
	case http.StatusUnsupportedMediaType, http.StatusRequestEntityTooLarge, http.StatusRequestTimeout, http.StatusNotAcceptable:
		return echo.NewHTTPError(e.Status)
	}
	if len(e.Errors) == 0 {
		return fault.New(fault.Invalid, "body_missing", "Send a body of JSON.")
	}
	// What should not be there at all comes first: then the rest is about something else.
	first := slices.MinFunc(e.Errors, func(a, b *huma.ErrorDetail) int {
		return cmp.Or(rank(a)-rank(b), cmp.Compare(a.Location, b.Location), cmp.Compare(a.Message, b.Message))
	})
	field := first.Location
	for _, in := range []string{"body", "query", "header", "path"} {
		field = strings.TrimPrefix(strings.TrimPrefix(field, in+"."), in)
	}
	if m := missing.FindStringSubmatch(first.Message); m != nil {
		return fault.New(fault.Invalid, "field_missing", "This field is needed.").On(strings.TrimPrefix(field+"."+m[1], "."))
	}
	switch {
	case strings.HasPrefix(first.Message, "required "):
		return fault.New(fault.Invalid, "field_missing", "This field is needed.").On(field)
	case first.Message == "unexpected property", first.Message == "unknown query parameter":
		return fault.New(fault.Invalid, "field_unknown", "There is no such field.").On(field)
	case e.Status == http.StatusBadRequest, !plainMessage.MatchString(first.Message):
		return fault.New(fault.Invalid, "body_unreadable", "The body is not the JSON that is wanted here.").On(field)
	}
	text := []rune(fault.Cut(first.Message, 300) + ".")
	text[0] = unicode.ToUpper(text[0])
	return fault.New(fault.Invalid, "field_invalid", string(text)).On(field)
}

func rank(d *huma.ErrorDetail) int {
	if d.Message == "unexpected property" || d.Message == "unknown query parameter" {
		return 0
	}
	return 1
}
