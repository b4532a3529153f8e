package view

import (
	"html"
	"strings"
)

// look is how a state is drawn: never by colour alone.
type look struct{ word, icon, ink string }

// Inks besides those of alerts.
const (
	idle = "idle"
	busy = "busy"
)

// looks has the states of design §9 and those that the trade adds, by kind and status word.
var looks = map[string]map[string]look{
	"service": {
		"running": {"Running", "circle-dot", Good}, "active": {"Active", "circle-check", Good},
		"stopped": {"Stopped", "circle", idle}, "ended": {"Ended", "circle-slash", idle}, "unknown": {"Unknown", "circle-question-mark", idle},
		"pending": {"Waiting for payment", "clock", idle}, "setting_up": {"Setting up", "loader-circle", busy}, "provisioning": {"Setting up", "loader-circle", busy},
		"suspended": {"Suspended", "circle-pause", Soon}, "failed": {"Failed", "circle-x", Bad},
		"cancelled": {"Cancelled", "circle-slash", idle}, "canceled": {"Cancelled", "circle-slash", idle}, "terminated": {"Terminated", "circle-slash", idle},
		"ending": {"Ends soon", "clock", Soon}, "terminating": {"Being removed", "loader-circle", busy},
	},
	"invoice": {
		"draft": {"Draft", "file-pen", idle}, "void": {"Void", "ban", idle}, "voided": {"Void", "ban", idle}, "refunded": {"Refunded", "undo-2", idle}, "credited": {"Credited", "undo-2", idle},
		"open": {"Open", "circle-dashed", Note}, "partly_paid": {"Partly paid", "circle-dot-dashed", Soon}, "paid": {"Paid", "circle-check", Good},
		"overdue": {"Overdue", "circle-alert", Bad}, "disputed": {"Disputed", "shield-alert", Bad}, "written_off": {"Written off", "ban", idle}, "processing": {"Payment under way", "loader-circle", busy},
	},
	"ticket": {
		"open": {"Open", "message-circle", Note}, "answered": {"Answered", "message-circle-more", Note},
		"waiting": {"Waiting for you", "message-circle-reply", Soon}, "closed": {"Closed", "check", idle},
	},
	"job": {
		"queued": {"Queued", "clock", idle}, "waiting": {"Queued", "clock", idle}, "running": {"Running", "loader-circle", busy}, "done": {"Done", "check", Good}, "sent": {"Sent", "check", Good},
		"retrying": {"Retrying", "rotate-cw", Soon}, "held": {"Held", "hand", Soon}, "unknown": {"Not certain", "circle-question-mark", Soon}, "failed": {"Failed", "circle-x", Bad}, "parked": {"Parked", "hand", Soon},
	},
	"plugin": {
		"healthy": {"Healthy", "circle-check", Good}, "running": {"Healthy", "circle-check", Good}, "restarting": {"Restarting", "rotate-cw", Soon}, "starting": {"Starting", "loader-circle", busy},
		"open": {"Circuit open", "unplug", Bad}, "down": {"Down", "unplug", Bad}, "failed": {"Failed", "circle-x", Bad}, "off": {"Off", "power-off", idle},
		"ready": {"Ready", "circle-check", Good}, "quarantined": {"In quarantine", "unplug", Bad},
	},
	"order": {
		"draft": {"Draft", "file-pen", idle}, "pending": {"Waiting for payment", "circle-dashed", Note}, "review": {"In review", "hand", Soon}, "held": {"In review", "hand", Soon},
		"accepted": {"Accepted", "circle-check", Good}, "paid": {"Paid", "circle-check", Good}, "active": {"Active", "circle-check", Good}, "done": {"Done", "circle-check", Good}, "completed": {"Done", "circle-check", Good},
		"cancelled": {"Cancelled", "circle-slash", idle}, "canceled": {"Cancelled", "circle-slash", idle}, "expired": {"Expired", "circle-slash", idle}, "refused": {"Refused", "circle-x", Bad}, "fraud": {"Refused", "shield-alert", Bad},
	},
	"payment": {
		"started": {"Started", "clock", idle}, "pending": {"Under way", "loader-circle", busy}, "sent": {"Under way", "loader-circle", busy}, "waiting": {"Waits for the customer", "circle-dashed", Note},
		"settled": {"Received", "circle-check", Good}, "paid": {"Received", "circle-check", Good}, "succeeded": {"Received", "circle-check", Good}, "declined": {"Declined", "circle-x", Bad}, "failed": {"Failed", "circle-x", Bad},
		"refunded": {"Refunded", "undo-2", idle}, "unknown": {"Not certain", "circle-question-mark", Soon}, "parked": {"Not certain", "circle-question-mark", Soon},
		"expired": {"Expired", "circle-slash", idle}, "disputed": {"Disputed", "shield-alert", Bad}, "lost": {"Lost", "circle-slash", idle},
		"captured": {"Received", "circle-check", Good}, "held": {"Held", "hand", Soon}, "planned": {"Started", "clock", idle},
	},
	"refund": {
		"requested": {"Requested", "clock", idle}, "sent": {"Under way", "loader-circle", busy}, "unknown": {"Not certain", "circle-question-mark", Soon},
		"done": {"Refunded", "undo-2", Good}, "refused": {"Refused", "circle-x", Bad},
	},
	"dispute": {
		"inquiry": {"Question", "message-circle", Note}, "open": {"Answer wanted", "shield-alert", Bad}, "answered": {"The bank decides", "clock", idle},
		"won": {"Won", "circle-check", Good}, "lost": {"Lost", "circle-slash", idle},
	},
	"mail": {
		"queued": {"Queued", "clock", idle}, "sending": {"Handed over", "loader-circle", busy}, "sent": {"Sent", "check", Good}, "failed": {"Refused", "circle-x", Bad},
		"unsure": {"Not certain", "circle-question-mark", Soon}, "bounced": {"Came back", "undo-2", Bad},
	},
	"webhook": {
		"new": {"Kept", "clock", idle}, "applied": {"Applied", "check", Good}, "ignored": {"Nothing of ours", "minus", idle}, "waiting": {"Waiting", "clock", Soon},
		"failed": {"Failed", "circle-x", Bad},
	},
	"coupon": {
		"live": {"In force", "circle-check", Good}, "early": {"Later", "clock", idle}, "over": {"Ended", "circle-slash", idle}, "used_up": {"Used up", "circle-slash", idle},
		"released": {"Given back", "undo-2", idle},
	},
	"product": {
		"public": {"Public", "circle-check", Good}, "hidden": {"Hidden", "eye-off", idle}, "archived": {"Archived", "box", idle},
	},
	"customer": {
		"active": {"Active", "circle-check", Good}, "closed": {"Closed", "circle-slash", idle}, "blocked": {"Blocked", "ban", Bad}, "inactive": {"Inactive", "circle", idle},
	},
}

// stateOf finds the look of a status word, written as in the database ("partly_paid") or as a label
// ("Partly paid"). A word that nobody knows is shown as it is.
func stateOf(kind, word string) look {
	key := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(word)), " ", "_")
	if l, ok := looks[kind][key]; ok {
		return l
	}
	text := strings.ReplaceAll(word, "_", " ")
	if text == "" {
		text = unknown
	}
	return look{strings.ToUpper(text[:1]) + text[1:], "circle", idle}
}

// Label is the word for a status as it is shown to people.
func Label(kind, status string) string { return stateOf(kind, status).word }

func (l look) inline() string {
	return `<span class="state state-` + l.ink + `">` + iconSVG(l.icon, "") + html.EscapeString(l.word) + `</span>`
}

func (l look) badge() string {
	class := "badge badge-soft"
	switch l.ink {
	case Good:
		class += " badge-success"
	case Note, busy:
		class += " badge-info"
	case Soon:
		class += " badge-warning"
	case Bad:
		class += " badge-error"
	}
	return `<span class="` + class + `">` + iconSVG(l.icon, "icon-sm") + html.EscapeString(l.word) + `</span>`
}
