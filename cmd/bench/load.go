package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// load is what some clients at once got.
type load struct {
	perSecond float64
	p50, p99  float64 // µs
}

// loadFor is how long clients ask; the first tenth is not counted.
const loadFor = 1500 * time.Millisecond

// together has n clients do something again and again.
func together(ctx context.Context, n int, client func(number int) (do func() error, end func(), err error)) (load, error) {
	var all sync.WaitGroup
	var failed atomic.Pointer[error]
	took := make([][]time.Duration, n)
	warm := time.Now().Add(loadFor / 10)
	until := warm.Add(loadFor)
	for i := range n {
		all.Go(func() {
			do, end, err := client(i)
			if err != nil {
				failed.Store(&err)
				return
			}
			defer end()
			for ctx.Err() == nil && failed.Load() == nil {
				began := time.Now()
				if began.After(until) {
					return
				}
				if err := do(); err != nil {
					failed.Store(&err)
					return
				}
				if began.After(warm) {
					took[i] = append(took[i], time.Since(began))
				}
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return load{}, *err
	}
	list := slices.Concat(took...)
	if len(list) == 0 {
		return load{}, fmt.Errorf("nothing was answered in time: %w", ctx.Err())
	}
	slices.Sort(list)
	return load{float64(len(list)) / loadFor.Seconds(), quantile(list, 0.5), quantile(list, 0.99)}, nil
}

// visitor is a browser of the least: one connection, a request again and again. Each request comes from another address, as
// behind a proxy, so that nobody is held back for asking too often.
type visitor struct {
	conn          net.Conn
	in            *bufio.Reader
	before, after string
	size          int // of the answers; 0: not known yet
}

var addresses atomic.Uint32

// elsewhere is another address than that of the last requests.
func elsewhere() string {
	n := addresses.Add(1) % 40_000
	return fmt.Sprintf("10.%d.%d.%d", n/250/250+1, n/250%250+1, n%250+1)
}

// visit opens a connection. Cookie may be "".
func visit(ctx context.Context, to, host, path, cookie string) (*visitor, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", to)
	if err != nil {
		return nil, err
	}
	v := &visitor{conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}
	v.before = "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: bench\r\nAccept: text/html\r\n"
	if cookie != "" {
		v.before += "Cookie: " + cookie + "\r\n"
	}
	v.before += "X-Forwarded-For: "
	v.after = "\r\n\r\n"
	return v, nil
}

// ask asks once. An answer that is none of a page, or of another size by more than a little, is an error.
func (v *visitor) ask() error {
	if _, err := io.WriteString(v.conn, v.before+elsewhere()+v.after); err != nil {
		return err
	}
	res, err := http.ReadResponse(v.in, nil)
	if err != nil {
		return err
	}
	size, err := io.Copy(io.Discard, res.Body)
	res.Body.Close()
	switch {
	case err != nil:
		return err
	case res.StatusCode != http.StatusOK || size == 0:
		return fmt.Errorf("the answer is %s of %d bytes, to %s", res.Status, size, res.Header.Get("Location"))
	case v.size == 0:
		v.size = int(size)
	case size < int64(v.size)*9/10 || size > int64(v.size)*11/10:
		return fmt.Errorf("the answer has %d bytes, those before had %d", size, v.size)
	}
	return nil
}

// visitors are n of them at once.
func visitors(ctx context.Context, n int, to, host, path, cookie string) (load, error) {
	return together(ctx, n, func(int) (func() error, func(), error) {
		v, err := visit(ctx, to, host, path, cookie)
		if err != nil {
			return nil, nil, err
		}
		return v.ask, func() { v.conn.Close() }, nil
	})
}
