package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/secret"
)

// readLimit and sendLimit end a request before the host's deadlines for such calls (10 s and 60 s) do.
const (
	readLimit = 9 * time.Second
	sendLimit = 50 * time.Second
)

func basic(key secret.Value) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth("api", key.Reveal()) }
}

// Refusals whose meaning others need.
var (
	errOnlySends  = fault.New(fault.Forbidden, "only_sends", "This key may only send.").On("key")
	errBadKey     = fault.New(fault.Forbidden, "bad_key", "Mailgun refuses this key. It may belong to the other region.").On("key")
	errBadDomain  = fault.New(fault.Forbidden, "unknown_domain", "Mailgun does not know this domain in this region.").On("domain")
	errTooLarge   = fault.New(fault.Declined, "too_large", "The mail is too large.")
	errElsewhere  = fault.New(fault.Unavailable, "foreign_page", "")
	errNoReceipt  = fault.New(fault.Unknown, "no_receipt", "")
	errNotSpoken  = fault.New(fault.Unknown, "not_mailgun", "")
	errNotReached = fault.New(fault.Unavailable, "not_mailgun", "")
)

func onlySends(err error) bool { return errors.Is(err, errOnlySends) }

// get reads path into out.
func (m *Mailgun) get(ctx context.Context, path string, out any) error {
	ctx, stop := context.WithTimeout(ctx, readLimit)
	defer stop()
	if out == nil {
		out = new(json.RawMessage) // so that a page of HTML is noticed
	}
	return m.do(ctx, http.MethodGet, path, "", nil, out)
}

// do makes a request and sorts what rest cannot know: Mailgun's 401 is plain text, its 404 is about the domain, and some of
// its limits are told as other errors.
func (m *Mailgun) do(ctx context.Context, method, path, kind string, body io.Reader, out any) error {
	api, heard := m.api, ""
	status, spoken := 0, false
	api.Auth = func(r *http.Request) {
		m.api.Auth(r)
		if kind != "" {
			r.Header.Set("Content-Type", kind)
		}
		if method != http.MethodGet {
			r.GetBody = nil // Go's transport must not send a mail twice by itself
		}
	}
	api.Why = func(s int, body []byte) string {
		status = s
		heard, spoken = said(body)
		return heard
	}
	var in any
	if body != nil {
		in = body
	}
	err := api.Do(ctx, method, path, in, out)
	if err == nil {
		return nil
	}
	return sorted(err, method, status, heard, spoken)
}

// said is the message of an answer; ok says that it is Mailgun's JSON.
func said(body []byte) (text string, ok bool) {
	var e struct{ Message *string }
	if json.Unmarshal(body, &e) != nil || e.Message == nil {
		return "", false
	}
	return *e.Message, true
}

// limitText is how Mailgun tells of a limit, whatever the status: "account-requests-per-sec limit exceeded, try again after
// 120 seconds".
var (
	limitText = regexp.MustCompile(`(?i)limit exceeded|exceeded .*limit|too many requests`)
	againText = regexp.MustCompile(`(?i)try again after (\d{1,6}) seconds?`)
)

// sorted gives an error the kind that Mailgun means by it. status 0: there was no answer, and err is right as it is.
func sorted(err error, method string, status int, heard string, spoken bool) error {
	f := fault.Of(err)
	if f == nil || status == 0 {
		return err
	}
	as := func(known *fault.Fault) *fault.Fault { return known.Because(errors.New(f.Detail)) }
	switch {
	case status == http.StatusTooManyRequests || status >= 400 && status < 500 && limitText.MatchString(heard):
		return as(fault.New(fault.Unavailable, "rate_limit", "")).Retry(comeAgain(f.After, heard))
	case status == http.StatusUnauthorized:
		return as(errBadKey)
	case status == http.StatusForbidden && spoken:
		return as(errOnlySends)
	case status == http.StatusNotFound && spoken:
		return as(errBadDomain)
	case status == http.StatusNotFound && method == http.MethodGet:
		return as(errNotReached) // a 404 of somebody else says nothing about a mail
	case status == http.StatusNotFound:
		return as(errNotSpoken)
	case status == http.StatusRequestEntityTooLarge:
		return as(errTooLarge)
	case status == http.StatusPaymentRequired:
		return as(fault.New(fault.Declined, "request_failed", ""))
	case status == http.StatusBadRequest:
		return as(fault.New(fault.Invalid, "refused", ""))
	}
	return f
}

// usualWait is for limits that do not say how long they last.
const usualWait = 30 * time.Second

// comeAgain is when the vendor asked us to, by header or by text; at most an hour.
func comeAgain(header time.Duration, heard string) time.Duration {
	if header > 0 {
		return header
	}
	if m := againText.FindStringSubmatch(heard); m != nil {
		n, _ := strconv.Atoi(m[1]) // six digits at most
		return min(time.Duration(n)*time.Second, time.Hour)
	}
	return usualWait
}

// item is an event as the events API and the webhooks tell it.
type item struct {
	Event          string          `json:"event"`
	ID             string          `json:"id"`
	Timestamp      json.Number     `json:"timestamp"`
	Severity       string          `json:"severity"`
	Reason         string          `json:"reason"`
	Recipient      string          `json:"recipient"`
	Variables      json.RawMessage `json:"user-variables"` // an object, but [] when empty in old events
	DeliveryStatus struct {
		Code        json.RawMessage `json:"code"`
		Message     string          `json:"message"`
		Description string          `json:"description"`
	} `json:"delivery-status"`
	Reject struct {
		Reason string `json:"reason"`
	} `json:"reject"`
	Message struct {
		Headers struct {
			ID string `json:"message-id"`
		} `json:"headers"`
	} `json:"message"`
}

// mostPages bounds a walk through events: what we search for is on the first page, or it is not there.
const mostPages = 10

// event walks the pages of a query until fits says yes. ok false: all pages were read.
func (m *Mailgun) event(ctx context.Context, q url.Values, fits func(item) bool) (found item, ok bool, err error) {
	path := "/v3/" + m.domain + "/events?" + q.Encode()
	for range mostPages {
		var page struct {
			Items  []item
			Paging struct{ Next string }
		}
		if err := m.get(ctx, path, &page); err != nil {
			return item{}, false, err
		}
		if page.Items == nil {
			return item{}, false, errNotReached // an answer without items is none of Mailgun's
		}
		for _, e := range page.Items {
			if fits(e) {
				return e, true, nil
			}
		}
		if len(page.Items) == 0 {
			return item{}, false, nil
		}
		if path, err = m.inside(page.Paging.Next); err != nil {
			return item{}, false, err
		}
	}
	return item{}, false, fault.New(fault.Unavailable, "too_many_pages", "")
}

// inside turns a link of an answer into a path of ours: the key goes to no other host.
func (m *Mailgun) inside(link string) (string, error) {
	u, err := url.Parse(link)
	if err != nil || u.Host != m.base.Host {
		return "", errElsewhere.Because(errors.New("the next page is at another host"))
	}
	path, ok := strings.CutPrefix(u.EscapedPath(), m.base.EscapedPath())
	if !ok || !strings.HasPrefix(path, "/v3/") {
		return "", errElsewhere.Because(errors.New("the next page is at another path"))
	}
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	return path, nil
}
