package notifier

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/host"
	"github.com/ezscale/bursar/sdk/internal/wire"
	notifierv1 "github.com/ezscale/bursar/sdk/proto/bursar/notifier/v1"
	pluginv1 "github.com/ezscale/bursar/sdk/proto/bursar/plugin/v1"
)

// Both directions of the wire: Client on the host's side, server on the plugin's.

// Client is a notifier on the other side of the wire. It has the methods of all powers; ask sdk.As which count.
type Client struct{ host.Common }

var _ interface {
	sdk.Instance
	Mailer
	Poster
	Finder
	Receiver
} = Client{}

// NewClient is the client of one instance.
func NewClient(i *host.Instance) Client { return Client{host.Common{Instance: i}} }

// Announces is true for the powers the plugin has.
func (c Client) Announces(power string) bool {
	return power == "Instance" || c.Instance.Announces(power)
}

// receipt makes a call about one message.
func (c Client) receipt(ctx context.Context, call host.Call, request func(*pluginv1.Call) proto.Message) (Receipt, error) {
	answer := new(notifierv1.ReceiptAnswer)
	if err := c.Do(ctx, call, request, answer); err != nil {
		return Receipt{}, err
	}
	return Receipt{ID: answer.GetId()}, nil
}

// Mail implements Mailer.
func (c Client) Mail(ctx context.Context, op sdk.Op, m Mail) (Receipt, error) {
	call := host.Call{Method: notifierv1.Notifier_Mail_FullMethodName, Effect: host.Change, Deadline: host.Normal, Op: &op}
	return c.receipt(ctx, call, func(head *pluginv1.Call) proto.Message { return mailOut(m, head) })
}

// Post implements Poster.
func (c Client) Post(ctx context.Context, op sdk.Op, p Post) (Receipt, error) {
	call := host.Call{Method: notifierv1.Notifier_Post_FullMethodName, Effect: host.Change, Deadline: host.Normal, Op: &op}
	return c.receipt(ctx, call, func(head *pluginv1.Call) proto.Message { return postOut(p, head) })
}

// FindMessage implements Finder.
func (c Client) FindMessage(ctx context.Context, op sdk.Op) (Receipt, error) {
	call := host.Call{Method: notifierv1.Notifier_FindMessage_FullMethodName, Deadline: host.Quick, Op: &op}
	return c.receipt(ctx, call, func(head *pluginv1.Call) proto.Message { return &notifierv1.FindMessageRequest{Call: head} })
}

// Receive implements Receiver.
func (c Client) Receive(ctx context.Context, w sdk.Webhook) ([]Delivery, error) {
	answer := new(notifierv1.ReceiveAnswer)
	err := c.Do(ctx, host.Call{Method: notifierv1.Notifier_Receive_FullMethodName, Deadline: host.Quick}, func(head *pluginv1.Call) proto.Message {
		return &notifierv1.ReceiveRequest{Call: head, Webhook: sdk.WebhookOut(w)}
	}, answer)
	if err != nil {
		return nil, err
	}
	var news []Delivery
	for _, d := range answer.GetDeliveries() {
		news = append(news, deliveryIn(d))
	}
	return news, nil
}

func register(s grpc.ServiceRegistrar, i *wire.Instances) {
	notifierv1.RegisterNotifierServer(s, &server{i: i})
}

// server calls the author's plugin.
type server struct {
	notifierv1.UnimplementedNotifierServer
	i *wire.Instances
}

func (s *server) Mail(ctx context.Context, req *notifierv1.MailRequest) (*notifierv1.ReceiptAnswer, error) {
	return wire.Serve(ctx, s.i, req.GetCall(), wire.Change, nil, func(ctx context.Context, m Mailer) (*notifierv1.ReceiptAnswer, error) {
		r, err := m.Mail(ctx, sdk.OpIn(req.GetCall()), mailIn(req))
		return receiptOut(r), err
	})
}

func (s *server) Post(ctx context.Context, req *notifierv1.PostRequest) (*notifierv1.ReceiptAnswer, error) {
	return wire.Serve(ctx, s.i, req.GetCall(), wire.Change, nil, func(ctx context.Context, p Poster) (*notifierv1.ReceiptAnswer, error) {
		r, err := p.Post(ctx, sdk.OpIn(req.GetCall()), postIn(req))
		return receiptOut(r), err
	})
}

func (s *server) FindMessage(ctx context.Context, req *notifierv1.FindMessageRequest) (*notifierv1.ReceiptAnswer, error) {
	return wire.Serve(ctx, s.i, req.GetCall(), wire.Read, nil, func(ctx context.Context, f Finder) (*notifierv1.ReceiptAnswer, error) {
		r, err := f.FindMessage(ctx, sdk.OpIn(req.GetCall()))
		return receiptOut(r), err
	})
}

func (s *server) Receive(ctx context.Context, req *notifierv1.ReceiveRequest) (*notifierv1.ReceiveAnswer, error) {
	return wire.Serve(ctx, s.i, req.GetCall(), wire.Read, nil, func(ctx context.Context, r Receiver) (*notifierv1.ReceiveAnswer, error) {
		news, err := r.Receive(ctx, sdk.WebhookIn(req.GetWebhook()))
		answer := new(notifierv1.ReceiveAnswer)
		for _, d := range news {
			answer.Deliveries = append(answer.Deliveries, deliveryOut(d))
		}
		return answer, err
	})
}
