package payment

import "github.com/ezscale/bursar/core/base/states"

// AttemptStatus is how a try to collect money stands.
type AttemptStatus string

// The statuses, as the customer meets them.
const (
	Planned   AttemptStatus = "planned"   // saved; the gateway has not been called
	Sent      AttemptStatus = "sent"      // the gateway is being called
	Waiting   AttemptStatus = "waiting"   // the customer, or a bank, must act
	Unknown   AttemptStatus = "unknown"   // no answer: being checked, never repeated blindly
	Parked    AttemptStatus = "parked"    // the gateway cannot say: a person decides
	Succeeded AttemptStatus = "succeeded" // done: paid, or the method saved
	Declined  AttemptStatus = "declined"  // refused; nothing was taken
	Expired   AttemptStatus = "expired"   // ended without money
)

// Final says whether it has ended; only money that comes late can change it then.
func (s AttemptStatus) Final() bool { return s == Succeeded || s == Declined || s == Expired }

// AttemptAction is what may happen to an attempt.
type AttemptAction string

// The actions on attempts.
const (
	Send    AttemptAction = "send"
	Cancel  AttemptAction = "cancel"
	Succeed AttemptAction = "succeed"
	Decline AttemptAction = "decline"
	Refuse  AttemptAction = "refuse" // the gateway surely did nothing
	Wait    AttemptAction = "wait"
	Lose    AttemptAction = "lose"
	Resend  AttemptAction = "resend" // the gateway surely has nothing under the key, or answers it with what was done
	Expire  AttemptAction = "expire"
	Park    AttemptAction = "park"
)

// attemptLife is everything that may happen to an attempt. Money is never refused: a success may follow every status,
// also planned, where a backup that was restored knows less than the gateway.
var attemptLife = states.Table[AttemptStatus, AttemptAction]{
	Planned:   {Send: Sent, Cancel: Expired, Succeed: Succeeded},
	Sent:      {Succeed: Succeeded, Decline: Declined, Wait: Waiting, Lose: Unknown, Refuse: Declined, Resend: Sent, Expire: Expired},
	Waiting:   {Succeed: Succeeded, Decline: Declined, Expire: Expired},
	Unknown:   {Succeed: Succeeded, Decline: Declined, Wait: Waiting, Resend: Sent, Expire: Expired, Park: Parked},
	Parked:    {Succeed: Succeeded, Decline: Declined},
	Declined:  {Succeed: Succeeded},
	Expired:   {Succeed: Succeeded},
	Succeeded: {},
}

// Allows says whether a page may offer the action.
func (a Attempt) Allows(action AttemptAction) bool { return attemptLife.Allows(a.Status, action) }

// Status is how money received stands.
type Status string

// The statuses of payments.
const (
	StatusPending  Status = "pending"  // a debit under way; settles nothing
	StatusCaptured Status = "captured" // ours
	StatusFailed   Status = "failed"   // it did not come, or went back
	StatusHeld     Status = "held"     // ours, but nobody knows what for: staff decides
)

// Action is what may happen to a payment.
type Action string

// The actions on payments.
const (
	Capture Action = "capture"
	Fail    Action = "fail"
	Return  Action = "return"
	Hold    Action = "hold" // captured in another currency than asked for
	Release Action = "release"
)

// life is everything that may happen to a payment.
var life = states.Table[Status, Action]{
	StatusPending:  {Capture: StatusCaptured, Hold: StatusHeld, Fail: StatusFailed},
	StatusCaptured: {Return: StatusFailed},
	StatusHeld:     {Release: StatusCaptured},
	StatusFailed:   {},
}

// Allows says whether a page may offer the action.
func (p Payment) Allows(action Action) bool { return life.Allows(p.Status, action) }

// RefundStatus is how money sent back stands.
type RefundStatus string

// The statuses of refunds.
const (
	RefundRequested RefundStatus = "requested" // reserved; the gateway has not been called
	RefundSent      RefundStatus = "sent"      // the gateway is at it
	RefundUnknown   RefundStatus = "unknown"   // no answer: asked again under the same key
	RefundDone      RefundStatus = "done"      // given back
	RefundRefused   RefundStatus = "refused"   // still ours
)

// RefundAction is what may happen to a refund.
type RefundAction string

// The actions on refunds.
const (
	RefundSend   RefundAction = "send"
	RefundFinish RefundAction = "done"
	RefundRefuse RefundAction = "refuse"
	RefundLose   RefundAction = "lose"
)

// refundLife is everything that may happen to a refund. A bank may turn back what the gateway called done, and the
// gateway may do after all what it had refused.
var refundLife = states.Table[RefundStatus, RefundAction]{
	RefundRequested: {RefundSend: RefundSent, RefundFinish: RefundDone},
	RefundSent:      {RefundFinish: RefundDone, RefundRefuse: RefundRefused, RefundLose: RefundUnknown},
	RefundUnknown:   {RefundFinish: RefundDone, RefundRefuse: RefundRefused},
	RefundDone:      {RefundRefuse: RefundRefused},
	RefundRefused:   {RefundFinish: RefundDone},
}

// DisputeStatus is how a contested payment stands.
type DisputeStatus string

// The statuses of disputes.
const (
	DisputeInquiry  DisputeStatus = "inquiry"  // a question; the money is still ours
	DisputeOpen     DisputeStatus = "open"     // the bank took the money and waits for our answer
	DisputeAnswered DisputeStatus = "answered" // the bank decides
	DisputeWon      DisputeStatus = "won"
	DisputeLost     DisputeStatus = "lost"
)

// DisputeAction is what may happen to a dispute.
type DisputeAction string

// The actions on disputes.
const (
	DisputeTake   DisputeAction = "open"
	DisputeDrop   DisputeAction = "drop" // an inquiry that came to nothing
	DisputeAnswer DisputeAction = "answer"
	DisputeWin    DisputeAction = "win"
	DisputeLose   DisputeAction = "lose"
	DisputeAccept DisputeAction = "accept"
)

// disputeLife is everything that may happen to a dispute.
var disputeLife = states.Table[DisputeStatus, DisputeAction]{
	DisputeInquiry:  {DisputeTake: DisputeOpen, DisputeDrop: DisputeWon},
	DisputeOpen:     {DisputeAnswer: DisputeAnswered, DisputeWin: DisputeWon, DisputeLose: DisputeLost, DisputeAccept: DisputeLost},
	DisputeAnswered: {DisputeWin: DisputeWon, DisputeLose: DisputeLost},
	DisputeWon:      {DisputeLose: DisputeLost}, // reopened by the bank: it takes the money once more
	DisputeLost:     {},
}
