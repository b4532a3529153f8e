package portal

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/hosting/provision"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/panel"
)

func count(n int) string { return strconv.Itoa(n) }

// plural is "1 service", "2 services".
func plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + more
}

// cycleWord says how often something is paid, after an amount: "a month", "for 3 months".
func cycleWord(c period.Cycle) string {
	switch {
	case !c.Recurs():
		return "once"
	case c.N == 1:
		return "a " + string(c.Unit)
	}
	return "for " + strconv.Itoa(c.N) + " " + string(c.Unit) + "s"
}

// stateOf is the word for how a service stands, for the state filter.
func stateOf(sub subscription.Subscription, acc provision.Account) string {
	switch sub.Status {
	case subscription.Pending:
		if acc.Subscription == "" {
			return "pending"
		}
		return "setting_up"
	case subscription.Active:
		switch {
		case acc.Status == panel.Building && acc.RemoteID == "":
			return "setting_up"
		case acc.Power == "running", acc.Power == "stopped", acc.Power == "starting", acc.Power == "stopping":
			return acc.Power
		}
	}
	return string(sub.Status)
}

// methodName is how people know a way to pay: "Visa 4242", "PayPal, jana@example.com".
func methodName(m payment.Method) string {
	name := m.Brand
	if name == "" {
		name = strings.NewReplacer("paypal", "PayPal", "sepa_debit", "SEPA debit", "_", " ").Replace(m.Kind)
	}
	switch {
	case name != "":
		name = strings.ToUpper(name[:1]) + name[1:]
	case m.Label != "":
		return m.Label
	default:
		name = "Card"
	}
	switch {
	case m.Last4 != "":
		return name + " " + m.Last4
	case m.Label != "":
		return name + ", " + m.Label
	}
	return name
}

func methodIcon(m payment.Method) string {
	switch m.Kind {
	case "card":
		return "credit-card"
	case "sepa_debit", "bank", "us_bank_account":
		return "landmark"
	}
	return "wallet"
}

// blockedWord says why a method is not charged any more, and what to do.
func blockedWord(class string) string {
	switch class {
	case payment.BlockDispute:
		return "Not charged any more: a payment with it was contested. Add another."
	case "authenticate":
		return "The bank wants you to confirm each payment. Pay on the payment page, or add another."
	}
	return "The bank refused it for good. Add another, or the same one anew."
}

// amountOf writes a measured value with its unit.
func amountOf(n int64, unit string) string {
	switch unit {
	case "bytes":
		return bytesOf(n)
	case "ppm":
		return strconv.FormatInt(n/10_000, 10) + " %"
	case "count", "":
		return strconv.FormatInt(n, 10)
	}
	return strconv.FormatInt(n, 10) + " " + unit
}

// bytesOf writes bytes in the largest unit that fits, to a tenth, rounded down; a TB is 10¹².
func bytesOf(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB", "PB"}
	at, scale := 0, int64(1)
	for n/scale >= 1000 && at < len(units)-1 {
		at, scale = at+1, scale*1000
	}
	text := strconv.FormatInt(n/scale, 10)
	if scale > 1 {
		if tenth := n % scale / (scale / 10); tenth > 0 {
			text += "." + strconv.FormatInt(tenth, 10)
		}
	}
	return text + " " + units[at]
}

func sortMoments(list []view.Moment) {
	slices.SortStableFunc(list, func(a, b view.Moment) int { return b.At.Compare(a.At) })
}
