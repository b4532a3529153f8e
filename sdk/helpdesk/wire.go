package helpdesk

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/host"
	"github.com/ezscale/bursar/sdk/internal/wire"
	helpdeskv1 "github.com/ezscale/bursar/sdk/proto/bursar/helpdesk/v1"
	pluginv1 "github.com/ezscale/bursar/sdk/proto/bursar/plugin/v1"
)

// Both directions of the wire: Client on the host's side, server on the plugin's.

// Client is a help desk on the other side of the wire. It has the methods of all powers; ask sdk.As which count. Notes of a
// Customer are a map that each call rewrites with what the plugin noted, also after errors: they must not be nil.
type Client struct{ host.Common }

var _ interface {
	HelpDesk
	Closer
	LoginLinker
	Receiver
} = Client{}

// NewClient is the client of one instance.
func NewClient(i *host.Instance) Client { return Client{host.Common{Instance: i}} }

// Announces is true for HelpDesk itself and the powers the plugin has.
func (c Client) Announces(power string) bool {
	return power == "HelpDesk" || power == "Instance" || c.Instance.Announces(power)
}

// change is a call that changes something for a customer.
func change(method string, op sdk.Op, c sdk.Customer) host.Call {
	return host.Call{Method: method, Effect: host.Change, Deadline: host.Normal, Op: &op, Keep: wire.Keep{Customer: c.Notes}}
}

// Open implements HelpDesk.
func (c Client) Open(ctx context.Context, op sdk.Op, d Draft) (Ticket, error) {
	answer := new(helpdeskv1.OpenAnswer)
	call := change(helpdeskv1.HelpDesk_Open_FullMethodName, op, d.Customer)
	if err := c.Do(ctx, call, func(head *pluginv1.Call) proto.Message { return draftOut(d, head) }, answer); err != nil {
		return Ticket{}, err
	}
	return ticketIn(answer.GetTicket()), nil
}

// Reply implements HelpDesk.
func (c Client) Reply(ctx context.Context, op sdk.Op, r Reply) (Message, error) {
	answer := new(helpdeskv1.ReplyAnswer)
	call := change(helpdeskv1.HelpDesk_Reply_FullMethodName, op, r.Customer)
	if err := c.Do(ctx, call, func(head *pluginv1.Call) proto.Message { return replyOut(r, head) }, answer); err != nil {
		return Message{}, err
	}
	return messageIn(answer.GetMessage()), nil
}

// Tickets implements HelpDesk.
func (c Client) Tickets(ctx context.Context, q Query) (list []Ticket, next string, err error) {
	call := host.Call{Method: helpdeskv1.HelpDesk_Tickets_FullMethodName, Deadline: host.Quick}
	if q.Customer != nil {
		call.Keep.Customer = q.Customer.Notes
	}
	answer := new(helpdeskv1.TicketsAnswer)
	if err := c.Do(ctx, call, func(head *pluginv1.Call) proto.Message { return queryOut(q, head) }, answer); err != nil {
		return nil, "", err
	}
	for _, t := range answer.GetTickets() {
		list = append(list, ticketIn(t))
	}
	return list, answer.GetNext(), nil
}

// Ticket implements HelpDesk.
func (c Client) Ticket(ctx context.Context, id string) (Ticket, []Message, error) {
	answer := new(helpdeskv1.TicketAnswer)
	err := c.Do(ctx, host.Call{Method: helpdeskv1.HelpDesk_Ticket_FullMethodName, Deadline: host.Quick}, func(head *pluginv1.Call) proto.Message {
		return &helpdeskv1.TicketRequest{Call: head, Id: id}
	}, answer)
	if err != nil {
		return Ticket{}, nil, err
	}
	var messages []Message
	for _, m := range answer.GetMessages() {
		messages = append(messages, messageIn(m))
	}
	return ticketIn(answer.GetTicket()), messages, nil
}

// File implements HelpDesk.
func (c Client) File(ctx context.Context, id string) (File, error) {
	answer := new(helpdeskv1.FileAnswer)
	err := c.Do(ctx, host.Call{Method: helpdeskv1.HelpDesk_File_FullMethodName, Deadline: host.Quick}, func(head *pluginv1.Call) proto.Message {
		return &helpdeskv1.FileRequest{Call: head, Id: id}
	}, answer)
	if err != nil {
		return File{}, err
	}
	return fileIn(answer.GetFile()), nil
}

// SetOpen implements Closer.
func (c Client) SetOpen(ctx context.Context, op sdk.Op, ticket string, open bool) error {
	call := change(helpdeskv1.HelpDesk_SetOpen_FullMethodName, op, sdk.Customer{})
	return c.Do(ctx, call, func(head *pluginv1.Call) proto.Message {
		return &helpdeskv1.SetOpenRequest{Call: head, Ticket: ticket, Open: open}
	}, new(helpdeskv1.SetOpenAnswer))
}

// Login implements LoginLinker.
func (c Client) Login(ctx context.Context, who sdk.Customer, ticket string) (sdk.Link, error) {
	answer := new(helpdeskv1.LoginAnswer)
	call := host.Call{Method: helpdeskv1.HelpDesk_Login_FullMethodName, Deadline: host.Quick, Keep: wire.Keep{Customer: who.Notes}}
	err := c.Do(ctx, call, func(head *pluginv1.Call) proto.Message {
		return &helpdeskv1.LoginRequest{Call: head, Customer: sdk.CustomerOut(who), Ticket: ticket}
	}, answer)
	return sdk.LinkIn(answer.GetLink()), err
}

