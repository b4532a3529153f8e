package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/gateway"
)

// shop is a host that runs, and the customers who order there.
type shop struct {
	address string
	process *exec.Cmd
	log     string // of the database
	buyers  []*buyer
	next    atomic.Int64
}

// buyer is a customer with a saved card and some tokens: each may ask ten times a second.
type buyer struct {
	method string
	tokens []string
	next   atomic.Int64
}

const (
	orderBuyers = 16
	buyerTokens = 12
)

// orders measures an order from its first request to its running service: placed, paid with a saved card at a gateway, made
// on a panel. The host is the program that was built, the vendors answer at once and are processes of their own.
func orders(ctx context.Context, b *bench) error {
	p, gone, err := b.fresh(ctx, "sqlite")
	if err != nil {
		return err
	}
	defer gone()
	s, err := b.startShop(ctx, p)
	if err != nil {
		return err
	}
	defer end(s.process) //nolint:errcheck // the figures are told
	for range 3 {        // the first meet cold caches
		if _, err := s.order(ctx); err != nil {
			return err
		}
	}
	commits, err := s.commitsOfOne(ctx)
	if err != nil {
		return err
	}
	f, err := openFloor(ctx, p)
	if err != nil {
		return err
	}
	defer f.close()
	for _, clients := range []int{1, 8, 16} {
		durable, err := f.commits(ctx, 300)
		if err != nil {
			return err
		}
		rate, middle, err := s.together(ctx, clients)
		if err != nil {
			b.fail(fmt.Sprintf("orders n=%d", clients), err)
			continue
		}
		b.put(figure{Name: "orders_to_active", N: clients, Value: rate, Unit: fmt.Sprintf("orders/s, n clients, %d commits each", commits), Database: "sqlite"}.over(durable/float64(commits)), noTarget)
		b.put(figure{Name: "orders_to_active_median", N: clients, Value: middle.Seconds() * 1000, Unit: "ms, n clients", Database: "sqlite"}, noTarget)
	}
	return nil
}

// startShop fills a shop and starts the program on it.
func (b *bench) startShop(ctx context.Context, p place) (s *shop, err error) {
	w, err := newWorld(ctx, p)
	if err != nil {
		return nil, err
	}
	s = &shop{log: w.DB.Path() + "-wal"}
	if err := errors.Join(w.vendors(ctx), s.invite(ctx, w), w.Close()); err != nil {
		return nil, err
	}
	if s.address, err = freePort(ctx); err != nil {
		return nil, err
	}
	c := w.Config
	file := filepath.Join(p.Dir, "bursar.hcl")
	text := fmt.Sprintf("listen = %q\ndata = %q\nplugins = %q\nenvironment = \"test\"\ntrusted_proxies = [\"127.0.0.1/32\"]\nsites {\n  storefront = %q\n  portal = %q\n  admin = %q\n}\n", s.address, c.Data, c.Plugins, c.Storefront, c.Portal, c.Admin)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	_, s.process, err = start(ctx, exec.CommandContext(ctx, filepath.Join(b.build, "bursar"), "--config", file, "serve"), s.address)
	return s, err
}

// invite makes the customers who order. Their cards are saved as the gateway would report them.
func (s *shop) invite(ctx context.Context, w *world) error {
	if err := w.StartPlugins(ctx); err != nil {
		return err
	}
	defer w.Plugins.Stop()
	account := ""
	for _, i := range w.Plugins.Instances("gateway") {
		account = i.AccountKey
	}
	for n := range orderBuyers {
		c, err := w.newcomer(ctx, fmt.Sprintf("buyer%d", n))
		if err != nil {
			return err
		}
		m, err := w.Payments.SaveMethod(ctx, c.ID, gatewayInstance, account, gateway.Method{ID: fmt.Sprintf("card-%d", n), Kind: "card", Brand: "visa", Last4: "4242", Notes: sdk.Notes{"token": fmt.Sprintf("card-%d", n)}})
		if err != nil {
			return err
		}
		u, err := w.Auth.RegisterUser(ctx, auth.NewUser{Email: c.Email, Name: c.Name(), Password: "correct horse battery"})
		if err != nil {
			return err
		}
		if err := w.Auth.Join(ctx, u.ID, c.ID, auth.RoleOwner); err != nil {
			return err
		}
		actor, err := w.Auth.ActorOfUser(ctx, u.ID, c.ID)
		if err != nil {
			return err
		}
		var scopes []string
		for _, r := range auth.RightsOf(actor.Kind, actor.Role) {
			scopes = append(scopes, string(r))
		}
		one := &buyer{method: string(m.ID)}
		for t := range buyerTokens {
			token, _, err := w.Auth.NewToken(auth.With(ctx, actor), actor.Person(), fmt.Sprintf("Bench %d", t), scopes, time.Time{})
			if err != nil {
				return err
			}
			one.tokens = append(one.tokens, token)
		}
		s.buyers = append(s.buyers, one)
	}
	return nil
}

var keys atomic.Int64

