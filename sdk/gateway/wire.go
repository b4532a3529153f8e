package gateway

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/host"
	"github.com/ezscale/bursar/sdk/internal/wire"
	gatewayv1 "github.com/ezscale/bursar/sdk/proto/bursar/gateway/v1"
	pluginv1 "github.com/ezscale/bursar/sdk/proto/bursar/plugin/v1"
)

// Both directions of the wire: Client on the host's side, server on the plugin's.

// Client is a gateway on the other side of the wire. It has the methods of all powers; ask sdk.As which count. Notes of an
// Attempt, a Refund, a Method and of their Customer are maps that each call rewrites with what the plugin noted, also after
// errors: they must not be nil.
type Client struct{ host.Common }

var _ interface {
	Gateway
	Finisher
	Charger
	Canceller
	DisputeLister
} = Client{}

// NewClient is the client of one instance.
func NewClient(i *host.Instance) Client { return Client{host.Common{Instance: i}} }

// Announces is true for Gateway itself and the powers the plugin has.
func (c Client) Announces(power string) bool {
	return power == "Gateway" || power == "Instance" || c.Instance.Announces(power)
}

func keepOf(a Attempt) wire.Keep { return wire.Keep{Notes: a.Notes, Customer: a.Customer.Notes} }

func keepOfMethod(m Method) wire.Keep { return wire.Keep{Notes: m.Notes, Customer: m.Customer.Notes} }

// outcome makes a call about an attempt that answers an Outcome.
func (c Client) outcome(ctx context.Context, method string, effect host.Effect, a Attempt, request func(*pluginv1.Call) proto.Message) (Outcome, error) {
	call := host.Call{Method: method, Effect: effect, Deadline: host.Money, Op: &a.Op, Keep: keepOf(a)}
	answer := new(gatewayv1.OutcomeAnswer)
	if err := c.Do(ctx, call, request, answer); err != nil {
		return Outcome{}, err
	}
	return outcomeIn(answer.GetOutcome()), nil
}

// Begin implements Gateway.
func (c Client) Begin(ctx context.Context, v Visit) (Outcome, error) {
	return c.outcome(ctx, gatewayv1.Gateway_Begin_FullMethodName, host.Change, v.Attempt, func(head *pluginv1.Call) proto.Message { return visitOut(v, head) })
}

// Look implements Gateway.
func (c Client) Look(ctx context.Context, a Attempt) (Outcome, error) {
	return c.outcome(ctx, gatewayv1.Gateway_Look_FullMethodName, host.Read, a, func(head *pluginv1.Call) proto.Message {
		return &gatewayv1.LookRequest{Call: head, Attempt: attemptOut(a)}
	})
}

// Finish implements Finisher.
func (c Client) Finish(ctx context.Context, a Attempt) (Outcome, error) {
	return c.outcome(ctx, gatewayv1.Gateway_Finish_FullMethodName, host.Change, a, func(head *pluginv1.Call) proto.Message {
		return &gatewayv1.FinishRequest{Call: head, Attempt: attemptOut(a)}
	})
}

// Charge implements Charger.
func (c Client) Charge(ctx context.Context, n Charge) (Outcome, error) {
	return c.outcome(ctx, gatewayv1.Gateway_Charge_FullMethodName, host.Change, n.Attempt, func(head *pluginv1.Call) proto.Message { return chargeOut(n, head) })
}

// Refund implements Gateway.
func (c Client) Refund(ctx context.Context, r Refund) (Refunded, error) {
	call := host.Call{Method: gatewayv1.Gateway_Refund_FullMethodName, Effect: host.Change, Deadline: host.Money, Op: &r.Op, Keep: wire.Keep{Notes: r.Notes}}
	answer := new(gatewayv1.RefundAnswer)
	if err := c.Do(ctx, call, func(head *pluginv1.Call) proto.Message { return refundOut(r, head) }, answer); err != nil {
		return Refunded{}, err
	}
	return refundedIn(answer.GetRefund()), nil
}

// Receive implements Gateway.
func (c Client) Receive(ctx context.Context, w sdk.Webhook) ([]Event, error) {
	call := host.Call{Method: gatewayv1.Gateway_Receive_FullMethodName, Deadline: host.Quick}
	answer := new(gatewayv1.ReceiveAnswer)
	err := c.Do(ctx, call, func(head *pluginv1.Call) proto.Message {
		return &gatewayv1.ReceiveRequest{Call: head, Webhook: sdk.WebhookOut(w)}
	}, answer)
	if err != nil {
		return nil, err
	}
	var events []Event
	for _, e := range answer.GetEvents() {
		events = append(events, eventIn(e))
	}
	return events, nil
}

