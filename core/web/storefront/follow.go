package storefront

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/hosting/provision"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/money"
)

// followPage follows an order: paid or not, then each service until it runs.
type followPage struct {
	view.Page
	Number   int64
	Here     string // address of this page
	Stand    string // paid, free, open, declined, checking, review, over
	Problem  string // why it was declined
	Amount   money.Amount
	Email    string
	Ready    bool          // every service runs
	Stuck    bool          // one of them waits for our staff
	Poll     int           // milliseconds after which the page asks again, 0 for never
	Services []serviceStep // none before it is paid
	Sum      summary
	Invoice  string // number
	Document string // where the invoice is in the account
	Paid     bool
	GoOn     string   // a gateway's page that is still open, "" for none
	Ways     []payWay // to pay it with, or to try again
	CanSave  bool
	Bank     []string // where to send the money, line by line; none if that is not offered
}

// serviceStep is one service on its way.
type serviceStep struct {
	ID      string
	Name    string
	Product string
	Ready   bool
	Stuck   bool
	Percent int // 0 is unknown
	Steps   []view.Moment
}

func (s *Site) orderFor(c echo.Context) (order.Order, error) {
	id, err := ids.Parse[ids.Order](c.Param("order"))
	if err != nil {
		return order.Order{}, order.ErrNotFound
	}
	return s.Orders.GetFor(c.Request().Context(), route.Actor(c).Customer, id)
}

func (s *Site) follow(c echo.Context) error {
	ctx := c.Request().Context()
	v, err := s.visitOf(c)
	if err != nil {
		return err
	}
	ord, err := s.orderFor(c)
	if err != nil {
		return err
	}
	att, err := s.attemptOf(c, ord)
	if err != nil {
		return err
	}
	inv, err := s.Invoices.GetFor(ctx, ord.Customer, ord.Invoice)
	if err != nil {
		return err
	}
	page := &followPage{Page: s.page(v, "Your order"), Number: ord.Number, Here: "/orders/" + string(ord.ID), Amount: ord.Total, Email: route.Actor(c).Email,
		Invoice: inv.Number, Document: "/invoices/" + string(inv.ID), Sum: frozen(ord)}
	page.NoIndex = true
	page.Stand, page.Problem, page.GoOn = standOf(ord, inv, att, s.Clock.Now())
	page.Paid = inv.Status == invoice.Paid
	switch page.Stand {
	case "open", "declined":
		if err := s.offerToPay(c, v, page, ord); err != nil {
			return err
		}
	case "checking":
		page.Poll = 2000
		if att.Status == payment.Waiting || att.Status == payment.Parked {
			page.Poll = 30_000
		}
	case "paid", "free", "review":
		if err := s.steps(c, v, page, ord, inv); err != nil {
			return err
		}
	}
	if page.Poll > 0 {
		page.Refresh = 10
	}
	view.AllowForms(c, s.Links.Portal)
	return view.Render(c, http.StatusOK, "storefront/order.html", page)
}

// attemptOf is the payment that the browser came back from, else the newest one; nil if there is none. Coming back, the
// gateway is asked once; a page that only waits reads what is known.
func (s *Site) attemptOf(c echo.Context, ord order.Order) (*payment.Attempt, error) {
	ctx := c.Request().Context()
	newest, err := s.Payments.List(ctx, payment.AttemptFilter{Customer: ord.Customer, Invoice: ord.Invoice, Limit: 1})
	if err != nil || len(newest.List) == 0 {
		return nil, err
	}
	att := newest.List[0]
	if c.QueryParam("attempt") == string(att.ID) && c.Request().Header.Get("X-Poll") == "" && !att.Status.Final() {
		att, err = s.Flow.Returned(ctx, att.ID)
	}
	return &att, err
}

// standOf says how an order stands, why it was declined, and which gateway's page is still open. One
// that waits without a page waits for the money, as with a debit that takes days.
func standOf(ord order.Order, inv invoice.Invoice, att *payment.Attempt, now time.Time) (stand, problem, open string) {
	switch {
	case ord.Status == order.Cancelled || ord.Status == order.Fraud:
		return "over", "", ""
	case ord.Status == order.InReview && inv.Open() == 0:
		return "review", "", ""
	case ord.Total.Sign() == 0:
		return "free", "", ""
	case inv.Open() == 0:
		return "paid", "", ""
	case att == nil:
		return "open", "", ""
	}
	switch att.Status {
	case payment.Waiting:
		if att.PageURL == "" {
			return "checking", "", ""
		}
		if att.PageUntil.IsZero() || now.Before(att.PageUntil) {
			open = att.PageURL
		}
		return "open", "", open
	case payment.Declined, payment.Expired:
		if att.DeclineText != "" || att.Status == payment.Declined {
			return "declined", att.DeclineText, ""
		}
		return "open", "", ""
	}
	return "checking", "", ""
}

