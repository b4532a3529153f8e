package provision

import (
	"context"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/secret"
)

// call makes exactly one changing call, after a look when the last answer was lost.
func (s *Service) call(ctx context.Context, o *Operation, acc *Account) (answer, error) {
	p, ref, err := s.ready(ctx, o, acc)
	if err != nil {
		if o.Fault.Kind == fault.Unknown { // nothing was learnt about the answer that was lost
			err = lookFault(err)
		}
		return answer{method: string(o.Kind)}, err
	}
	a, err := s.dispatch(ctx, p, o, ref)
	a.customer = ref.Customer.Notes
	return a, err
}

// ready gathers what a call needs. Its errors say that the panel was not called.
func (s *Service) ready(ctx context.Context, o *Operation, acc *Account) (panel.Panel, panel.Ref, error) {
	p, err := s.panels.Panel(o.Instance)
	if err != nil {
		return nil, panel.Ref{}, err
	}
	customer, err := s.customers.SDK(ctx, o.Customer)
	if err != nil {
		return nil, panel.Ref{}, fault.New(fault.Unavailable, "customer_unreadable", "").Because(err)
	}
	if customer.Notes, err = s.CustomerNotes(ctx, o.Instance, o.Customer); err != nil {
		return nil, panel.Ref{}, fault.New(fault.Unavailable, "notes_unreadable", "").Because(err)
	}
	return p, panel.Ref{Service: string(o.Subscription), RemoteID: acc.RemoteID, Customer: customer, Notes: acc.notes}, nil
}

func (s *Service) dispatch(ctx context.Context, p panel.Panel, o *Operation, ref panel.Ref) (answer, error) {
	op, req := opOf(*o), o.request
	creation := panel.Creation{Op: op, Ref: ref, Product: req.Product, Checkout: req.Checkout, Username: req.Username, Password: secret.New(req.Password), Known: req.Known}
	a := answer{method: string(o.Kind)}
	var err error
	switch o.Kind {
	case Create:
		if o.Fault.Kind == fault.Unknown {
			if _, err := p.Find(ctx, creation); err != nil && fault.KindOf(err) != fault.NotFound {
				a.method = "find"
				return a, lookFault(err)
			}
		}
		a.progress, err = p.Create(ctx, creation)
	case Suspend:
		a.progress, err = p.Suspend(ctx, op, ref, req.Reason)
	case Unsuspend:
		a.progress, err = p.Unsuspend(ctx, op, ref)
	case Terminate:
		return s.terminate(ctx, p, o, ref)
	case Power:
		power, ok := sdk.As[panel.PowerSwitch](p)
		if !ok {
			return a, unsupported()
		}
		a.progress, err = power.Power(ctx, op, ref, req.Power)
	case Password:
		resetter, ok := sdk.As[panel.PasswordResetter](p)
		if !ok {
			return a, unsupported()
		}
		a.progress, err = resetter.ResetPassword(ctx, op, ref, secret.New(req.Password))
	case Reinstall:
		installer, ok := sdk.As[panel.Reinstaller](p)
		if !ok {
			return a, unsupported()
		}
		a.progress, err = installer.Reinstall(ctx, op, ref, req.Checkout, secret.New(req.Password))
	}
	if err != nil || !a.progress.Done {
		return a, err
	}
	if a.progress.RemoteID != "" {
		ref.RemoteID = a.progress.RemoteID
	}
	if seen, seeErr := p.State(ctx, ref); seeErr == nil {
		a.account = &seen // a look that fails is no failure of the change: the page shows its age
	}
	return a, nil
}

// terminate also ends what a creation left behind whose answer never came.
func (s *Service) terminate(ctx context.Context, p panel.Panel, o *Operation, ref panel.Ref) (answer, error) {
	a := answer{method: string(Terminate)}
	if ref.RemoteID == "" {
		creation, asked, err := s.creationOf(ctx, *o, ref)
		if err != nil {
			return a, fault.New(fault.Unavailable, "creation_unreadable", "").Because(err)
		}
		if !asked {
			a.progress.Done = true
			return a, nil
		}
		a.method = "find"
		found, err := p.Find(ctx, creation)
		if fault.KindOf(err) == fault.NotFound {
			a.progress.Done = true
			return a, nil
		}
		if err != nil {
			return a, lookFault(err)
		}
		ref.RemoteID, a.method = found.ID, string(Terminate)
	}
	var err error
	a.progress, err = p.Terminate(ctx, opOf(*o), ref)
	if err == nil && a.progress.Done {
		a.account = &panel.Account{ID: ref.RemoteID, Status: panel.Gone}
	}
	return a, err
}

// lookFault is the error of a look after a lost answer. The doubt stays a doubt: it is asked again, unless two
// things fit or the panel refuses to say, which a person must settle.
func lookFault(err error) error {
	f := asFault(err)
	switch f.Kind {
	case fault.Unknown, fault.Unavailable:
		if f.Code == codeTwo {
			return f
		}
		return fault.New(fault.Unknown, codeNoLook, f.Text).Because(err).Retry(f.After)
	}
	return fault.New(fault.Unknown, codeBarred, f.Text).Because(err)
}

func unsupported() error {
	return fault.New(fault.Unsupported, "panel_cannot", "This control panel cannot do that.")
}
