package panel

import (
	"context"
	"iter"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/host"
	"github.com/ezscale/bursar/sdk/internal/wire"
	panelv1 "github.com/ezscale/bursar/sdk/proto/bursar/panel/v1"
	pluginv1 "github.com/ezscale/bursar/sdk/proto/bursar/plugin/v1"
	"github.com/ezscale/bursar/sdk/secret"
)

// Both directions of the wire: Client on the host's side, server on the plugin's.

// Client is a panel on the other side of the wire. It has the methods of all powers; ask sdk.As which count. Notes of a Ref
// and of its Customer are maps that each call rewrites with what the plugin noted, also after errors: they must not be nil.
type Client struct{ host.Common }

var _ interface {
	Panel
	Resizer
	PasswordResetter
	PowerSwitch
	Reinstaller
	LoginLinker
	UsageReader
	Lister
	StockKeeper
} = Client{}

// NewClient is the client of one instance.
func NewClient(i *host.Instance) Client { return Client{host.Common{Instance: i}} }

// Announces is true for Panel itself and the powers the plugin has.
func (c Client) Announces(power string) bool {
	return power == "Panel" || power == "Instance" || c.Instance.Announces(power)
}

func keepOf(r Ref) wire.Keep { return wire.Keep{Notes: r.Notes, Customer: r.Customer.Notes} }

// change makes a call that answers Progress.
func (c Client) change(ctx context.Context, method string, op sdk.Op, r Ref, request func(*pluginv1.Call) proto.Message) (Progress, error) {
	call := host.Call{Method: method, Effect: host.Change, Deadline: host.Normal, Op: &op, Keep: keepOf(r)}
	if method == panelv1.Panel_Power_FullMethodName {
		call.Deadline = host.Quick
	}
	answer := new(panelv1.ProgressAnswer)
	if err := c.Do(ctx, call, request, answer); err != nil {
		return Progress{}, err
	}
	return progressIn(answer), nil
}

// account makes a call that answers an Account.
func (c Client) account(ctx context.Context, call host.Call, request func(*pluginv1.Call) proto.Message) (Account, error) {
	answer := new(panelv1.AccountAnswer)
	if err := c.Do(ctx, call, request, answer); err != nil {
		return Account{}, err
	}
	return accountIn(answer.GetAccount())
}

// Create implements Panel.
func (c Client) Create(ctx context.Context, n Creation) (Progress, error) {
	return c.change(ctx, panelv1.Panel_Create_FullMethodName, n.Op, n.Ref, func(head *pluginv1.Call) proto.Message { return creationOut(n, head) })
}

// Find implements Panel.
func (c Client) Find(ctx context.Context, n Creation) (Account, error) {
	call := host.Call{Method: panelv1.Panel_Find_FullMethodName, Deadline: host.Quick, Op: &n.Op, Keep: keepOf(n.Ref)}
	return c.account(ctx, call, func(head *pluginv1.Call) proto.Message { return creationOut(n, head) })
}

// State implements Panel.
func (c Client) State(ctx context.Context, r Ref) (Account, error) {
	call := host.Call{Method: panelv1.Panel_State_FullMethodName, Deadline: host.Quick, Keep: keepOf(r)}
	return c.account(ctx, call, func(head *pluginv1.Call) proto.Message { return &panelv1.StateRequest{Call: head, Ref: refOut(r)} })
}

// Suspend implements Panel.
func (c Client) Suspend(ctx context.Context, op sdk.Op, r Ref, reason string) (Progress, error) {
	return c.change(ctx, panelv1.Panel_Suspend_FullMethodName, op, r, func(head *pluginv1.Call) proto.Message {
		return &panelv1.SuspendRequest{Call: head, Ref: refOut(r), Reason: reason}
	})
}

// Unsuspend implements Panel.
func (c Client) Unsuspend(ctx context.Context, op sdk.Op, r Ref) (Progress, error) {
	return c.change(ctx, panelv1.Panel_Unsuspend_FullMethodName, op, r, func(head *pluginv1.Call) proto.Message {
		return &panelv1.UnsuspendRequest{Call: head, Ref: refOut(r)}
	})
}

