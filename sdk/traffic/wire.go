package traffic

import (
	"context"
	"fmt"
	"iter"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/host"
	"github.com/ezscale/bursar/sdk/internal/wire"
	pluginv1 "github.com/ezscale/bursar/sdk/proto/bursar/plugin/v1"
	trafficv1 "github.com/ezscale/bursar/sdk/proto/bursar/traffic/v1"
)

// Both directions of the wire: Client on the host's side, server on the plugin's.

// Client is a source on the other side of the wire.
type Client struct{ host.Common }

var _ Source = Client{}

// NewClient is the client of one instance.
func NewClient(i *host.Instance) Client { return Client{host.Common{Instance: i}} }

// Announces is true for Source itself and the powers the plugin has.
func (c Client) Announces(power string) bool {
	return power == "Source" || power == "Instance" || c.Instance.Announces(power)
}

// Samples implements Source. Error: also Invalid for more than MaxPrefixes.
func (c Client) Samples(ctx context.Context, q Query) iter.Seq2[Sample, error] {
	return func(yield func(Sample, error) bool) {
		if len(q.Prefixes) > MaxPrefixes {
			yield(Sample{}, fault.New(fault.Invalid, "too_many_prefixes", "").Because(fmt.Errorf("%d prefixes, at most %d", len(q.Prefixes), MaxPrefixes)))
			return
		}
		stopped, broken := false, error(nil)
		err := c.Walk(ctx, host.Call{Method: trafficv1.Source_Samples_FullMethodName, Deadline: host.Page}, func(head *pluginv1.Call) proto.Message {
			return queryOut(q, head)
		}, func() host.PageOf { return new(trafficv1.SamplesPage) }, func(page host.PageOf) bool {
			for _, s := range page.(*trafficv1.SamplesPage).GetSamples() {
				sample, err := sampleIn(s)
				if broken = err; err != nil {
					return false
				}
				if stopped = !yield(sample, nil); stopped {
					return false
				}
			}
			return true
		})
		if err == nil {
			err = broken
		}
		if err != nil && !stopped {
			yield(Sample{}, err)
		}
	}
}

// Kept implements Source.
func (c Client) Kept(ctx context.Context) (from, settled time.Time, err error) {
	answer := new(trafficv1.KeptAnswer)
	err = c.Do(ctx, host.Call{Method: trafficv1.Source_Kept_FullMethodName, Deadline: host.Quick}, func(head *pluginv1.Call) proto.Message {
		return &trafficv1.KeptRequest{Call: head}
	}, answer)
	return wire.Time(answer.GetFromMicros()), wire.Time(answer.GetSettledMicros()), err
}

func register(s grpc.ServiceRegistrar, i *wire.Instances) {
	trafficv1.RegisterSourceServer(s, &server{i: i})
}

// server calls the author's source.
type server struct {
	trafficv1.UnimplementedSourceServer
	i *wire.Instances
}

// pageSize is how many samples a page has.
const pageSize = 2000

func (s *server) Samples(req *trafficv1.SamplesRequest, stream grpc.ServerStreamingServer[trafficv1.SamplesPage]) error {
	_, err := wire.Serve(stream.Context(), s.i, req.GetCall(), wire.Read, nil, func(ctx context.Context, p Source) (none struct{}, err error) {
		q, err := queryIn(req)
		if err != nil {
			return none, err
		}
		page := &trafficv1.SamplesPage{}
		for sample, err := range p.Samples(ctx, q) {
			if err != nil {
				return none, err
			}
			if len(page.Samples) == pageSize {
				if err := stream.Send(page); err != nil {
					return none, err
				}
				page = &trafficv1.SamplesPage{}
			}
			page.Samples = append(page.Samples, sampleOut(sample))
		}
		page.Last = true
		return none, stream.Send(page)
	})
	return err
}

func (s *server) Kept(ctx context.Context, req *trafficv1.KeptRequest) (*trafficv1.KeptAnswer, error) {
	return wire.Serve(ctx, s.i, req.GetCall(), wire.Read, nil, func(ctx context.Context, p Source) (*trafficv1.KeptAnswer, error) {
		from, settled, err := p.Kept(ctx)
		return &trafficv1.KeptAnswer{FromMicros: wire.Micros(from), SettledMicros: wire.Micros(settled)}, err
	})
}
