package sim

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path"
	"strconv"
	"strings"
	"time"
)

// Fault is something that goes wrong on demand. Zero values match: every method, every path, from the first, for ever.
type Fault struct {
	Method string `json:"method,omitempty"` // "POST"; "change" is every request that is no read
	Path   string `json:"path,omitempty"`   // "/servers*": * is any text, slashes too
	Nth    int    `json:"nth,omitempty"`    // the first to be hit, counted from 1 among those that match
	Times  int    `json:"times,omitempty"`  // how many are hit
	// Do is one of
	//
	//	cut-before   the connection breaks before anything is done
	//	cut-after    it is done, the answer is lost
	//	late:2s      it is done that much later, after the answer was given up at once
	//	status:503   that answer, nothing done; status:429:5 adds Retry-After: 5
	//	hang         nothing is done and nothing answered until the caller gives up
	//	half         done; the answer breaks off in the middle
	//	garbage      done; bytes that are no text
	//	html         nothing done; a page with status 200
	//	huge         done; 16 MiB of answer
	//	redirect     nothing done; 302 to another path
	//	slow:3s      done after that time, answered
	Do string `json:"do"`
}

// rule is a fault and what it hit.
type rule struct {
	Fault
	seen, hit int
}

// Faults replaces all faults. An error names one that is not known.
func (s *Sim) Faults(faults ...Fault) error {
	var rules []*rule
	for _, f := range faults {
		if _, _, err := parse(f.Do); err != nil {
			return err
		}
		rules = append(rules, &rule{Fault: f})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = rules
	return nil
}

// FaultsLeft are the faults that may still hit.
func (s *Sim) FaultsLeft() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := []Fault{}
	for _, r := range s.rules {
		if r.Times == 0 || r.hit < r.Times {
			left = append(left, r.Fault)
		}
	}
	return left
}

// parse splits "late:2s" and reads the duration or the status.
func parse(do string) (what string, arg string, err error) {
	what, arg, _ = strings.Cut(do, ":")
	switch what {
	case "cut-before", "cut-after", "hang", "half", "garbage", "html", "huge", "redirect":
		if arg != "" {
			err = fmt.Errorf("%q takes nothing after a colon", what)
		}
	case "late", "slow":
		_, err = time.ParseDuration(arg)
	case "status":
		status, _, _ := strings.Cut(arg, ":")
		var n int
		if n, err = strconv.Atoi(status); err == nil && (n < 100 || n > 599) {
			err = fmt.Errorf("status %d", n)
		}
	default:
		err = fmt.Errorf("the fault %q is not known", do)
	}
	return what, arg, err
}

// fault finds what is to be done to a request: "" for nothing.
func (s *Sim) fault(method, at string, change bool) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rules {
		if !r.matches(method, at, change) {
			continue
		}
		r.seen++
		if r.seen >= max(r.Nth, 1) && (r.Times == 0 || r.hit < r.Times) {
			r.hit++
			return r.Do
		}
	}
	return ""
}

func (r *rule) matches(method, at string, change bool) bool {
	if r.Method == "change" && !change || r.Method != "" && r.Method != "change" && r.Method != method {
		return false
	}
	if r.Path == "" {
		return true
	}
	// path.Match stops at slashes; here * is any text.
	ok, _ := path.Match(strings.ReplaceAll(r.Path, "/", "\x00"), strings.ReplaceAll(at, "/", "\x00"))
	return ok
}

// exchange lets the vendor answer, or a fault.
func (s *Sim) exchange(w http.ResponseWriter, r *http.Request) {
	body := readBody(r)
	at := s.note(r, body)
	s.mu.Lock()
	change := at < len(s.requests) && s.requests[at].Change
	s.mu.Unlock()
	do := s.fault(r.Method, r.URL.Path, change)
	what, arg := "", ""
	if do != "" {
		what, arg, _ = parse(do) // Faults refused what does not parse
	}
	switch what {
	case "late": // the caller is told nothing, then it happens
		later := r.Clone(context.WithoutCancel(r.Context()))
		later.Body = io.NopCloser(bytes.NewReader(body))
		wait, _ := time.ParseDuration(arg)
		time.AfterFunc(wait, func() { s.noted(at, do, s.answer(later).Code) })
		s.noted(at, do, 0)
		panic(http.ErrAbortHandler)
	case "cut-before":
		s.noted(at, do, 0)
		panic(http.ErrAbortHandler)
	case "hang":
		s.noted(at, do, 0)
		s.wait(r, time.Hour)
		panic(http.ErrAbortHandler)
	case "status":
		status, after, _ := strings.Cut(arg, ":")
		if after != "" {
			w.Header().Set("Retry-After", after)
		}
		n, _ := strconv.Atoi(status)
		s.noted(at, do, n)
		http.Error(w, "the simulator was told to answer so", n)
		return
	case "html":
		s.noted(at, do, http.StatusOK)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!doctype html><title>Maintenance</title><p>We are back soon.")
		return
	case "redirect":
		s.noted(at, do, http.StatusFound)
		http.Redirect(w, r, "/_elsewhere"+r.URL.Path, http.StatusFound)
		return
	case "slow":
		wait, _ := time.ParseDuration(arg)
		s.wait(r, wait)
	}
	answer := s.answer(r)
	s.noted(at, do, answer.Code)
	if what == "cut-after" {
		panic(http.ErrAbortHandler)
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	switch what {
	case "half":
		text := answer.Body.Bytes()
		w.Header().Set("Content-Length", strconv.Itoa(len(text)+64)) // so that even an empty one is short
		w.WriteHeader(answer.Code)
		_, _ = w.Write(text[:len(text)/2])
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		panic(http.ErrAbortHandler)
	case "garbage":
		noise := make([]byte, 512)
		for i := range noise {
			noise[i] = byte(rand.N(256))
		}
		w.Header().Del("Content-Length")
		w.WriteHeader(answer.Code)
		_, _ = w.Write(append([]byte{0xff, 0x00}, noise...))
	case "huge":
		w.Header().Del("Content-Length")
		w.WriteHeader(answer.Code)
		block := bytes.Repeat([]byte(" "), 1<<20)
		for range 16 {
			if _, err := w.Write(block); err != nil {
				return // the caller has had enough
			}
		}
		_, _ = w.Write(answer.Body.Bytes())
	default:
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes()) // a caller that is gone is no concern of ours
	}
}

// answer lets the vendor answer into memory. What it changed is kept before anybody hears of it.
func (s *Sim) answer(r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	s.vendor.Handler.ServeHTTP(rec, r)
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		s.keep()
	}
	return rec
}

// wait ends early when the caller or the simulator does.
func (s *Sim) wait(r *http.Request, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
	case <-s.closed:
	}
}