// Terminate implements Panel.
func (c Client) Terminate(ctx context.Context, op sdk.Op, r Ref) (Progress, error) {
	return c.change(ctx, panelv1.Panel_Terminate_FullMethodName, op, r, func(head *pluginv1.Call) proto.Message {
		return &panelv1.TerminateRequest{Call: head, Ref: refOut(r)}
	})
}

// Resize implements Resizer.
func (c Client) Resize(ctx context.Context, op sdk.Op, r Ref, product, checkout form.Values) (Progress, error) {
	return c.change(ctx, panelv1.Panel_Resize_FullMethodName, op, r, func(head *pluginv1.Call) proto.Message {
		return &panelv1.ResizeRequest{Call: head, Ref: refOut(r), Product: wire.ValuesOut(product), Checkout: wire.ValuesOut(checkout)}
	})
}

// ResetPassword implements PasswordResetter.
func (c Client) ResetPassword(ctx context.Context, op sdk.Op, r Ref, want secret.Value) (Progress, error) {
	return c.change(ctx, panelv1.Panel_ResetPassword_FullMethodName, op, r, func(head *pluginv1.Call) proto.Message {
		return &panelv1.ResetPasswordRequest{Call: head, Ref: refOut(r), Want: want.Reveal()}
	})
}

// Power implements PowerSwitch.
func (c Client) Power(ctx context.Context, op sdk.Op, r Ref, a PowerAction) (Progress, error) {
	return c.change(ctx, panelv1.Panel_Power_FullMethodName, op, r, func(head *pluginv1.Call) proto.Message {
		return &panelv1.PowerRequest{Call: head, Ref: refOut(r), Action: string(a)}
	})
}

// Reinstall implements Reinstaller.
func (c Client) Reinstall(ctx context.Context, op sdk.Op, r Ref, checkout form.Values, want secret.Value) (Progress, error) {
	return c.change(ctx, panelv1.Panel_Reinstall_FullMethodName, op, r, func(head *pluginv1.Call) proto.Message {
		return &panelv1.ReinstallRequest{Call: head, Ref: refOut(r), Checkout: wire.ValuesOut(checkout), Want: want.Reveal()}
	})
}

// Login implements LoginLinker.
func (c Client) Login(ctx context.Context, r Ref, staff bool) (sdk.Link, error) {
	answer := new(panelv1.LoginAnswer)
	err := c.Do(ctx, host.Call{Method: panelv1.Panel_Login_FullMethodName, Deadline: host.Quick, Keep: keepOf(r)}, func(head *pluginv1.Call) proto.Message {
		return &panelv1.LoginRequest{Call: head, Ref: refOut(r), Staff: staff}
	}, answer)
	return sdk.LinkIn(answer.GetLink()), err
}

// Usage implements UsageReader.
func (c Client) Usage(ctx context.Context, refs []Ref) (map[string][]Meter, error) {
	answer := new(panelv1.UsageAnswer)
	err := c.Do(ctx, host.Call{Method: panelv1.Panel_Usage_FullMethodName, Deadline: host.Quick}, func(head *pluginv1.Call) proto.Message {
		req := &panelv1.UsageRequest{Call: head}
		for _, r := range refs {
			req.Refs = append(req.Refs, refOut(r))
		}
		return req
	}, answer)
	return metersIn(answer.GetUsage()), err
}

// Accounts implements Lister.
func (c Client) Accounts(ctx context.Context) iter.Seq2[Account, error] {
	return func(yield func(Account, error) bool) {
		stopped, broken := false, error(nil)
		err := c.Walk(ctx, host.Call{Method: panelv1.Panel_Accounts_FullMethodName, Deadline: host.Page}, func(head *pluginv1.Call) proto.Message {
			return &panelv1.AccountsRequest{Call: head}
		}, func() host.PageOf { return new(panelv1.AccountsPage) }, func(page host.PageOf) bool {
			for _, a := range page.(*panelv1.AccountsPage).GetAccounts() {
				account, err := accountIn(a)
				if broken = err; err != nil {
					return false
				}
				if stopped = !yield(account, nil); stopped {
					return false
				}
			}
			return true
		})
		if err == nil {
			err = broken
		}
		if err != nil && !stopped {
			yield(Account{}, err)
		}
	}
}

