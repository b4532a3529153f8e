package provision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/jobs"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/panel"
)

// work runs one job: one call to a panel, then the job comes again when the panel asked for it.
func (s *Service) work(ctx context.Context, j jobs.Job) error {
	var payload struct {
		Operation ids.Op `json:"operation"`
	}
	if err := json.Unmarshal(j.Payload, &payload); err != nil {
		return fmt.Errorf("read provisioning job: %w", err)
	}
	again, err := s.step(ctx, payload.Operation)
	if err != nil {
		return err
	}
	if again.IsZero() {
		return nil
	}
	return jobs.Again(again)
}

// enqueue adds the job of an operation. Jobs of one customer on one panel never overlap: a panel may
// make the customer's own record in any of them.
func (s *Service) enqueue(ctx context.Context, op Operation, at time.Time) error {
	return s.jobs.Enqueue(ctx, jobs.New{
		Kind: jobKind, Lane: "panel:" + op.Instance + ":" + string(op.Customer), RunAt: at, UniqueKey: "provision:" + string(op.ID),
		Payload: map[string]ids.Op{"operation": op.ID},
	})
}

// Account reads the account of a subscription; ErrNoAccount.
func (s *Service) Account(ctx context.Context, sub ids.Subscription) (Account, error) {
	return s.openAccount(ctx, sub)
}

// Accounts reads the accounts of many subscriptions at once.
func (s *Service) Accounts(ctx context.Context, subs []ids.Subscription) (map[ids.Subscription]Account, error) {
	return s.store.accounts(ctx, subs)
}

// Reveal answers the credentials of an account in plain text: once. They are forgotten with it, and who saw them is
// written down. Error: ErrShown when there is nothing left to show.
func (s *Service) Reveal(ctx context.Context, sub ids.Subscription) (ways []Credential, err error) {
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		acc, err := s.lockAccount(ctx, sub)
		if err != nil {
			return err
		}
		if len(acc.credentials) == 0 {
			return ErrShown
		}
		ways = acc.credentials
		acc.credentials = nil
		if err := s.updateAccount(ctx, acc); err != nil {
			return err
		}
		return s.audit.Add(ctx, audit.Entry{Action: "service.reveal", Subject: string(sub), Customer: acc.Customer})
	})
	if err != nil {
		return nil, err // they are kept, so they are not shown
	}
	return ways, nil
}

// Refresh looks at the account on the panel and saves what it sees. What cannot be read keeps its age.
func (s *Service) Refresh(ctx context.Context, sub ids.Subscription) (Account, error) {
	acc, err := s.openAccount(ctx, sub)
	if err != nil || acc.RemoteID == "" {
		return acc, err
	}
	p, ref, err := s.reference(ctx, acc)
	if err != nil {
		return acc, err
	}
	asked := acc.Version
	seen, err := p.State(ctx, ref)
	if err != nil {
		return acc, fmt.Errorf("look at account of %s: %w", sub, err)
	}
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		fresh, err := s.lockAccount(ctx, sub)
		if err != nil {
			return err
		}
		acc = fresh
		if fresh.Version != asked { // an operation ended meanwhile: what it saw is newer
			return nil
		}
		acc.see(seen, s.clock.Now())
		return s.updateAccount(ctx, acc)
	})
	return acc, err
}

// Login makes a link that signs a browser on at the panel.
func (s *Service) Login(ctx context.Context, sub ids.Subscription, staff bool) (sdk.Link, error) {
	acc, err := s.openAccount(ctx, sub)
	if err != nil {
		return sdk.Link{}, err
	}
	p, ref, err := s.reference(ctx, acc)
	if err != nil {
		return sdk.Link{}, err
	}
	linker, ok := sdk.As[panel.LoginLinker](p)
	if !ok {
		return sdk.Link{}, unsupported()
	}
	return linker.Login(ctx, ref, staff)
}

// Usage reads the meters of an account. Unsupported: the panel has none.
func (s *Service) Usage(ctx context.Context, sub ids.Subscription) ([]panel.Meter, error) {
	acc, err := s.openAccount(ctx, sub)
	if err != nil {
		return nil, err
	}
	p, ref, err := s.reference(ctx, acc)
	if err != nil {
		return nil, err
	}
	reader, ok := sdk.As[panel.UsageReader](p)
	if !ok {
		return nil, unsupported()
	}
	meters, err := reader.Usage(ctx, []panel.Ref{ref})
	return meters[string(sub)], err
}

// Powers says which of the optional changes the account's panel can do.
func (s *Service) Powers(instance string) (power, password, login bool) {
	p, err := s.panels.Panel(instance)
	if err != nil {
		return false, false, false
	}
	_, power = sdk.As[panel.PowerSwitch](p)
	_, password = sdk.As[panel.PasswordResetter](p)
	_, login = sdk.As[panel.LoginLinker](p)
	return power, password, login
}

func (s *Service) reference(ctx context.Context, acc Account) (panel.Panel, panel.Ref, error) {
	p, err := s.panels.Panel(acc.Instance)
	if err != nil {
		return nil, panel.Ref{}, err
	}
	customer, err := s.customers.SDK(ctx, acc.Customer)
	if err != nil {
		return nil, panel.Ref{}, err
	}
	if customer.Notes, err = s.CustomerNotes(ctx, acc.Instance, acc.Customer); err != nil {
		return nil, panel.Ref{}, err
	}
	return p, panel.Ref{Service: string(acc.Subscription), RemoteID: acc.RemoteID, Customer: customer, Notes: acc.notes}, nil
}