func (s *Site) offerToPay(c echo.Context, v visit, page *followPage, ord order.Order) error {
	ways, err := s.waysOf(c.Request().Context(), v, ord.Customer)
	if err != nil {
		return err
	}
	for _, w := range ways {
		if w.Value == byBank {
			page.Bank = linesOf(v.set.Sales.BankText)
			continue
		}
		page.Ways = append(page.Ways, w)
		page.CanSave = page.CanSave || w.save && !w.Off
	}
	choose(page.Ways, "")
	return nil
}

// frozen is what the order was priced at.
func frozen(ord order.Order) summary {
	var q flow.Quote
	if err := json.Unmarshal(ord.Quote, &q); err != nil {
		return summary{Total: ord.Total}
	}
	return summaryOf(q)
}

// steps says for each service what was done, what is happening and what comes.
func (s *Site) steps(c echo.Context, v visit, page *followPage, ord order.Order, inv invoice.Invoice) error {
	ctx := c.Request().Context()
	subs, err := s.Subscriptions.OfOrder(ctx, ord.ID)
	if err != nil {
		return err
	}
	ops, err := s.Provision.Latest(ctx, idsOf(subs))
	if err != nil {
		return err
	}
	page.Ready = len(subs) > 0
	for _, sub := range subs {
		p, _ := v.shop.Product(sub.Product)
		op, has := ops[sub.ID]
		step := stepsOf(ord, inv, sub, p, op, has)
		page.Ready, page.Stuck = page.Ready && step.Ready, page.Stuck || step.Stuck
		page.Services = append(page.Services, step)
	}
	switch {
	case page.Ready:
	case page.Stuck, page.Stand == "review":
		page.Poll = 15000
	default:
		page.Poll = 2000
	}
	return nil
}

func idsOf(subs []subscription.Subscription) []ids.Subscription {
	out := make([]ids.Subscription, len(subs))
	for i, sub := range subs {
		out[i] = sub.ID
	}
	return out
}

func stepsOf(ord order.Order, inv invoice.Invoice, sub subscription.Subscription, p catalog.Product, op provision.Operation, has bool) serviceStep {
	out := serviceStep{ID: string(sub.ID), Name: sub.Label, Product: p.Name, Percent: op.Percent, Ready: sub.Status == subscription.Active}
	done := func(text string, at time.Time) {
		out.Steps = append(out.Steps, view.Moment{Icon: "check", Text: text, At: at, Ink: view.Good})
	}
	next := func(text string) { out.Steps = append(out.Steps, view.Moment{Icon: "circle", Text: text}) }
	busy := func(text, sub string) {
		out.Steps = append(out.Steps, view.Moment{Text: text, Sub: sub, Busy: true})
	}
	done("Order received", ord.Placed)
	if !inv.Settled.IsZero() && ord.Total.Sign() > 0 {
		done("Payment confirmed", inv.Settled)
	}
	switch {
	case out.Ready:
		if has && !op.Ended.IsZero() {
			done("Built", op.Ended)
		}
		done("Ready", time.Time{})
	case ord.Status == order.InReview:
		busy("We look at the order", "This takes some hours on working days. We mail you.")
		next("Built")
		next("Ready")
	case has && (op.State == provision.Failed || op.State == provision.Stuck):
		out.Stuck = true
		out.Steps = append(out.Steps, view.Moment{Text: "This takes longer than usual", Sub: "Our staff sees it and goes on from here. You need do nothing.", Ink: view.Soon})
		next("Ready")
	case has && op.State == provision.Done:
		done("Built", op.Ended)
		busy("Handing over", "")
	case has:
		text := "Being built"
		if op.State == provision.Queued {
			text = "Waiting for its turn"
		}
		busy(text, op.Progress)
		next("Ready")
	case p.Setup == catalog.SetupManual || p.Panel == "":
		out.Stuck = true
		busy("We set it up by hand", "We mail you as soon as it is ready.")
		next("Ready")
	default:
		busy("Choosing where it is built", "")
		next("Ready")
	}
	return out
}

// payOrder starts to pay an order that is not paid, after a decline with another card too.
func (s *Site) payOrder(c echo.Context) error {
	v, err := s.visitOf(c)
	if err != nil {
		return err
	}
	ord, err := s.orderFor(c)
	if err != nil {
		return err
	}
	ways, err := s.waysOf(c.Request().Context(), v, ord.Customer)
	if err != nil {
		return err
	}
	asked := c.FormValue("way")
	way := choose(ways, asked)
	if asked == "" || way == nil || way.Value == byBank {
		view.Tell(c, view.Soon, "Choose how to pay.")
		return c.Redirect(http.StatusSeeOther, "/orders/"+string(ord.ID))
	}
	return s.startPaying(c, ord, way, c.FormValue("save") == "1")
}

// openPortal takes the customer along to the account, signed in.
func (s *Site) openPortal(c echo.Context) error {
	if _, err := s.orderFor(c); err != nil {
		return err
	}
	secret, err := s.Auth.NewPass(c.Request().Context())
	if err != nil {
		return err
	}
	to, err := route.PassTo(c, "portal", secret, route.Next(c))
	if err != nil {
		return fault.New(fault.Unavailable, "portal_gone", "").Because(err)
	}
	return c.Redirect(http.StatusSeeOther, to)
}