// Stock implements StockKeeper.
func (c Client) Stock(ctx context.Context, product form.Values) (int, error) {
	answer := new(panelv1.StockAnswer)
	err := c.Do(ctx, host.Call{Method: panelv1.Panel_Stock_FullMethodName, Deadline: host.Quick}, func(head *pluginv1.Call) proto.Message {
		return &panelv1.StockRequest{Call: head, Product: wire.ValuesOut(product)}
	}, answer)
	return int(answer.GetFree()), err
}

func register(s grpc.ServiceRegistrar, i *wire.Instances) {
	panelv1.RegisterPanelServer(s, &server{i: i})
}

// server calls the author's panel.
type server struct {
	panelv1.UnimplementedPanelServer
	i *wire.Instances
}

// pageSize is how many accounts a page has.
const pageSize = 500

// progress serves a change.
func progress[P any](ctx context.Context, s *server, call *pluginv1.Call, r Ref, do func(context.Context, P, sdk.Op) (Progress, error)) (*panelv1.ProgressAnswer, error) {
	keep := &wire.Keep{Notes: r.Notes, Customer: r.Customer.Notes}
	return wire.Serve(ctx, s.i, call, wire.Change, keep, func(ctx context.Context, p P) (*panelv1.ProgressAnswer, error) {
		out, err := do(ctx, p, sdk.OpIn(call))
		return progressOut(out, keep), err
	})
}

func (s *server) Create(ctx context.Context, req *panelv1.CreateRequest) (*panelv1.ProgressAnswer, error) {
	c := creationIn(req)
	return progress(ctx, s, req.GetCall(), c.Ref, func(ctx context.Context, p Panel, _ sdk.Op) (Progress, error) { return p.Create(ctx, c) })
}

func (s *server) Find(ctx context.Context, req *panelv1.CreateRequest) (*panelv1.AccountAnswer, error) {
	c := creationIn(req)
	keep := &wire.Keep{Notes: c.Notes, Customer: c.Customer.Notes}
	return wire.Serve(ctx, s.i, req.GetCall(), wire.Read, keep, func(ctx context.Context, p Panel) (*panelv1.AccountAnswer, error) {
		a, err := p.Find(ctx, c)
		return &panelv1.AccountAnswer{Account: accountOut(a), Kept: keep.Out()}, err
	})
}

func (s *server) State(ctx context.Context, req *panelv1.StateRequest) (*panelv1.AccountAnswer, error) {
	r := refIn(req.GetRef())
	keep := &wire.Keep{Notes: r.Notes, Customer: r.Customer.Notes}
	return wire.Serve(ctx, s.i, req.GetCall(), wire.Read, keep, func(ctx context.Context, p Panel) (*panelv1.AccountAnswer, error) {
		a, err := p.State(ctx, r)
		return &panelv1.AccountAnswer{Account: accountOut(a), Kept: keep.Out()}, err
	})
}

func (s *server) Suspend(ctx context.Context, req *panelv1.SuspendRequest) (*panelv1.ProgressAnswer, error) {
	r := refIn(req.GetRef())
	return progress(ctx, s, req.GetCall(), r, func(ctx context.Context, p Panel, op sdk.Op) (Progress, error) {
		return p.Suspend(ctx, op, r, req.GetReason())
	})
}

func (s *server) Unsuspend(ctx context.Context, req *panelv1.UnsuspendRequest) (*panelv1.ProgressAnswer, error) {
	r := refIn(req.GetRef())
	return progress(ctx, s, req.GetCall(), r, func(ctx context.Context, p Panel, op sdk.Op) (Progress, error) { return p.Unsuspend(ctx, op, r) })
}

func (s *server) Terminate(ctx context.Context, req *panelv1.TerminateRequest) (*panelv1.ProgressAnswer, error) {
	r := refIn(req.GetRef())
	return progress(ctx, s, req.GetCall(), r, func(ctx context.Context, p Panel, op sdk.Op) (Progress, error) { return p.Terminate(ctx, op, r) })
}

