package provision

import (
	"context"
	"errors"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/secret"
)

// call makes exactly one changing call, after a look when the last answer was lost.
func (s *Service) call(ctx context.Context, o *Operation, acc *Account) (answer, error) {
	p, err := s.panels.Panel(o.Instance)
	if err != nil {
		return answer{method: string(o.Kind)}, err
	}
	customer, err := s.customers.SDK(ctx, o.Customer)
	if err != nil {
		return answer{method: string(o.Kind)}, fault.New(fault.Unavailable, "customer_unreadable", "").Because(err)
	}
	notes, err := s.CustomerNotes(ctx, o.Instance, o.Customer)
	if err != nil {
		return answer{method: string(o.Kind)}, fault.New(fault.Unavailable, "notes_unreadable", "").Because(err)
	}
	customer.Notes = notes
	ref := panel.Ref{Service: string(o.Subscription), RemoteID: acc.RemoteID, Customer: customer, Notes: acc.notes}
	a, err := s.dispatch(ctx, p, o, ref)
	if saveErr := s.SaveCustomerNotes(context.WithoutCancel(ctx), o.Instance, o.Customer, ref.Customer.Notes); saveErr != nil {
		err = errors.Join(err, saveErr)
	}
	return a, err
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
				return a, readFault(err)
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
			return a, readFault(err)
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

// readFault is the error of a look: nothing was changed by it, so it is asked again, unless it says
// that two things fit, which a person must settle.
func readFault(err error) error {
	f := asFault(err)
	if f.Kind == fault.Unknown && f.Code == "two_candidates" {
		return f
	}
	if f.Kind == fault.Forbidden || f.Kind == fault.Invalid {
		return f
	}
	return fault.New(fault.Unknown, "not_found_out", f.Text).Because(err)
}

func unsupported() error {
	return fault.New(fault.Unsupported, "panel_cannot", "This control panel cannot do that.")
}
