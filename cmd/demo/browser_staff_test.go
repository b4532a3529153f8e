package main

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// api reads an address of the API as staff, for what no page has to show.
func (s *scene) api(path string, out any) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.says.API+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.says.Staff.Token)
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(out); err != nil || answer.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %s, %v", path, answer.Status, err)
	}
}

// staffLooks goes through what staff has of a sale.
func (s *scene) staffLooks() {
	p, admin := s.staff, s.says.Sites.Admin
	p.visit(admin + "/")
	p.fills("Email", s.says.Staff.Email, "Password", s.says.Staff.Password)
	p.presses("Sign in")
	p.sees("Nora Lind")
	p.shows("admin-dashboard")
	p.presses("Orders")
	p.sees("Nora Lind", "Max Berg")
	p.shows("admin-orders")
	p.presses("Customers")
	p.sees("Nora Lind")
	p.shows("admin-customers")
	p.presses("Nora Lind")
	p.sees("nora@example.com")
	p.shows("admin-customer")
	p.visit(admin + "/services/" + s.server)
	p.sees("Done on the panel", "Create")
	p.shows("admin-service")
	p.visit(admin + "/provisioning")
	p.sees("late.nora.example")
	p.shows("admin-provisioning")
	p.visit(admin + "/plugins")
	p.sees("virtfusion", "pterodactyl", "stripe", "mailgun", "discord")
	if n := strings.Count(p.reads(), "Healthy"); n != 5 {
		p.fail("%d plugins are healthy", n)
	}
	p.shows("admin-plugins")
	p.visit(admin + "/mails?q=nora%40example.com")
	p.shows("admin-mails")
	p.presses("web-01.nora.example is ready")
	p.sees("What it says", "Sign-in data is shown in the portal")
	p.shows("admin-mail")
}

// staffActs does to services what only staff may; each time the panel is asked whether it was done.
func (s *scene) staffActs() {
	p, here := s.staff, s.says.Sites.Admin+"/services/"
	p.visit(here + s.server)
	p.presses("Suspend")
	p.types("Why", "Sends spam")
	p.presses("Suspend web-01")
	p.sees("It is being suspended.")
	s.accountIs("virtfusion", s.server, "suspended")
	p.sees("Suspended:", "Sends spam")
	p.shows("admin-suspended")
	p.presses("Bring back")
	p.presses("Bring back web-01")
	s.accountIs("virtfusion", s.server, "active")

	p.visit(here + s.game)
	p.presses("Terminate")
	p.types("Type", "something else")
	p.presses("Terminate ")
	p.sees("type the name as it is shown")
	s.accountIs("pterodactyl", s.game, "active")
	p.presses("Terminate")
	p.types("Type", "Friday crew")
	p.shows("admin-terminate")
	p.presses("Terminate Friday crew")
	s.accountIs("pterodactyl", s.game, "")
}

// passes moves the clock on the admin site.
func (s *scene) passes(days int) {
	s.t.Helper()
	p := s.staff
	p.visit(s.says.Sites.Admin + "/clock")
	p.types("Days forward", strconv.Itoa(days))
	p.presses("Move the clock")
	p.sees("Moved by " + strconv.Itoa(days) + " days.")
}

// monthPasses is the first renewal: an invoice, the saved card, and a service that runs on.
func (s *scene) monthPasses() {
	s.passes(31)
	s.staff.shows("admin-clock")
	s.renewed()
	s.mailed("nora@example.com", "Receipt", 4+2)
	p := s.nora
	p.visit(s.says.Sites.Portal + "/services/" + s.server)
	p.sees("Next charge", "25 Jan 2027")
}

// renewed counts what Nora pays each month: one invoice for the server with the coupon, one for the other two. The
// cards of Max and Kim are refused.
func (s *scene) renewed() {
	s.t.Helper()
	s.charges, s.taken = s.charges+2, s.taken+1162+2*588
	s.exact()
}

// mailed wants so many mails to somebody with these words in their subject.
func (s *scene) mailed(to, subject string, want int) {
	s.t.Helper()
	count := func() (n int) {
		for _, m := range s.holds("mailgun").Messages {
			if strings.Contains(m.To, to) && strings.Contains(m.Subject, subject) {
				n++
			}
		}
		return n
	}
	s.until(strconv.Itoa(want)+" mails about \""+subject+"\" are out to "+to, func() bool { return count() >= want })
	if n := count(); n != want {
		s.t.Errorf("%s has %d mails about %q, not %d", to, n, subject, want)
	}
}

// suspends lives through the ladder: refused charges, reminders, and on the eighth day the panel is told.
func (s *scene) suspends() {
	s.passes(8)
	s.accountIs("virtfusion", s.maxs, "suspended")
	s.accountIs("virtfusion", s.kims, "suspended")
	s.accountIs("virtfusion", s.server, "active")
	s.exact()
	for _, to := range []string{"max@example.com", "kim@example.com"} {
		s.mailed(to, "is due on", 1)
		s.mailed(to, "was declined", 4)
		s.mailed(to, "was due", 3)
		s.mailed(to, "is suspended", 1)
	}
	p := s.staff
	p.visit(s.says.Sites.Admin + "/services/" + s.maxs)
	p.sees("Suspended")
	p.shows("admin-unpaid")
	p = s.max
	p.visit(s.says.Sites.Portal + "/")
	p.sees("Sign in")
}

// paysByLink pays from the reminder, without signing in.
func (s *scene) paysByLink() {
	m := s.mail("max@example.com", "was due")
	p := s.max
	p.visit(s.link(m, "/pay/"))
	p.shows("pay-link")
	p.chooses("Card")
	p.presses("Pay €5.36")
	p.paysWith("Pays", "4242424242424242")
	p.sees("Paid €5.36")
	s.paid(536)
	s.accountIs("virtfusion", s.maxs, "active")
	s.accountIs("virtfusion", s.kims, "suspended")
	s.mailed("max@example.com", "max.example", 3) // ready, suspended, back
	p.visit(s.says.Sites.Portal + "/")
	p.fills("Mail address", "max@example.com", "Password", pass)
	p.presses("Sign in")
	p.sees("max.example", "Running")
	p.shows("overview")
}

// endsUnpaid waits until the ladder is at its end.
func (s *scene) endsUnpaid() {
	s.passes(24)
	s.accountIs("virtfusion", s.kims, "")
	s.mailed("kim@example.com", "is deleted on", 1)
	s.mailed("kim@example.com", "has ended", 1)
	s.renewed()
	s.staff.visit(s.says.Sites.Admin + "/")
	s.staff.shows("admin-dashboard-later")
}

// proves counts what vendors have once more and has the books proven.
func (s *scene) proves() {
	s.exact()
	seen := map[string]bool{}
	for _, m := range s.holds("mailgun").Messages {
		if m.Op != "" && seen[m.Op] {
			s.t.Errorf("the mail %q to %s went out twice", m.Subject, m.To)
		}
		seen[m.Op] = true
	}
	s.ends()
	s.verifies()
}