func (s *server) Resize(ctx context.Context, req *panelv1.ResizeRequest) (*panelv1.ProgressAnswer, error) {
	r := refIn(req.GetRef())
	return progress(ctx, s, req.GetCall(), r, func(ctx context.Context, p Resizer, op sdk.Op) (Progress, error) {
		return p.Resize(ctx, op, r, wire.ValuesIn(req.GetProduct().GetValue()), wire.ValuesIn(req.GetCheckout().GetValue()))
	})
}

func (s *server) ResetPassword(ctx context.Context, req *panelv1.ResetPasswordRequest) (*panelv1.ProgressAnswer, error) {
	r := refIn(req.GetRef())
	return progress(ctx, s, req.GetCall(), r, func(ctx context.Context, p PasswordResetter, op sdk.Op) (Progress, error) {
		return p.ResetPassword(ctx, op, r, secret.New(req.GetWant()))
	})
}

func (s *server) Power(ctx context.Context, req *panelv1.PowerRequest) (*panelv1.ProgressAnswer, error) {
	r := refIn(req.GetRef())
	return progress(ctx, s, req.GetCall(), r, func(ctx context.Context, p PowerSwitch, op sdk.Op) (Progress, error) {
		return p.Power(ctx, op, r, PowerAction(req.GetAction()))
	})
}

func (s *server) Reinstall(ctx context.Context, req *panelv1.ReinstallRequest) (*panelv1.ProgressAnswer, error) {
	r := refIn(req.GetRef())
	return progress(ctx, s, req.GetCall(), r, func(ctx context.Context, p Reinstaller, op sdk.Op) (Progress, error) {
		return p.Reinstall(ctx, op, r, wire.ValuesIn(req.GetCheckout().GetValue()), secret.New(req.GetWant()))
	})
}

func (s *server) Login(ctx context.Context, req *panelv1.LoginRequest) (*panelv1.LoginAnswer, error) {
	r := refIn(req.GetRef())
	keep := &wire.Keep{Notes: r.Notes, Customer: r.Customer.Notes}
	return wire.Serve(ctx, s.i, req.GetCall(), wire.Read, keep, func(ctx context.Context, p LoginLinker) (*panelv1.LoginAnswer, error) {
		link, err := p.Login(ctx, r, req.GetStaff())
		return &panelv1.LoginAnswer{Link: sdk.LinkOut(link), Kept: keep.Out()}, err
	})
}

func (s *server) Usage(ctx context.Context, req *panelv1.UsageRequest) (*panelv1.UsageAnswer, error) {
	return wire.Serve(ctx, s.i, req.GetCall(), wire.Read, nil, func(ctx context.Context, p UsageReader) (*panelv1.UsageAnswer, error) {
		var refs []Ref
		for _, r := range req.GetRefs() {
			refs = append(refs, refIn(r))
		}
		usage, err := p.Usage(ctx, refs)
		return &panelv1.UsageAnswer{Usage: metersOut(usage)}, err
	})
}

func (s *server) Accounts(req *panelv1.AccountsRequest, stream grpc.ServerStreamingServer[panelv1.AccountsPage]) error {
	_, err := wire.Serve(stream.Context(), s.i, req.GetCall(), wire.Read, nil, func(ctx context.Context, p Lister) (none struct{}, err error) {
		page := &panelv1.AccountsPage{}
		for account, err := range p.Accounts(ctx) {
			if err != nil {
				return none, err
			}
			if len(page.Accounts) == pageSize {
				if err := stream.Send(page); err != nil {
					return none, err
				}
				page = &panelv1.AccountsPage{}
			}
			page.Accounts = append(page.Accounts, accountOut(account))
		}
		page.Last = true
		return none, stream.Send(page)
	})
	return err
}

func (s *server) Stock(ctx context.Context, req *panelv1.StockRequest) (*panelv1.StockAnswer, error) {
	return wire.Serve(ctx, s.i, req.GetCall(), wire.Read, nil, func(ctx context.Context, p StockKeeper) (*panelv1.StockAnswer, error) {
		free, err := p.Stock(ctx, wire.ValuesIn(req.GetProduct().GetValue()))
		return &panelv1.StockAnswer{Free: int64(free)}, err
	})
}
