// Package egress is the HTTP client in Env.HTTP: it dials through the host's Unix socket, follows no redirects, logs each
// exchange, and its errors are faults. Which hosts are granted is the host's affair. Start at New.
package egress

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/rest"
)

// Time-outs of one exchange. All are shorter than the host's shortest deadline for a call that waits for a vendor, but for
// the wait for headers: there the call's own deadline comes first.
const (
	dialTimeout   = 5 * time.Second
	headerTimeout = 50 * time.Second
	idleTimeout   = 60 * time.Second
)

// ErrNotGranted: the host refuses to dial there.
var ErrNotGranted = fault.New(fault.Forbidden, "host_not_granted", "")

// New is a client for one instance. socket "" dials directly: a plugin under test.
func New(instance, socket string, log hclog.Logger) *http.Client {
	dialer := &net.Dialer{Timeout: dialTimeout}
	transport := &http.Transport{
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    dialTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		IdleConnTimeout:        idleTimeout,
		MaxIdleConnsPerHost:    8,
		MaxResponseHeaderBytes: 256 << 10,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if socket != "" {
		transport.DialContext = func(ctx context.Context, _, addr string) (net.Conn, error) {
			return through(ctx, dialer, socket, instance, addr)
		}
	}
	return &http.Client{
		Transport:     &Transport{inner: transport, log: log},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// through asks the host for a connection. It resolves and judges the address; TLS stays between us and the vendor.
func through(ctx context.Context, dialer *net.Dialer, socket, instance, addr string) (net.Conn, error) {
	conn, err := dialer.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	ask := fmt.Sprintf("CONNECT %s HTTP/1.1\r\nHost: %s\r\nBursar-Instance: %s\r\n\r\n", addr, addr, instance)
	_ = conn.SetDeadline(time.Now().Add(2 * dialTimeout))
	answer, reader, err := exchange(conn, ask)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err == nil && answer.StatusCode != http.StatusOK {
		why := answer.Header.Get("Bursar-Reason")
		if answer.StatusCode == http.StatusForbidden {
			err = ErrNotGranted.Because(fmt.Errorf("%s: %s", addr, why))
		} else {
			err = fault.New(fault.Unavailable, "no_connection", "").Because(fmt.Errorf("%s: %s %s", addr, answer.Status, why))
		}
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	if reader.Buffered() > 0 { // no vendor speaks first
		conn.Close()
		return nil, errors.New("the host sent data before it was asked")
	}
	return conn, nil
}

func exchange(conn net.Conn, ask string) (*http.Response, *bufio.Reader, error) {
	if _, err := conn.Write([]byte(ask)); err != nil {
		return nil, nil, err
	}
	reader := bufio.NewReader(conn)
	answer, err := http.ReadResponse(reader, &http.Request{Method: http.MethodConnect})
	return answer, reader, err
}

// Transport does one exchange at a time, as an http.RoundTripper.
type Transport struct {
	inner *http.Transport
	log   hclog.Logger
}

// RoundTrip logs the exchange, without query and bodies, and turns errors into faults.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	var connected atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }}
	began := time.Now()
	res, err := t.inner.RoundTrip(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	what := []any{"method", req.Method, "host", req.URL.Host, "path", req.URL.Path, "millis", time.Since(began).Milliseconds()}
	if err != nil {
		f := rest.Broken(req.Method, connected.Load(), err)
		t.log.Debug("http", append(what, "error", f.Error())...)
		return nil, f
	}
	t.log.Debug("http", append(what, "status", res.StatusCode)...)
	res.Request = req
	return res, nil
}

// CloseIdleConnections is found by http.Client.
func (t *Transport) CloseIdleConnections() { t.inner.CloseIdleConnections() }

// Trust adds a certificate authority, in PEM, to those of the system.
func (t *Transport) Trust(pem string) error {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM([]byte(pem)) {
		return errors.New("no certificate in it")
	}
	t.inner.TLSClientConfig.RootCAs = pool
	return nil
}
