package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/rest"
)

const (
	patience  = 5 * time.Second  // how long a call waits for its turn and for Discord's limits
	sendLimit = 20 * time.Second // one request
	readLimit = 8 * time.Second
	banFor    = 10 * time.Minute // how long we keep away when Discord's front refuses all of us and does not say for how long
	mostAfter = time.Hour
)

// Faults whose meaning others need.
var (
	errGone   = fault.New(fault.Forbidden, "webhook_gone", "This Discord webhook was deleted. Make a new one and set its address.").On("webhook")
	errToken  = fault.New(fault.Forbidden, "bad_token", "Discord refuses this webhook's address.").On("webhook")
	errThread = fault.New(fault.Invalid, "needs_thread", "This is a forum channel: add ?thread_id= and a thread's number to the webhook's address.").On("webhook")
	errBusy   = fault.New(fault.Unavailable, "busy", "")
)

// limited is the code of faults after which a call may wait and try again.
const limited = "rate_limit"

// exchange makes one call when it is its turn. What Discord refuses for its limits is waited for, five seconds at most in
// all, else it is Unavailable with After.
func (d *Discord) exchange(ctx context.Context, method, query string, in, out any) error {
	waiting, stop := context.WithTimeout(ctx, patience)
	defer stop()
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-waiting.Done():
		return errBusy.Retry(patience).Because(waiting.Err())
	}
	for {
		if err := d.free(waiting); err != nil {
			return err
		}
		err := d.once(ctx, method, query, in, out)
		f := fault.Of(err)
		if f == nil || f.Kind != fault.Unavailable || f.After == 0 {
			return err
		}
		d.wait(f.After)
		if f.Code != limited || f.After > patience {
			return err
		}
	}
}

// wait lets nothing be sent for a while.
func (d *Discord) wait(after time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.until = d.now().Add(after)
}

// free waits until something may be sent, or says when that will be.
func (d *Discord) free(waiting context.Context) error {
	d.mu.Lock()
	after, gone := d.until.Sub(d.now()), d.gone
	d.mu.Unlock()
	switch {
	case gone:
		return errGone
	case after <= 0:
		return nil
	case after > patience:
		return fault.New(fault.Unavailable, limited, "").Retry(after)
	}
	timer := time.NewTimer(after)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-waiting.Done():
		return fault.New(fault.Unavailable, limited, "").Retry(after).Because(waiting.Err())
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.until = time.Time{}
	return nil
}

// once makes one request.
func (d *Discord) once(ctx context.Context, method, query string, in, out any) error {
	limit, body := readLimit, io.Reader(nil)
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return fault.New(fault.Internal, "unwritable_request", "").Because(err)
		}
		limit, body = sendLimit, bytes.NewReader(data)
	}
	ctx, stop := context.WithTimeout(ctx, limit)
	defer stop()
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	r, err := http.NewRequestWithContext(ctx, method, d.at+query, body)
	if err != nil {
		return errHook
	}
	r.GetBody = nil // Go's transport must not post twice by itself
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "Bursar (https://github.com/ezscale/bursar, "+version+")")
	res, err := d.http.Do(r)
	if err != nil {
		return rest.Broken(method, connected.Load(), err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, rest.Limit+1))
	d.count(res.Header)
	switch {
	case res.StatusCode < 200 || res.StatusCode > 299:
		return d.refused(method, res, data)
	case err != nil:
		return rest.Broken(method, true, err)
	case len(data) > rest.Limit || json.Unmarshal(data, out) != nil:
		return unreadable(method)
	}
	return nil
}

// unreadable is an answer that is not Discord's: whether it was done is open.
func unreadable(method string) error {
	if method == http.MethodGet {
		return fault.New(fault.Unavailable, "unreadable_answer", "")
	}
	return fault.New(fault.Unknown, "unreadable_answer", "")
}

// count notes when the bucket that this answer emptied is full again.
func (d *Discord) count(h http.Header) {
	if h.Get("X-RateLimit-Remaining") != "0" {
		return
	}
	if after, ok := seconds(h.Get("X-RateLimit-Reset-After")); ok {
		d.wait(after)
	}
}

// seconds reads Discord's decimals, rounded up to the millisecond.
func seconds(text string) (time.Duration, bool) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || n < 0 {
		return 0, false
	}
	return min(time.Duration(math.Ceil(min(n, mostAfter.Seconds())*1000))*time.Millisecond, mostAfter), true
}

// problem is an error of Discord's own.
type problem struct {
	Message string          `json:"message"`
	Code    *int            `json:"code"`
	Errors  json.RawMessage `json:"errors"`
	After   *float64        `json:"retry_after"`
	Global  bool            `json:"global"`
}

// refused turns an answer that is no success into a fault.
func (d *Discord) refused(method string, res *http.Response, body []byte) error {
	var p problem
	spoken := json.Unmarshal(body, &p) == nil && (p.Code != nil || p.After != nil)
	why := errors.New(fault.Cut(fmt.Sprintf("status %d with a body that is not Discord's", res.StatusCode), fault.DetailLimit))
	code := 0
	if spoken {
		if p.Code != nil {
			code = *p.Code
		}
		why = errors.New(fault.Cut(fmt.Sprintf("%d %d %s %s", res.StatusCode, code, p.Message, p.Errors), fault.DetailLimit))
	}
	header, _ := seconds(res.Header.Get("Retry-After"))
	switch {
	case res.StatusCode == http.StatusTooManyRequests && spoken:
		after := header
		if p.After != nil {
			after, _ = seconds(strconv.FormatFloat(*p.After, 'f', -1, 64))
		}
		return fault.New(fault.Unavailable, limited, "").Retry(max(after, 100*time.Millisecond)).Because(why)
	case res.StatusCode == http.StatusTooManyRequests, res.StatusCode == http.StatusForbidden && !spoken:
		// Cloudflare before Discord: too many refused requests from our address, by whomever.
		if header == 0 {
			header = banFor
		}
		return fault.New(fault.Unavailable, "banned", "").Retry(header).Because(why)
	case res.StatusCode == http.StatusNotFound && code == unknownWebhook:
		d.mu.Lock()
		defer d.mu.Unlock()
		d.gone = true
		return errGone.Because(why)
	case res.StatusCode == http.StatusUnauthorized, spoken && (res.StatusCode == http.StatusForbidden || res.StatusCode == http.StatusNotFound):
		return errToken.Because(why)
	case res.StatusCode == http.StatusNotFound:
		return unreadable(method) // a 404 of somebody else says nothing about the webhook
	case code == threadMissing:
		return errThread.Because(why)
	case res.StatusCode == http.StatusRequestEntityTooLarge:
		return fault.New(fault.Declined, "too_large", "").Because(why)
	}
	f := rest.Status(method, res.StatusCode).Because(why)
	if f.Kind == fault.Unavailable && header > 0 {
		f = f.Retry(header)
	}
	return f
}

// Codes of Discord's.
const (
	unknownWebhook = 10015
	threadMissing  = 220001
)
