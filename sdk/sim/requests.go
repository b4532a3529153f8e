package sim

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Request is one exchange with the vendor, without its secrets.
type Request struct {
	Number int               `json:"number"` // from 1
	At     time.Time         `json:"at"`
	Method string            `json:"method"`
	Path   string            `json:"path"`
	Query  string            `json:"query,omitempty"`
	Header map[string]string `json:"header,omitempty"`
	Body   string            `json:"body,omitempty"`   // at most 4 kB
	Change bool              `json:"change"`           // it was no read
	Fault  string            `json:"fault,omitempty"`  // what was done to it
	Status int               `json:"status,omitempty"` // the vendor's answer, also where the caller did not see it
}

// Requests are what came, oldest first.
func (s *Sim) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request{}, s.requests...)
}

// Changes are the requests that were no reads.
func (s *Sim) Changes() []Request {
	return slices.DeleteFunc(s.Requests(), func(r Request) bool { return !r.Change })
}

// Forget forgets the requests.
func (s *Sim) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

// keepBody is how much of a body is listed.
const keepBody = 4 << 10

// note lists a request and returns its index.
func (s *Sim) note(r *http.Request, body []byte) int {
	change := r.Method != http.MethodGet && r.Method != http.MethodHead
	if change && s.vendor.Reads != nil {
		change = !s.vendor.Reads(r)
	}
	q := Request{
		Method: r.Method, Path: longSegment.ReplaceAllString(r.URL.Path, "***"), Query: cutQuery(r.URL.Query()), Header: map[string]string{},
		Body: cutBody(string(body[:min(len(body), keepBody)])), Change: change, At: s.Now(),
	}
	for name := range r.Header {
		q.Header[name] = r.Header.Get(name)
		if secretName.MatchString(name) {
			q.Header[name] = "***"
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q.Number = len(s.requests) + 1
	s.requests = append(s.requests, q)
	return len(s.requests) - 1
}

func (s *Sim) noted(at int, fault string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at < len(s.requests) { // Forget may have come between
		s.requests[at].Fault, s.requests[at].Status = fault, status
	}
}

// Secrets are known by their names: a simulator's list is shown in demos.
var (
	secretName   = regexp.MustCompile(`(?i)authori[sz]ation|cookie|token|secret|password|passwd|api[-_]?key|signature|^key$|x-auth|cvc|card_?number|card\[number\]`)
	longSegment  = regexp.MustCompile(`[A-Za-z0-9_-]{60,}`) // in a path: a token, as Discord's
	secretInJSON = regexp.MustCompile(`(?i)("[^"]*(?:token|secret|password|passwd|api_?key)[^"]*"\s*:\s*)"(?:[^"\\]|\\.)*"?`)
)

func cutQuery(q url.Values) string {
	for name := range q {
		if secretName.MatchString(name) {
			q.Set(name, "***")
		}
	}
	return q.Encode()
}

func cutBody(body string) string {
	if strings.HasPrefix(strings.TrimSpace(body), "{") || strings.HasPrefix(strings.TrimSpace(body), "[") {
		return secretInJSON.ReplaceAllString(body, `$1"***"`)
	}
	if form, err := url.ParseQuery(body); err == nil && strings.Contains(body, "=") {
		return cutQuery(form)
	}
	return body
}

// readBody takes the body out and puts it back, so that both we and the vendor read it.
func readBody(r *http.Request) []byte {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 32<<20)) // a caller that broke off: the vendor sees what came
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body
}
