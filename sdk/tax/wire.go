package tax

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/host"
	"github.com/ezscale/bursar/sdk/internal/wire"
	pluginv1 "github.com/ezscale/bursar/sdk/proto/bursar/plugin/v1"
	taxv1 "github.com/ezscale/bursar/sdk/proto/bursar/tax/v1"
)

// Both directions of the wire: Client on the host's side, server on the plugin's.

// Client is a tax plugin on the other side of the wire. It has the methods of all powers; ask sdk.As which count. Notes of
// a Customer are a map that each call rewrites with what the plugin noted, also after errors: they must not be nil.
type Client struct{ host.Common }

var _ interface {
	sdk.Instance
	Quoter
	Recorder
	IDChecker
} = Client{}

// NewClient is the client of one instance.
func NewClient(i *host.Instance) Client { return Client{host.Common{Instance: i}} }

// Announces is true for the powers the plugin has.
func (c Client) Announces(power string) bool {
	return power == "Instance" || c.Instance.Announces(power)
}

func keepOf(s Sale) wire.Keep { return wire.Keep{Customer: s.Customer.Notes} }

// Quote implements Quoter.
func (c Client) Quote(ctx context.Context, s Sale) (Quote, error) {
	answer := new(taxv1.QuoteAnswer)
	call := host.Call{Method: taxv1.Tax_Quote_FullMethodName, Deadline: host.Quote, Keep: keepOf(s)}
	if err := c.Do(ctx, call, func(head *pluginv1.Call) proto.Message { return &taxv1.QuoteRequest{Call: head, Sale: saleOut(s)} }, answer); err != nil {
		return Quote{}, err
	}
	return quoteIn(answer), nil
}

// Record implements Recorder.
func (c Client) Record(ctx context.Context, op sdk.Op, d Document) error {
	call := host.Call{Method: taxv1.Tax_Record_FullMethodName, Effect: host.Change, Deadline: host.Normal, Op: &op, Keep: keepOf(d.Sale)}
	return c.Do(ctx, call, func(head *pluginv1.Call) proto.Message {
		return &taxv1.RecordRequest{Call: head, Document: documentOut(d)}
	}, new(taxv1.RecordAnswer))
}

// Void implements Recorder.
func (c Client) Void(ctx context.Context, op sdk.Op, d Document) error {
	call := host.Call{Method: taxv1.Tax_Void_FullMethodName, Effect: host.Change, Deadline: host.Normal, Op: &op, Keep: keepOf(d.Sale)}
	return c.Do(ctx, call, func(head *pluginv1.Call) proto.Message {
		return &taxv1.VoidRequest{Call: head, Document: documentOut(d)}
	}, new(taxv1.VoidAnswer))
}

// CheckID implements IDChecker.
func (c Client) CheckID(ctx context.Context, country, number string) (Proof, error) {
	answer := new(taxv1.CheckIDAnswer)
	err := c.Do(ctx, host.Call{Method: taxv1.Tax_CheckID_FullMethodName, Deadline: host.ID}, func(head *pluginv1.Call) proto.Message {
		return &taxv1.CheckIDRequest{Call: head, Country: country, Number: number}
	}, answer)
	if err != nil {
		return Proof{}, err
	}
	return proofIn(answer), nil
}

func register(s grpc.ServiceRegistrar, i *wire.Instances) {
	taxv1.RegisterTaxServer(s, &server{i: i})
}

// server calls the author's plugin.
type server struct {
	taxv1.UnimplementedTaxServer
	i *wire.Instances
}

func (s *server) Quote(ctx context.Context, req *taxv1.QuoteRequest) (*taxv1.QuoteAnswer, error) {
	sale := saleIn(req.GetSale())
	keep := &wire.Keep{Customer: sale.Customer.Notes}
	return wire.Serve(ctx, s.i, req.GetCall(), wire.Read, keep, func(ctx context.Context, q Quoter) (*taxv1.QuoteAnswer, error) {
		out, err := q.Quote(ctx, sale)
		return quoteOut(out, keep), err
	})
}

func (s *server) Record(ctx context.Context, req *taxv1.RecordRequest) (*taxv1.RecordAnswer, error) {
	d := documentIn(req.GetDocument())
	keep := &wire.Keep{Customer: d.Customer.Notes}
	return wire.Serve(ctx, s.i, req.GetCall(), wire.Change, keep, func(ctx context.Context, r Recorder) (*taxv1.RecordAnswer, error) {
		err := r.Record(ctx, sdk.OpIn(req.GetCall()), d)
		return &taxv1.RecordAnswer{Kept: keep.Out()}, err
	})
}

func (s *server) Void(ctx context.Context, req *taxv1.VoidRequest) (*taxv1.VoidAnswer, error) {
	d := documentIn(req.GetDocument())
	keep := &wire.Keep{Customer: d.Customer.Notes}
	return wire.Serve(ctx, s.i, req.GetCall(), wire.Change, keep, func(ctx context.Context, r Recorder) (*taxv1.VoidAnswer, error) {
		err := r.Void(ctx, sdk.OpIn(req.GetCall()), d)
		return &taxv1.VoidAnswer{Kept: keep.Out()}, err
	})
}

func (s *server) CheckID(ctx context.Context, req *taxv1.CheckIDRequest) (*taxv1.CheckIDAnswer, error) {
	return wire.Serve(ctx, s.i, req.GetCall(), wire.Read, nil, func(ctx context.Context, c IDChecker) (*taxv1.CheckIDAnswer, error) {
		proof, err := c.CheckID(ctx, req.GetCountry(), req.GetNumber())
		return proofOut(proof), err
	})
}
