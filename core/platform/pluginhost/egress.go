package pluginhost

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
)

// Bounds of a plugin's network.
const (
	egressConns   = 128
	egressTimeout = 5 * time.Second // to ask, to resolve and to connect
	egressNoted   = 100             // different refusals that are told to the trail
)

// egress is the way out of one plugin: it asks over a Unix socket for a connection to a host and port, which is made if
// they are granted to its instance. TLS stays between plugin and vendor.
//
// Granted are the plugin's fixed hosts, those of its URL settings and what `network` names in the file. An address that is
// not of the public network is granted only if it is named there itself.
type egress struct {
	plugin   *plugin
	listener net.Listener
	ctx      context.Context
	stop     context.CancelFunc
	places   chan struct{}
	open     sync.WaitGroup

	mu      sync.Mutex
	denied  int64
	refused map[string]bool
}

// openEgress listens until close.
func openEgress(ctx context.Context, p *plugin, socket string) (*egress, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	e := &egress{plugin: p, listener: listener, places: make(chan struct{}, egressConns), refused: map[string]bool{}}
	e.ctx, e.stop = context.WithCancel(ctx)
	e.open.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			select {
			case e.places <- struct{}{}:
			default:
				_ = conn.Close()
				continue
			}
			e.open.Go(func() {
				defer func() { <-e.places }()
				defer conn.Close()
				e.serve(conn)
			})
		}
	})
	return e, nil
}

// close ends it and all connections.
func (e *egress) close() {
	_ = e.listener.Close()
	e.stop()
	e.open.Wait()
}

func (e *egress) serve(conn net.Conn) {
	defer context.AfterFunc(e.ctx, func() { conn.Close() })()
	_ = conn.SetDeadline(clock.System{}.Now().Add(egressTimeout))
	req, err := http.ReadRequest(bufio.NewReader(io.LimitReader(conn, 4<<10)))
	if err != nil || req.Method != http.MethodConnect {
		answerEgress(conn, http.StatusBadRequest, "CONNECT host:port is what is understood")
		return
	}
	label, target := req.Header.Get("Bursar-Instance"), strings.ToLower(req.Host)
	ctx, stop := context.WithTimeout(e.ctx, egressTimeout)
	defer stop()
	out, err := e.connect(ctx, label, target)
	var no *denial
	switch {
	case errors.As(err, &no):
		e.deny(label, target, no.why)
		answerEgress(conn, http.StatusForbidden, no.why)
		return
	case err != nil:
		answerEgress(conn, http.StatusBadGateway, err.Error())
		return
	}
	defer out.Close()
	defer context.AfterFunc(e.ctx, func() { out.Close() })()
	_ = conn.SetDeadline(time.Time{})
	if answerEgress(conn, http.StatusOK, "") != nil {
		return
	}
	splice(conn, out)
}

func answerEgress(conn net.Conn, status int, reason string) error {
	reason = strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, reason)
	_, err := fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nBursar-Reason: %s\r\n\r\n", status, http.StatusText(status), reason)
	return err
}

// splice copies both ways until both have ended.
func splice(a, b net.Conn) {
	var both sync.WaitGroup
	copyTo := func(to, from net.Conn) {
		_, _ = io.Copy(to, from) // how it ended is the plugin's affair
		if c, ok := to.(interface{ CloseWrite() error }); ok {
			_ = c.CloseWrite()
		}
	}
	both.Go(func() { copyTo(a, b) })
	both.Go(func() { copyTo(b, a) })
	both.Wait()
}

// denial is why a connection is not made.
type denial struct{ why string }

func (d *denial) Error() string { return d.why }

func (e *egress) connect(ctx context.Context, label, target string) (net.Conn, error) {
	granted, named := e.plugin.grants(label)
	name, port, err := net.SplitHostPort(target)
	if err != nil {
		return nil, &denial{"this is no host:port"}
	}
	if !slices.Contains(granted, target) && !slices.Contains(named, target) {
		return nil, &denial{target + " is not granted to this instance"}
	}
	addresses, err := addressesOf(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	err = &denial{name + " has no address"}
	for _, ip := range addresses {
		to := net.JoinHostPort(ip.String(), port)
		if !isPublic(ip) && !slices.Contains(named, to) && !slices.Contains(named, target) {
			err = &denial{fmt.Sprintf("%s is %s, which is not of the public network: name it in network", name, ip)}
			continue
		}
		conn, dialed := (&net.Dialer{}).DialContext(ctx, "tcp", to)
		if dialed == nil {
			return conn, nil
		}
		err = dialed
	}
	return nil, err
}

func addressesOf(ctx context.Context, name string) ([]netip.Addr, error) {
	list := []netip.Addr{}
	if ip, err := netip.ParseAddr(name); err == nil {
		list = append(list, ip)
	} else if list, err = net.DefaultResolver.LookupNetIP(ctx, "ip", name); err != nil {
		return nil, err
	}
	for n, ip := range list {
		list[n] = ip.Unmap()
	}
	return list, nil
}

// inner are networks that the methods of netip.Addr do not know as such: shared, for tests, for benchmarks, reserved, and
// those that hide an IPv4 address. Source: IANA, special-purpose address registries, read 2026-11-25.
var inner = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("fec0::/10"),
}

func isPublic(ip netip.Addr) bool {
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && ip.Zone() == "" && !slices.ContainsFunc(inner, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// grants are the "host:port" that an instance may call: of its forms, and named in the file.
func (p *plugin) grants(label string) (granted, named []string) {
	d, _ := p.said()
	for _, i := range p.instances {
		if i.config.Label != label {
			continue
		}
		i.mu.Lock()
		values := i.values
		i.mu.Unlock()
		return lower(append(d.Settings.Hosts(values), d.Network...)), lower(append(slices.Clone(p.config.Network), i.config.Network...))
	}
	return nil, nil
}

func lower(list []string) []string {
	for n, s := range list {
		list[n] = strings.ToLower(s)
	}
	return list
}

// deny counts what was refused, and tells the trail of each instance and target once.
func (e *egress) deny(label, target, why string) {
	e.mu.Lock()
	e.denied++
	key := label + " " + target
	fresh := !e.refused[key] && len(e.refused) < egressNoted
	if fresh {
		e.refused[key] = true
	}
	e.mu.Unlock()
	if !fresh {
		return
	}
	h := e.plugin.host
	h.deps.Log.Warn("a plugin was refused a connection", "plugin", e.plugin.title(), "instance", label, "target", target, "why", why)
	h.tell(e.ctx, "plugin.denied", e.plugin.title(), map[string]string{"instance": label, "target": target, "why": why})
}

func (e *egress) refusals() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.denied
}