// ask makes a request with the next token. A body makes it one that changes something, with a key of its own.
func (s *shop) ask(ctx context.Context, as *buyer, method, path string, body, to any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+s.address+"/api/v1"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Host = "shop.bench"
	req.Header.Set("X-Forwarded-For", elsewhere())
	req.Header.Set("Authorization", "Bearer "+as.tokens[as.next.Add(1)%int64(len(as.tokens))])
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", fmt.Sprintf("bench-%d-%d", os.Getpid(), keys.Add(1)))
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", method, path, res.Status, answer)
	}
	return json.Unmarshal(answer, to)
}

// client keeps a connection for each who asks at once.
var client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

const (
	orderLook   = 20 * time.Millisecond // between two looks whether it runs
	orderWithin = time.Minute
)

// order places one, pays it and waits for its service. It answers how long that took.
func (s *shop) order(ctx context.Context) (time.Duration, error) {
	as := s.buyers[s.next.Add(1)%int64(len(s.buyers))]
	began := time.Now()
	var placed struct {
		Order struct {
			ID       string `json:"id"`
			Services []struct {
				ID string `json:"id"`
			} `json:"services"`
		} `json:"order"`
		Invoice struct {
			ID string `json:"id"`
		} `json:"invoice"`
	}
	cart := map[string]any{"currency": "EUR", "terms_version": "2026-10-01", "lines": []map[string]any{{"product": "vps-1", "cycle": "1 month", "label": fmt.Sprintf("bench%d.example.com", keys.Add(1))}}}
	if err := s.ask(ctx, as, http.MethodPost, "/orders", cart, &placed); err != nil {
		return 0, err
	}
	if len(placed.Order.Services) != 1 {
		return 0, fmt.Errorf("an order opened %d services", len(placed.Order.Services))
	}
	var paid struct {
		Paid     bool   `json:"paid"`
		Declined string `json:"declined"`
	}
	if err := s.ask(ctx, as, http.MethodPost, "/invoices/"+placed.Invoice.ID+"/pay", map[string]string{"method": as.method}, &paid); err != nil {
		return 0, err
	}
	if !paid.Paid {
		return 0, fmt.Errorf("invoice %s was not paid at once: %q", placed.Invoice.ID, paid.Declined)
	}
	for until := began.Add(orderWithin); ; time.Sleep(orderLook) {
		var service struct {
			Status string `json:"status"`
		}
		if err := s.ask(ctx, as, http.MethodGet, "/services/"+placed.Order.Services[0].ID, nil, &service); err != nil {
			return 0, err
		}
		if service.Status == "active" {
			return time.Since(began), nil
		}
		if time.Now().After(until) {
			return 0, fmt.Errorf("service %s is still %s", placed.Order.Services[0].ID, service.Status)
		}
	}
}

// ordersEach is how many each client places.
const ordersEach = 10

// together has clients order at once.
func (s *shop) together(ctx context.Context, clients int) (perSecond float64, middle time.Duration, err error) {
	var all sync.WaitGroup
	took := make([][]float64, clients)
	wrong := make([]error, clients)
	began := time.Now()
	for i := range clients {
		all.Go(func() {
			for range ordersEach {
				d, err := s.order(ctx)
				if err != nil {
					wrong[i] = err
					return
				}
				took[i] = append(took[i], d.Seconds())
			}
		})
	}
	all.Wait()
	if err := errors.Join(wrong...); err != nil {
		return 0, 0, err
	}
	var list []float64
	for _, t := range took {
		list = append(list, t...)
	}
	return float64(len(list)) / time.Since(began).Seconds(), time.Duration(median(list) * float64(time.Second)), nil
}

// commitsOfOne counts the transactions of one order in the database's log, with what follows it within a moment: mails,
// notices, what the vendors report.
func (s *shop) commitsOfOne(ctx context.Context) (int, error) {
	for range 5 {
		before, n, err := commitsIn(s.log)
		if err != nil {
			return 0, err
		}
		if _, err := s.order(ctx); err != nil {
			return 0, err
		}
		time.Sleep(time.Second)
		after, m, err := commitsIn(s.log)
		if err != nil {
			return 0, err
		}
		if before == after && m > n { // otherwise the log has begun anew meanwhile
			return m - n, nil
		}
	}
	return 0, errors.New("the database's log begins anew all the time")
}

// commitsIn counts the commits that SQLite's write-ahead log holds, and names its round. The format is fixed:
// https://www.sqlite.org/fileformat2.html#walformat, read 2026-11-25.
func commitsIn(path string) (round [8]byte, n int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return round, 0, err
	}
	defer f.Close()
	var head [32]byte
	if _, err := io.ReadFull(f, head[:]); err != nil {
		return round, 0, err
	}
	page := int64(binary.BigEndian.Uint32(head[8:]))
	copy(round[:], head[16:24])
	var frame [24]byte
	for at := int64(len(head)); ; at += int64(len(frame)) + page {
		if _, err := f.ReadAt(frame[:], at); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return round, n, err
		}
		if !bytes.Equal(frame[8:16], round[:]) {
			return round, n, nil
		}
		if binary.BigEndian.Uint32(frame[4:]) != 0 {
			n++
		}
	}
}
