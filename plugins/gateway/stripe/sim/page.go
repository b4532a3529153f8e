package sim

import (
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

//go:embed pages/*.html
var files embed.FS

var templates = template.Must(template.ParseFS(files, "pages/*.html"))

// sheet is what the hosted pages show.
type sheet struct {
	Page, Title, Amount, Description, Button string
	Action, Back, Merchant                   string
	Number, Expiry, CVC, Name                string
	Error, Field                             string
	Cards                                    []choice
	Saves                                    bool
}

// choice is one test card offered on the page.
type choice struct {
	Number, Label, URL string
	Chosen             bool
}

// hosted serves what Stripe shows at checkout.stripe.com and at the bank.
func (s *account) hosted() {
	s.mux.HandleFunc("GET /c/pay/{id}", s.showPay)
	s.mux.HandleFunc("POST /c/pay/{id}", s.submitPay)
	s.mux.HandleFunc("GET /c/authenticate/{id}", s.showBank)
	s.mux.HandleFunc("POST /c/authenticate/{id}", s.submitBank)
}

func render(w http.ResponseWriter, status int, page sheet) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_ = templates.ExecuteTemplate(w, "layout.html", page) // the reader may be gone; nobody to tell
}

// path is an address of ours as the browser sees it: the pages may be served
// below a path of another server.
func (s *account) path(at string) string {
	if u, err := url.Parse(s.pages); err == nil {
		return u.Path + at
	}
	return at
}

// payable answers for sessions that can no longer be paid.
func payable(w http.ResponseWriter, o object) bool {
	switch {
	case o == nil:
		render(w, http.StatusNotFound, sheet{Page: "note", Title: "No such checkout", Description: "This link is not one of ours, or it was made by a simulator that has been restarted."})
	case o["status"] == "expired":
		render(w, http.StatusGone, sheet{Page: "note", Title: "This checkout has expired", Description: "Nothing was taken. Go back to the shop to start again.", Back: text(o, "cancel_url")})
	case o["status"] == "complete" && o["mode"] == "setup":
		render(w, http.StatusOK, sheet{Page: "note", Title: "This card is saved already", Description: "There is nothing more to do here.", Back: landing(o)})
	case o["status"] == "complete":
		render(w, http.StatusOK, sheet{Page: "note", Title: "This checkout is paid already", Description: "There is nothing more to do here.", Back: landing(o)})
	default:
		return true
	}
	return false
}

// landing is where a finished session sends the browser.
func landing(o object) string {
	return strings.ReplaceAll(text(o, "success_url"), "{CHECKOUT_SESSION_ID}", text(o, "id"))
}

// form fills the page of an open session.
func (s *account) form(o object, r *http.Request) sheet {
	id := text(o, "id")
	page := sheet{
		Page: "pay", Title: "Pay", Merchant: "Test shop", Action: s.path("/c/pay/" + id), Back: text(o, "cancel_url"), Description: s.later[id].title,
		Number: r.FormValue("card_number"), Expiry: r.FormValue("expiry"), CVC: r.FormValue("cvc"), Name: r.FormValue("name"),
		Saves: s.later[id].usage == "off_session",
	}
	if o["mode"] == "setup" {
		page.Title, page.Button, page.Description, page.Saves = "Save a card", "Save card", "Nothing is charged now. The card is kept for later payments.", true
	} else {
		page.Amount = display(number(o, "amount_total"), text(o, "currency"))
		page.Button = "Pay " + page.Amount
	}
	picked := r.URL.Query().Get("card")
	for _, c := range testCards {
		if c.label == "" {
			continue
		}
		chosen := picked == c.number
		if chosen && r.Method == http.MethodGet {
			page.Number, page.Expiry, page.CVC, page.Name = spaced(c.number), "12 / "+strconv.Itoa((s.time().Year()+4)%100), "123", "Test Visitor"
		}
		page.Cards = append(page.Cards, choice{Number: spaced(c.number), Label: c.label, URL: page.Action + "?card=" + c.number + "#card", Chosen: chosen})
	}
	return page
}

