package ids

// The kinds, in the order of the trade: people, shop, sale, service, bill, money, work, messages.
type (
	// Customer is a person or company that buys.
	Customer = ID[customer]
	// User is a person who signs in for customers.
	User = ID[user]
	// Staff is a person who works for the business.
	Staff = ID[staff]
	// Session is a signed-in browser.
	Session = ID[session]
	// Group is a group of products in the shop.
	Group = ID[group]
	// Product is what is sold.
	Product = ID[product]
	// Option is what a customer may choose about a product.
	Option = ID[option]
	// Choice is one answer to an Option.
	Choice = ID[choice]
	// Price is one version of a price, never changed once used.
	Price = ID[price]
	// Coupon is a discount code.
	Coupon = ID[coupon]
	// Redemption is one use of a coupon.
	Redemption = ID[redemption]
	// TaxRule is one line of the operator's tax table.
	TaxRule = ID[taxRule]
	// Order is what was asked for at a checkout.
	Order = ID[order]
	// Cart is what a visitor has put together.
	Cart = ID[cart]
	// Subscription is what a customer has.
	Subscription = ID[subscription]
	// Item is one priced part of a subscription.
	Item = ID[item]
	// Change is a change of plan or options.
	Change = ID[change]
	// Obligation is one period that a subscription owes.
	Obligation = ID[obligation]
	// Invoice is a bill; its number is another thing.
	Invoice = ID[invoice]
	// Line is a line of an invoice or a credit note.
	Line = ID[line]
	// CreditNote is a document that takes back a part of an invoice.
	CreditNote = ID[creditNote]
	// Series is a series of document numbers.
	Series = ID[series]
	// Method is a saved way to pay.
	Method = ID[method]
	// Attempt is one try to collect money through a gateway.
	Attempt = ID[attempt]
	// Payment is money received.
	Payment = ID[payment]
	// Allocation is the part of a payment that went somewhere.
	Allocation = ID[allocation]
	// Refund is money sent back.
	Refund = ID[refund]
	// Dispute is a payment that its payer contests.
	Dispute = ID[dispute]
	// Posting is a balanced set of entries in the ledger.
	Posting = ID[posting]
	// Ladder is a schedule of dunning.
	Ladder = ID[ladder]
	// Hold is a reason why dunning waits.
	Hold = ID[hold]
	// Suspension is a reason why a service is down.
	Suspension = ID[suspension]
	// Run is one billing run.
	Run = ID[run]
	// Plan is what a billing run is going to do.
	Plan = ID[plan]
	// Op is one operation on a panel.
	Op = ID[op]
	// Account is an account on a panel.
	Account = ID[account]
	// Mail is a mail taken in or sent.
	Mail = ID[mail]
	// Message is a message to a customer or to staff.
	Message = ID[message]
	// Token is a secret that opens something, stored as a hash.
	Token = ID[token]
	// Rate is an exchange rate at one time.
	Rate = ID[rate]
	// Webhook is an address that we call.
	Webhook = ID[webhook]
	// Event is an event as told to others.
	Event = ID[event]
	// Segment is a part of a line whose revenue is recognised over time.
	Segment = ID[segment]
	// Snapshot is the parties of a document as they were.
	Snapshot = ID[snapshot]
	// Note is a remark by staff.
	Note = ID[note]
)

type (
	customer     struct{}
	user         struct{}
	staff        struct{}
	session      struct{}
	group        struct{}
	product      struct{}
	option       struct{}
	choice       struct{}
	price        struct{}
	coupon       struct{}
	redemption   struct{}
	taxRule      struct{}
	order        struct{}
	cart         struct{}
	subscription struct{}
	item         struct{}
	change       struct{}
	obligation   struct{}
	invoice      struct{}
	line         struct{}
	creditNote   struct{}
	series       struct{}
	method       struct{}
	attempt      struct{}
	payment      struct{}
	allocation   struct{}
	refund       struct{}
	dispute      struct{}
	posting      struct{}
	ladder       struct{}
	hold         struct{}
	suspension   struct{}
	run          struct{}
	plan         struct{}
	op           struct{}
	account      struct{}
	mail         struct{}
	message      struct{}
	token        struct{}
	rate         struct{}
	webhook      struct{}
	event        struct{}
	segment      struct{}
	snapshot     struct{}
	note         struct{}
)

func (customer) prefix() string     { return "cus" }
func (user) prefix() string         { return "usr" }
func (staff) prefix() string        { return "stf" }
func (session) prefix() string      { return "ses" }
func (group) prefix() string        { return "grp" }
func (product) prefix() string      { return "prd" }
func (option) prefix() string       { return "opt" }
func (choice) prefix() string       { return "cho" }
func (price) prefix() string        { return "prc" }
func (coupon) prefix() string       { return "cpn" }
func (redemption) prefix() string   { return "red" }
func (taxRule) prefix() string      { return "tax" }
func (order) prefix() string        { return "ord" }
func (cart) prefix() string         { return "crt" }
func (subscription) prefix() string { return "sub" }
func (item) prefix() string         { return "itm" }
func (change) prefix() string       { return "chg" }
func (obligation) prefix() string   { return "obl" }
func (invoice) prefix() string      { return "inv" }
func (line) prefix() string         { return "lin" }
func (creditNote) prefix() string   { return "crn" }
func (series) prefix() string       { return "ser" }
func (method) prefix() string       { return "pmt" }
func (attempt) prefix() string      { return "att" }
func (payment) prefix() string      { return "pay" }
func (allocation) prefix() string   { return "alc" }
func (refund) prefix() string       { return "rfd" }
func (dispute) prefix() string      { return "dsp" }
func (posting) prefix() string      { return "pst" }
func (ladder) prefix() string       { return "lad" }
func (hold) prefix() string         { return "hld" }
func (suspension) prefix() string   { return "sus" }
func (run) prefix() string          { return "run" }
func (plan) prefix() string         { return "pln" }
func (op) prefix() string           { return "op" }
func (account) prefix() string      { return "acc" }
func (mail) prefix() string         { return "mal" }
func (message) prefix() string      { return "msg" }
func (token) prefix() string        { return "tok" }
func (rate) prefix() string         { return "fxr" }
func (webhook) prefix() string      { return "whk" }
func (event) prefix() string        { return "evt" }
func (segment) prefix() string      { return "seg" }
func (snapshot) prefix() string     { return "snp" }
func (note) prefix() string         { return "nte" }