// Receive implements Receiver.
func (c Client) Receive(ctx context.Context, w sdk.Webhook) ([]string, error) {
	answer := new(helpdeskv1.ReceiveAnswer)
	err := c.Do(ctx, host.Call{Method: helpdeskv1.HelpDesk_Receive_FullMethodName, Deadline: host.Quick}, func(head *pluginv1.Call) proto.Message {
		return &helpdeskv1.ReceiveRequest{Call: head, Webhook: sdk.WebhookOut(w)}
	}, answer)
	return answer.GetTickets(), err
}

func register(s grpc.ServiceRegistrar, i *wire.Instances) {
	helpdeskv1.RegisterHelpDeskServer(s, &server{i: i})
}

// server calls the author's desk.
type server struct {
	helpdeskv1.UnimplementedHelpDeskServer
	i *wire.Instances
}

func (s *server) Open(ctx context.Context, req *helpdeskv1.OpenRequest) (*helpdeskv1.OpenAnswer, error) {
	d := draftIn(req)
	keep := &wire.Keep{Customer: d.Customer.Notes}
	return wire.Serve(ctx, s.i, req.GetCall(), wire.Change, keep, func(ctx context.Context, h HelpDesk) (*helpdeskv1.OpenAnswer, error) {
		t, err := h.Open(ctx, sdk.OpIn(req.GetCall()), d)
		return &helpdeskv1.OpenAnswer{Ticket: ticketOut(t), Kept: keep.Out()}, err
	})
}

func (s *server) Reply(ctx context.Context, req *helpdeskv1.ReplyRequest) (*helpdeskv1.ReplyAnswer, error) {
	r := replyIn(req)
	keep := &wire.Keep{Customer: r.Customer.Notes}
	return wire.Serve(ctx, s.i, req.GetCall(), wire.Change, keep, func(ctx context.Context, h HelpDesk) (*helpdeskv1.ReplyAnswer, error) {
		m, err := h.Reply(ctx, sdk.OpIn(req.GetCall()), r)
		return &helpdeskv1.ReplyAnswer{Message: messageOut(m), Kept: keep.Out()}, err
	})
}

func (s *server) Tickets(ctx context.Context, req *helpdeskv1.TicketsRequest) (*helpdeskv1.TicketsAnswer, error) {
	q := queryIn(req)
	keep := (*wire.Keep)(nil)
	if q.Customer != nil {
		keep = &wire.Keep{Customer: q.Customer.Notes}
	}
	return wire.Serve(ctx, s.i, req.GetCall(), wire.Read, keep, func(ctx context.Context, h HelpDesk) (*helpdeskv1.TicketsAnswer, error) {
		list, next, err := h.Tickets(ctx, q)
		answer := &helpdeskv1.TicketsAnswer{Next: next, Kept: keep.Out()}
		for _, t := range list {
			answer.Tickets = append(answer.Tickets, ticketOut(t))
		}
		return answer, err
	})
}

func (s *server) Ticket(ctx context.Context, req *helpdeskv1.TicketRequest) (*helpdeskv1.TicketAnswer, error) {
	return wire.Serve(ctx, s.i, req.GetCall(), wire.Read, nil, func(ctx context.Context, h HelpDesk) (*helpdeskv1.TicketAnswer, error) {
		t, messages, err := h.Ticket(ctx, req.GetId())
		answer := &helpdeskv1.TicketAnswer{Ticket: ticketOut(t)}
		for _, m := range messages {
			answer.Messages = append(answer.Messages, messageOut(m))
		}
		return answer, err
	})
}

func (s *server) File(ctx context.Context, req *helpdeskv1.FileRequest) (*helpdeskv1.FileAnswer, error) {
	return wire.Serve(ctx, s.i, req.GetCall(), wire.Read, nil, func(ctx context.Context, h HelpDesk) (*helpdeskv1.FileAnswer, error) {
		f, err := h.File(ctx, req.GetId())
		return &helpdeskv1.FileAnswer{File: fileOut(f)}, err
	})
}

func (s *server) SetOpen(ctx context.Context, req *helpdeskv1.SetOpenRequest) (*helpdeskv1.SetOpenAnswer, error) {
	return wire.Serve(ctx, s.i, req.GetCall(), wire.Change, nil, func(ctx context.Context, c Closer) (*helpdeskv1.SetOpenAnswer, error) {
		return &helpdeskv1.SetOpenAnswer{}, c.SetOpen(ctx, sdk.OpIn(req.GetCall()), req.GetTicket(), req.GetOpen())
	})
}

func (s *server) Login(ctx context.Context, req *helpdeskv1.LoginRequest) (*helpdeskv1.LoginAnswer, error) {
	c := sdk.CustomerIn(req.GetCustomer())
	keep := &wire.Keep{Customer: c.Notes}
	return wire.Serve(ctx, s.i, req.GetCall(), wire.Read, keep, func(ctx context.Context, l LoginLinker) (*helpdeskv1.LoginAnswer, error) {
		link, err := l.Login(ctx, c, req.GetTicket())
		return &helpdeskv1.LoginAnswer{Link: sdk.LinkOut(link), Kept: keep.Out()}, err
	})
}

func (s *server) Receive(ctx context.Context, req *helpdeskv1.ReceiveRequest) (*helpdeskv1.ReceiveAnswer, error) {
	return wire.Serve(ctx, s.i, req.GetCall(), wire.Read, nil, func(ctx context.Context, r Receiver) (*helpdeskv1.ReceiveAnswer, error) {
		tickets, err := r.Receive(ctx, sdk.WebhookIn(req.GetWebhook()))
		return &helpdeskv1.ReceiveAnswer{Tickets: tickets}, err
	})
}
