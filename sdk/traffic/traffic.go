// Package traffic counts bytes by address. Quotas, prices and corrections are core's affair. Start at Source, then Query.
// This version of the host does not start plugins of this type.
package traffic

import (
	"context"
	"iter"
	"net/netip"
	"time"

	"github.com/ezscale/bursar/sdk"
)

// MaxPrefixes is how many prefixes one Query may have.
const MaxPrefixes = 5000

// Source is what every source does.
type Source interface {
	sdk.Instance
	// Samples sums bytes of each prefix in [From, To). One prefix and bucket may come several times (in, then out; page by
	// page): the host adds up. A prefix that never comes had no traffic, PROVIDED the walk ends without error; on any error
	// the host drops all of it. Partial answers, time-outs, missing indices, a range before Kept: Unavailable or NotFound.
	// Silence is not zero.
	Samples(ctx context.Context, q Query) iter.Seq2[Sample, error]
	// Kept: from when the source still has everything, and until when nothing more will arrive late.
	Kept(ctx context.Context) (from, settled time.Time, err error)
}

// Query asks for traffic. Instants are the host's, in its billing zone: a day may have 23 or 25 hours.
type Query struct {
	Prefixes []netip.Prefix // at most MaxPrefixes
	From     time.Time
	To       time.Time
	Bucket   time.Duration // 0: one sum
}

// Sample is bytes to and from a prefix, in the bucket that starts at At.
type Sample struct {
	Prefix   netip.Prefix
	At       time.Time
	InBytes  int64
	OutBytes int64
}