// Method implements Charger.
func (c Client) Method(ctx context.Context, m Method) (Method, error) {
	call := host.Call{Method: gatewayv1.Gateway_Method_FullMethodName, Deadline: host.Quick, Keep: keepOfMethod(m)}
	answer := new(gatewayv1.MethodAnswer)
	err := c.Do(ctx, call, func(head *pluginv1.Call) proto.Message {
		return &gatewayv1.MethodRequest{Call: head, Method: methodOut(&m)}
	}, answer)
	if err != nil {
		return Method{}, err
	}
	return *methodIn(orEmpty(answer.GetMethod())), nil
}

// Forget implements Charger.
func (c Client) Forget(ctx context.Context, op sdk.Op, m Method) error {
	call := host.Call{Method: gatewayv1.Gateway_Forget_FullMethodName, Effect: host.Change, Deadline: host.Normal, Op: &op, Keep: keepOfMethod(m)}
	return c.Do(ctx, call, func(head *pluginv1.Call) proto.Message {
		return &gatewayv1.ForgetRequest{Call: head, Method: methodOut(&m)}
	}, new(gatewayv1.ForgetAnswer))
}

// Cancel implements Canceller.
func (c Client) Cancel(ctx context.Context, a Attempt) error {
	call := host.Call{Method: gatewayv1.Gateway_Cancel_FullMethodName, Effect: host.Change, Deadline: host.Normal, Op: &a.Op, Keep: keepOf(a)}
	return c.Do(ctx, call, func(head *pluginv1.Call) proto.Message {
		return &gatewayv1.CancelRequest{Call: head, Attempt: attemptOut(a)}
	}, new(gatewayv1.CancelAnswer))
}

// Disputes implements DisputeLister.
func (c Client) Disputes(ctx context.Context, since time.Time) ([]Dispute, error) {
	call := host.Call{Method: gatewayv1.Gateway_Disputes_FullMethodName, Deadline: host.Quick}
	answer := new(gatewayv1.DisputesAnswer)
	err := c.Do(ctx, call, func(head *pluginv1.Call) proto.Message {
		return &gatewayv1.DisputesRequest{Call: head, SinceMicros: wire.Micros(since)}
	}, answer)
	if err != nil {
		return nil, err
	}
	var list []Dispute
	for _, d := range answer.GetDisputes() {
		list = append(list, disputeIn(d))
	}
	return list, nil
}

// server answers the host's calls with the author's instance.
type server struct {
	gatewayv1.UnimplementedGatewayServer
	i *wire.Instances
}

func register(s grpc.ServiceRegistrar, i *wire.Instances) {
	gatewayv1.RegisterGatewayServer(s, &server{i: i})
}

// outcome serves a call about an attempt.
func outcome[P any](ctx context.Context, s *server, call *pluginv1.Call, effect wire.Effect, a Attempt, do func(context.Context, P) (Outcome, error)) (*gatewayv1.OutcomeAnswer, error) {
	keep := keepOf(a)
	return wire.Serve(ctx, s.i, call, effect, &keep, func(ctx context.Context, p P) (*gatewayv1.OutcomeAnswer, error) {
		o, err := do(ctx, p)
		return &gatewayv1.OutcomeAnswer{Outcome: outcomeOut(o), Kept: keep.Out()}, err
	})
}

func (s *server) Begin(ctx context.Context, req *gatewayv1.BeginRequest) (*gatewayv1.OutcomeAnswer, error) {
	v := visitIn(req)
	return outcome(ctx, s, req.GetCall(), wire.Change, v.Attempt, func(ctx context.Context, g Gateway) (Outcome, error) { return g.Begin(ctx, v) })
}

func (s *server) Look(ctx context.Context, req *gatewayv1.LookRequest) (*gatewayv1.OutcomeAnswer, error) {
	a := attemptIn(req.GetCall(), req.GetAttempt())
	return outcome(ctx, s, req.GetCall(), wire.Read, a, func(ctx context.Context, g Gateway) (Outcome, error) { return g.Look(ctx, a) })
}