func spaced(number string) string {
	var b strings.Builder
	for i, r := range number {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// display writes an amount for a person: "19.99 EUR".
func display(amount int64, currency string) string {
	digits := decimals(currency)
	t := strconv.FormatInt(amount, 10)
	for len(t) <= digits {
		t = "0" + t
	}
	if digits > 0 {
		t = t[:len(t)-digits] + "." + t[len(t)-digits:]
	}
	return t + " " + strings.ToUpper(currency)
}

func (s *account) showPay(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	o := s.find("checkout.session", r.PathValue("id"))
	if payable(w, o) {
		render(w, http.StatusOK, s.form(o, r))
	}
}

func (s *account) submitPay(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	o := s.find("checkout.session", r.PathValue("id"))
	if !payable(w, o) {
		return
	}
	month, year, _ := strings.Cut(strings.ReplaceAll(r.FormValue("expiry"), " ", ""), "/")
	known, p := cardTyped(r.FormValue("card_number"), month, year, strings.TrimSpace(r.FormValue("cvc")), s.time())
	if p == nil {
		m, y := expiry(month, year)
		pm := s.newMethod(known, m, y, r.FormValue("name"))
		p = s.pay(o, pm, confirmation{base: ""})
	}
	if p != nil {
		page := s.form(o, r)
		page.Error, _ = p.body["message"].(string)
		page.Field, _ = p.body["param"].(string)
		page.CVC = ""
		render(w, http.StatusPaymentRequired, page)
		return
	}
	if o["status"] == "complete" {
		http.Redirect(w, r, landing(o), http.StatusSeeOther)
		return
	}
	http.Redirect(w, r, s.path("/c/authenticate/"+s.waiting(o)), http.StatusSeeOther)
}

// waiting is the intent of a session that the bank asks about.
func (s *account) waiting(o object) string {
	if o["mode"] == "setup" {
		return text(o, "setup_intent")
	}
	return text(o, "payment_intent")
}

// sessionOf finds the session an intent belongs to, or nil.
func (s *account) sessionOf(id string) object {
	for _, o := range s.all("checkout.session") {
		if o["payment_intent"] == id || o["setup_intent"] == id {
			return o
		}
	}
	return nil
}

// asked finds the intent the bank asks about, and its session if there is one.
func (s *account) asked(w http.ResponseWriter, id string) (intent, session object) {
	intent = s.things[id]
	if intent == nil || intent["status"] != "requires_action" {
		render(w, http.StatusNotFound, sheet{Page: "note", Title: "Nothing to confirm", Description: "The bank is not waiting for an answer here."})
		return nil, nil
	}
	return intent, s.sessionOf(id)
}

func (s *account) showBank(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	intent, session := s.asked(w, r.PathValue("id"))
	if intent == nil {
		return
	}
	page := sheet{Page: "bank", Title: "Your bank asks: is this you?", Action: s.path("/c/authenticate/" + text(intent, "id")), Description: "Confirm that the card may be saved for later payments."}
	if intent["object"] == "payment_intent" {
		page.Amount = display(number(intent, "amount"), text(intent, "currency"))
		page.Description = "Confirm this payment."
	}
	if session != nil {
		page.Back = text(session, "cancel_url")
	}
	render(w, http.StatusOK, page)
}

func (s *account) submitBank(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	intent, session := s.asked(w, r.PathValue("id"))
	if intent == nil {
		return
	}
	pm := s.find("payment_method", text(intent, "payment_method"))
	p := s.authenticate(intent, session, pm, r.FormValue("answer") == "complete")
	switch {
	case session == nil:
		render(w, http.StatusOK, sheet{Page: "note", Title: "Thank you", Description: "The bank has your answer. You may close this page."})
	case session["status"] == "complete":
		http.Redirect(w, r, landing(session), http.StatusSeeOther)
	default:
		page := s.form(session, r)
		page.Error = "We are unable to authenticate your payment method. Please choose a different payment method and try again."
		if p != nil && p.body["code"] != "payment_intent_authentication_failure" && p.body["code"] != "setup_intent_authentication_failure" {
			page.Error, _ = p.body["message"].(string)
		}
		render(w, http.StatusPaymentRequired, page)
	}
}

// authenticate ends 3-D Secure, well or not.
func (s *account) authenticate(intent, session, pm object, well bool) *problem {
	setup := intent["object"] == "setup_intent"
	switch {
	case !well && setup:
		return s.failSetup(intent, pm, cardError("setup_intent_authentication_failure", "", "The latest attempt to set up the payment method has failed because authentication failed."))
	case !well:
		return s.fail(intent, pm, cardError("payment_intent_authentication_failure", "", "The provided PaymentMethod has failed authentication."))
	case session != nil:
		return s.pay(session, pm, confirmation{passed: true})
	case setup:
		return s.confirmSetup(intent, pm, confirmation{passed: true})
	}
	return s.confirm(intent, pm, confirmation{passed: true})
}
