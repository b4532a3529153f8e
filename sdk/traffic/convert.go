package traffic

import (
	"net/netip"

	"github.com/ezscale/bursar/sdk/internal/wire"
	pluginv1 "github.com/ezscale/bursar/sdk/proto/bursar/plugin/v1"
	trafficv1 "github.com/ezscale/bursar/sdk/proto/bursar/traffic/v1"
)

func queryOut(q Query, head *pluginv1.Call) *trafficv1.SamplesRequest {
	out := &trafficv1.SamplesRequest{Call: head, FromMicros: wire.Micros(q.From), ToMicros: wire.Micros(q.To), BucketMillis: wire.Millis(q.Bucket)}
	for _, p := range q.Prefixes {
		out.Prefixes = append(out.Prefixes, p.String())
	}
	return out
}

func queryIn(r *trafficv1.SamplesRequest) (Query, error) {
	q := Query{From: wire.Time(r.GetFromMicros()), To: wire.Time(r.GetToMicros()), Bucket: wire.Duration(r.GetBucketMillis())}
	for _, text := range r.GetPrefixes() {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return Query{}, wire.Bad("a prefix of the query", err)
		}
		q.Prefixes = append(q.Prefixes, p)
	}
	return q, nil
}

func sampleOut(s Sample) *trafficv1.Sample {
	return &trafficv1.Sample{Prefix: s.Prefix.String(), AtMicros: wire.Micros(s.At), InBytes: s.InBytes, OutBytes: s.OutBytes}
}

func sampleIn(s *trafficv1.Sample) (Sample, error) {
	p, err := netip.ParsePrefix(s.GetPrefix())
	if err != nil {
		return Sample{}, wire.Bad("the prefix of a sample", err)
	}
	return Sample{Prefix: p, At: wire.Time(s.GetAtMicros()), InBytes: s.GetInBytes(), OutBytes: s.GetOutBytes()}, nil
}