// creationOf finds what a subscription's creation asked for. asked is false when the panel was never called for it.
func (s *Service) creationOf(ctx context.Context, op Operation, ref panel.Ref) (c panel.Creation, asked bool, err error) {
	made, err := s.store.lastCreate(ctx, op.Subscription)
	if errors.Is(err, ErrNotFound) || (err == nil && made.First.IsZero()) {
		return panel.Creation{}, false, nil
	}
	if err != nil {
		return panel.Creation{}, false, err
	}
	if err := s.open(&made); err != nil {
		return panel.Creation{}, false, err
	}
	req := made.request
	return panel.Creation{Op: opOf(made), Ref: ref, Product: req.Product, Checkout: req.Checkout, Username: req.Username, Known: req.Known}, true, nil
}

// saveAccount saves what a call taught about the account: notes always, the rest when it went well.
func (s *Service) saveAccount(ctx context.Context, o Operation, acc Account, a answer, ok bool, now time.Time) error {
	if acc.Subscription == "" {
		return nil
	}
	// Somebody may have looked at the account or revealed its credentials while the panel was called. Notes are written
	// by operations alone, and those of one account never overlap.
	fresh, err := s.lockAccount(ctx, acc.Subscription)
	if err != nil {
		return err
	}
	fresh.notes = acc.notes
	acc = fresh
	if ok {
		if a.progress.RemoteID != "" {
			acc.RemoteID = a.progress.RemoteID
		}
		if len(a.progress.Credentials) > 0 {
			acc.credentials = acc.credentials[:0]
			for _, c := range a.progress.Credentials {
				acc.credentials = append(acc.credentials, Credential{Label: c.Label, Host: c.Host, URL: c.URL, Username: c.Username, Secret: c.Password.Reveal()})
			}
		}
		if a.account != nil {
			acc.see(*a.account, now)
		}
	}
	return s.updateAccount(ctx, acc)
}

// see takes over what the panel says.
func (acc *Account) see(seen panel.Account, now time.Time) {
	acc.Status, acc.Power, acc.Details, acc.URL, acc.Seen = seen.Status, seen.Power, seen.Details, seen.URL, now
	acc.Addresses = acc.Addresses[:0]
	for _, prefix := range seen.Addresses {
		if prefix.IsSingleIP() {
			acc.Addresses = append(acc.Addresses, prefix.Addr().String())
		} else {
			acc.Addresses = append(acc.Addresses, prefix.String())
		}
	}
}

// sealAd binds a sealed value to its row and column.
func sealAd(sub ids.Subscription, column string) string {
	return "accounts:" + string(sub) + ":" + column
}

func (s *Service) openAccount(ctx context.Context, sub ids.Subscription) (Account, error) {
	acc, notes, credentials, err := s.store.account(ctx, sub)
	if err != nil {
		return Account{}, err
	}
	acc.notes = map[string]string{}
	if err := s.openJSON(sealAd(sub, "notes"), notes, &acc.notes); err != nil {
		return Account{}, err
	}
	if err := s.openJSON(sealAd(sub, "credentials"), credentials, &acc.credentials); err != nil {
		return Account{}, err
	}
	acc.Ways = len(acc.credentials)
	return acc, nil
}

// lockAccount reads an account that will change in the transaction of ctx.
func (s *Service) lockAccount(ctx context.Context, sub ids.Subscription) (Account, error) {
	if err := s.store.lockAccount(ctx, sub); err != nil {
		return Account{}, err
	}
	return s.openAccount(ctx, sub)
}

func (s *Service) insertAccount(ctx context.Context, acc Account) error {
	notes, credentials, err := s.sealAccount(acc)
	if err != nil {
		return err
	}
	return s.store.insertAccount(ctx, acc, notes, credentials)
}

func (s *Service) updateAccount(ctx context.Context, acc Account) error {
	notes, credentials, err := s.sealAccount(acc)
	if err != nil {
		return err
	}
	return s.store.updateAccount(ctx, acc, notes, credentials)
}

func (s *Service) sealAccount(acc Account) (notes, credentials string, err error) {
	if notes, err = s.sealJSON(sealAd(acc.Subscription, "notes"), acc.notes); err != nil {
		return "", "", err
	}
	credentials, err = s.sealJSON(sealAd(acc.Subscription, "credentials"), acc.credentials)
	return notes, credentials, err
}

// CustomerNotes are what one plugin instance wants to remember about a customer: panels and gateways alike.
func (s *Service) CustomerNotes(ctx context.Context, instance string, c ids.Customer) (sdk.Notes, error) {
	sealed, err := s.store.customerNotes(ctx, instance, c)
	if err != nil {
		return nil, err
	}
	notes := sdk.Notes{}
	err = s.openJSON("plugin_customers:"+instance+":"+string(c), sealed, &notes)
	return notes, err
}

// SaveCustomerNotes keeps them. Error: Unknown, as what was noted is lost.
func (s *Service) SaveCustomerNotes(ctx context.Context, instance string, c ids.Customer, notes sdk.Notes) error {
	sealed, err := s.sealJSON("plugin_customers:"+instance+":"+string(c), notes)
	if err != nil {
		return err
	}
	if err := s.store.saveCustomerNotes(ctx, instance, c, sealed, s.clock.Now()); err != nil {
		return fault.New(fault.Unknown, "notes_unsaved", "").Because(err)
	}
	return nil
}

func (s *Service) sealJSON(ad string, v any) (string, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	return s.box.Seal(ad, plain)
}

func (s *Service) openJSON(ad, sealed string, v any) error {
	if sealed == "" {
		return nil
	}
	plain, err := s.box.Open(ad, sealed)
	if err != nil {
		return fmt.Errorf("open %s: %w", ad, err)
	}
	return json.Unmarshal(plain, v)
}