func (s *server) Finish(ctx context.Context, req *gatewayv1.FinishRequest) (*gatewayv1.OutcomeAnswer, error) {
	a := attemptIn(req.GetCall(), req.GetAttempt())
	return outcome(ctx, s, req.GetCall(), wire.Change, a, func(ctx context.Context, f Finisher) (Outcome, error) { return f.Finish(ctx, a) })
}

func (s *server) Charge(ctx context.Context, req *gatewayv1.ChargeRequest) (*gatewayv1.OutcomeAnswer, error) {
	n := chargeIn(req)
	return outcome(ctx, s, req.GetCall(), wire.Change, n.Attempt, func(ctx context.Context, c Charger) (Outcome, error) { return c.Charge(ctx, n) })
}

func (s *server) Refund(ctx context.Context, req *gatewayv1.RefundRequest) (*gatewayv1.RefundAnswer, error) {
	r := refundIn(req)
	keep := &wire.Keep{Notes: r.Notes}
	return wire.Serve(ctx, s.i, req.GetCall(), wire.Change, keep, func(ctx context.Context, g Gateway) (*gatewayv1.RefundAnswer, error) {
		out, err := g.Refund(ctx, r)
		return &gatewayv1.RefundAnswer{Refund: refundedOut(out), Kept: keep.Out()}, err
	})
}

func (s *server) Receive(ctx context.Context, req *gatewayv1.ReceiveRequest) (*gatewayv1.ReceiveAnswer, error) {
	return wire.Serve(ctx, s.i, req.GetCall(), wire.Read, nil, func(ctx context.Context, g Gateway) (*gatewayv1.ReceiveAnswer, error) {
		events, err := g.Receive(ctx, sdk.WebhookIn(req.GetWebhook()))
		answer := new(gatewayv1.ReceiveAnswer)
		for _, e := range events {
			answer.Events = append(answer.Events, eventOut(e))
		}
		return answer, err
	})
}

func (s *server) Method(ctx context.Context, req *gatewayv1.MethodRequest) (*gatewayv1.MethodAnswer, error) {
	m := *methodIn(orEmpty(req.GetMethod()))
	keep := keepOfMethod(m)
	return wire.Serve(ctx, s.i, req.GetCall(), wire.Read, &keep, func(ctx context.Context, c Charger) (*gatewayv1.MethodAnswer, error) {
		out, err := c.Method(ctx, m)
		return &gatewayv1.MethodAnswer{Method: methodOut(&out), Kept: keep.Out()}, err
	})
}

func (s *server) Forget(ctx context.Context, req *gatewayv1.ForgetRequest) (*gatewayv1.ForgetAnswer, error) {
	m := *methodIn(orEmpty(req.GetMethod()))
	keep := keepOfMethod(m)
	return wire.Serve(ctx, s.i, req.GetCall(), wire.Change, &keep, func(ctx context.Context, c Charger) (*gatewayv1.ForgetAnswer, error) {
		err := c.Forget(ctx, sdk.OpIn(req.GetCall()), m)
		return &gatewayv1.ForgetAnswer{Kept: keep.Out()}, err
	})
}

func (s *server) Cancel(ctx context.Context, req *gatewayv1.CancelRequest) (*gatewayv1.CancelAnswer, error) {
	a := attemptIn(req.GetCall(), req.GetAttempt())
	keep := keepOf(a)
	return wire.Serve(ctx, s.i, req.GetCall(), wire.Change, &keep, func(ctx context.Context, c Canceller) (*gatewayv1.CancelAnswer, error) {
		err := c.Cancel(ctx, a)
		return &gatewayv1.CancelAnswer{Kept: keep.Out()}, err
	})
}

func (s *server) Disputes(ctx context.Context, req *gatewayv1.DisputesRequest) (*gatewayv1.DisputesAnswer, error) {
	return wire.Serve(ctx, s.i, req.GetCall(), wire.Read, nil, func(ctx context.Context, l DisputeLister) (*gatewayv1.DisputesAnswer, error) {
		list, err := l.Disputes(ctx, wire.Time(req.GetSinceMicros()))
		answer := new(gatewayv1.DisputesAnswer)
		for _, d := range list {
			answer.Disputes = append(answer.Disputes, disputeOut(d))
		}
		return answer, err
	})
}
