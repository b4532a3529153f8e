package panel

import (
	"context"
	"iter"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/secret"
)

// Resizer moves an account to other settings (product fields, and checkout fields marked Changeable). What the vendor left
// as it was (a disk cannot shrink) is a warning, and the host re-reads State. Declined: downgrade_forbidden.
type Resizer interface {
	Resize(ctx context.Context, op sdk.Op, r Ref, product, checkout form.Values) (Progress, error)
}

// PasswordResetter sets the main user's password, or the panel login's where that is all there is. want was drawn and saved
// by the host; a vendor that insists on its own returns that in Credentials.
type PasswordResetter interface {
	ResetPassword(ctx context.Context, op sdk.Op, r Ref, want secret.Value) (Progress, error)
}

// PowerSwitch starts and stops. Done means accepted; State shows the effect.
type PowerSwitch interface {
	Power(ctx context.Context, op sdk.Op, r Ref, a PowerAction) (Progress, error)
}

// PowerAction is what PowerSwitch does.
type PowerAction string

// The power actions.
const (
	Start   PowerAction = "start"
	Stop    PowerAction = "stop" // asks the guest
	Restart PowerAction = "restart"
	Kill    PowerAction = "kill" // pulls the plug
)

// Reinstaller wipes and installs anew. checkout holds the fields marked OnReinstall.
type Reinstaller interface {
	Reinstall(ctx context.Context, op sdk.Op, r Ref, checkout form.Values, want secret.Value) (Progress, error)
}

// LoginLinker signs a browser on; staff asks for the admin side. Unsupported for a side that has none; Conflict while
// suspended.
type LoginLinker interface {
	Login(ctx context.Context, r Ref, staff bool) (sdk.Link, error)
}

// UsageReader reads meters of up to 100 accounts, by Service. One that is missing could not be read: that is not zero.
type UsageReader interface {
	Usage(ctx context.Context, refs []Ref) (map[string][]Meter, error)
}

// Meter is a measured thing: "traffic" "bytes", "cpu" "ppm" (of a core), "mailboxes" "count".
type Meter struct {
	Name  string
	Unit  string
	Used  int64
	Limit int64     // 0: none
	From  time.Time // zero: a level now; else a sum since From
	To    time.Time
}

// Lister walks all accounts of the instance, for import and drift. After an error what came before is not complete.
type Lister interface {
	Accounts(ctx context.Context) iter.Seq2[Account, error]
}

// StockKeeper says how many more of a product fit now; negative: no limit known.
type StockKeeper interface {
	Stock(ctx context.Context, product form.Values) (int, error)
}
