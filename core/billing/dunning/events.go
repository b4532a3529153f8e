package dunning

import (
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
)

// EventReminder says that a notice is to go out. It is told together with the record of its step.
const EventReminder = "dunning.reminder_due"

// Fact is its payload. The subject is the invoice.
type Fact struct {
	Invoice  ids.Invoice  `json:"invoice"`
	Customer ids.Customer `json:"customer"`
	Step     string       `json:"step"`
	Day      period.Day   `json:"day"` // the due day; for final and ending, the day of what they announce
}
