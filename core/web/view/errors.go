package view

import (
	"encoding/json"
	"errors"
	"html"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/sdk/fault"
)

// ErrorPage is the struct of shared/error.html. It needs no database and no plugin.
type ErrorPage struct {
	Page
	Code   int    // HTTP status
	Text   string // one sentence: what happened
	Reason string // the likely reason, what to do
	Ways   []Link // ways on, at most two
	Time   string // when, with zone
}

// answer is how an error is told.
type answer struct {
	status     int
	code, text string
	field      string
	after      int // seconds
}

// ErrorHandler tells people about errors: fault text and a reference, nothing else. Requests under /api get
// problem JSON (RFC 9457), others an error page of the site they came to. What is a bug is logged with the
// reference.
func ErrorHandler(log *slog.Logger) echo.HTTPErrorHandler {
	return func(err error, c echo.Context) {
		if c.Response().Committed {
			return
		}
		a := answerTo(err)
		id := c.Response().Header().Get(echo.HeaderXRequestID)
		if a.status >= 500 && log != nil {
			log.Error("request failed", "request", id, "method", c.Request().Method, "route", c.Path(), "error", err.Error())
		}
		h := c.Response().Header()
		h.Set("Cache-Control", "no-store")
		h.Del("Content-Length")
		h.Del("Content-Encoding")
		h.Del("ETag")
		if a.after > 0 {
			h.Set("Retry-After", strconv.Itoa(a.after))
		}
		if werr := a.write(c, id); werr != nil && log != nil {
			log.Error("error page failed", "request", id, "error", werr.Error())
		}
	}
}

// Status is the HTTP status of an error.
func Status(err error) int { return answerTo(err).status }

func answerTo(err error) answer {
	var f *fault.Fault
	if errors.As(err, &f) {
		a := answer{status: statusOf(f), code: f.Code, text: f.Text, field: f.Field, after: int(math.Ceil(f.After.Seconds()))}
		if f.Kind == fault.Internal {
			a.code, a.text, a.field = "internal", "", ""
		}
		if a.text == "" {
			a.text = sentence(f.Kind)
		}
		return a
	}
	var h *echo.HTTPError
	if errors.As(err, &h) && h.Code >= 400 && h.Code < 600 {
		return answer{status: h.Code, code: strings.ReplaceAll(strings.ToLower(http.StatusText(h.Code)), " ", "_"), text: plain(h.Code)}
	}
	return answer{status: http.StatusInternalServerError, code: "internal", text: plain(http.StatusInternalServerError)}
}

func statusOf(f *fault.Fault) int {
	switch f.Kind {
	case fault.Invalid:
		return http.StatusUnprocessableEntity
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.Declined:
		if f.After > 0 { // asked too often
			return http.StatusTooManyRequests
		}
		return http.StatusUnprocessableEntity
	case fault.Unavailable, fault.Unknown:
		return http.StatusServiceUnavailable
	case fault.Unsupported:
		return http.StatusNotImplemented
	}
	return http.StatusInternalServerError
}

// sentence is said for a fault that has no text of its own.
func sentence(k fault.Kind) string {
	switch k {
	case fault.Invalid:
		return "Something in this request is not right."
	case fault.NotFound:
		return "This page does not exist."
	case fault.Conflict:
		return "This was changed meanwhile. Read it again, then decide."
	case fault.Forbidden:
		return "You may not do this."
	case fault.Declined:
		return "This was refused."
	case fault.Unavailable:
		return "This does not answer at the moment. Nothing was done."
	case fault.Unknown:
		return "It is not certain yet whether this was done. We find out and do not do it twice."
	case fault.Unsupported:
		return "This is not possible here."
	}
	return plain(http.StatusInternalServerError)
}

func plain(status int) string {
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return "Something in this request is not right."
	case http.StatusUnauthorized:
		return "Sign in to see this page."
	case http.StatusForbidden:
		return "You may not do this."
	case http.StatusNotFound:
		return "This page does not exist."
	case http.StatusMethodNotAllowed:
		return "This page cannot be used in this way."
	case http.StatusRequestEntityTooLarge:
		return "This is too large."
	case http.StatusUnsupportedMediaType:
		return "This kind of content is not understood."
	case http.StatusMisdirectedRequest:
		return "This address does not belong to us."
	case http.StatusTooManyRequests:
		return "Too many requests from here."
	case http.StatusServiceUnavailable:
		return "This does not answer at the moment."
	}
	if status < 500 {
		return "This request was refused."
	}
	return "Something on our side went wrong."
}

func reason(status, after int) string {
	switch status {
	case http.StatusNotFound:
		return "It may have ended, or it belongs to another customer."
	case http.StatusForbidden:
		return "Your role does not include it, or the form was open too long. Open the page again and repeat it."
	case http.StatusMethodNotAllowed:
		return "A link or a form led here by mistake."
	case http.StatusTooManyRequests:
		if after > 0 {
			return "Wait " + strconv.Itoa(after) + " seconds, then go on."
		}
		return "Wait a minute, then go on."
	case http.StatusServiceUnavailable:
		return "Try again in a minute. What you typed is still in the form if you go back."
	}
	if status >= 500 {
		return "Nothing you did caused it. It is on record; support can find it by the reference below."
	}
	return ""
}

func (a answer) write(c echo.Context, id string) error {
	path := c.Request().URL.Path
	if path == "/api" || strings.HasPrefix(path, "/api/") {
		body, err := json.Marshal(Problem{Type: "about:blank", Title: http.StatusText(a.status), Status: a.status, Detail: a.text, Code: a.code, Field: a.field, Reference: id})
		if err != nil {
			return err
		}
		return c.Blob(a.status, "application/problem+json", body)
	}
	if c.Request().Method == http.MethodHead {
		return c.NoContent(a.status)
	}
	s := siteOf(c)
	if s == nil {
		return c.HTML(a.status, bare(a, id))
	}
	page := &ErrorPage{Page: Page{Title: a.text}, Code: a.status, Text: a.text, Reason: reason(a.status, a.after), Ways: s.ways()}
	s.fill(c, &page.Page)
	page.Time = s.engine.opts.Clock.Now().In(s.engine.opts.Zone).Format("2 Jan 2006, 15:04 MST")
	page.RequestID, page.NoIndex = id, true
	body, err := s.draw("shared/error.html", page, &page.Page)
	if err != nil {
		return errors.Join(err, c.HTML(a.status, bare(a, id)))
	}
	return c.HTMLBlob(a.status, body)
}

func (s *site) ways() []Link {
	switch s.Name {
	case "portal":
		return []Link{{"Go to overview", "/"}, {"To your services", "/services"}}
	case "admin":
		return []Link{{"Go to dashboard", "/"}, {"See the jobs", "/jobs"}}
	}
	ways := []Link{{"Go to the start page", "/"}}
	if s.Links.Portal != "" {
		ways = append(ways, Link{"Sign in", s.Links.Portal})
	}
	return ways
}

// Problem is the body of an error of the API, application/problem+json.
type Problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail,omitempty"`
	Code      string `json:"code,omitempty"`      // stable
	Field     string `json:"field,omitempty"`     // which input
	Reference string `json:"reference,omitempty"` // to quote to support
}

// bare is what is left to say when even the template of the error page fails.
func bare(a answer, id string) string {
	return "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>" + html.EscapeString(a.text) + "</title><h1>" + html.EscapeString(a.text) +
		"</h1><p>Reference: " + html.EscapeString(id) + "</p></html>"
}
