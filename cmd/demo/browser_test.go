package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
)

// scene is what happens between people, the three sites and the vendors: browser_shop_test.go has what customers do,
// browser_staff_test.go what staff does and what time brings.
type scene struct {
	*play
	nora, max, kim, staff *person
	server, game          string // services of nora: a VPS and a game server
	maxs, kims            string // VPS whose cards fail at the renewal
	taken                 int64  // minor units that the gateway must have, of all currencies
	charges               int    // in as many payments
}

// TestABusinessIsLivedThroughInABrowser is what a person sees: people buy on the storefront, pay on the gateway's page,
// watch their servers being built and look after them in the portal; staff sees and does the rest; months pass, cards fail,
// services are suspended, brought back and ended; processes die meanwhile. In the end nothing is lost, nothing is there twice.
func TestABusinessIsLivedThroughInABrowser(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Parallel() // they wait most of the time
		s := &scene{play: newPlay(t, dbtest.DSN(t, d))}
		s.charges, s.taken = s.money()
		all := browser(t)
		for name, p := range map[string]**person{"Nora": &s.nora, "Max": &s.max, "Kim": &s.kim, "Astrid": &s.staff} {
			*p = visitor(t, all, name)
		}
		for _, step := range []struct {
			what string
			do   func()
		}{
			{"a visitor configures, applies a coupon, opens an account and orders", s.orders},
			{"a declined card, then the bank's question, and the server is built while its plugin dies", s.pays},
			{"invoice, mail, notice and credentials are there", s.looks},
			{"a game server is sold in the same way while the gateway's plugin dies", s.sellsGame},
			{"whoever goes back after paying and sends again pays once", s.goesBack},
			{"two tabs pay one invoice once", s.twoTabs},
			{"whoever was signed out meanwhile signs in and goes on", s.signedOut},
			{"cards that will fail pay now", s.failingCards},
			{"staff sees it all", s.staffLooks},
			{"staff suspends, brings back and terminates on the panel", s.staffActs},
			{"a month later terms renew by saved cards", s.monthPasses},
			{"who does not pay is reminded and suspended", s.suspends},
			{"who pays by the link in the mail is brought back", s.paysByLink},
			{"who never pays is ended", s.endsUnpaid},
			{"the books prove right", s.proves},
		} {
			if !t.Run(step.what, func(t *testing.T) { s.before(t); step.do() }) {
				return
			}
		}
	})
}

// before has a step's failures be the step's.
func (s *scene) before(t *testing.T) {
	s.t = t
	for _, p := range []*person{s.nora, s.max, s.kim, s.staff} {
		p.t = t
	}
}

const pass = "correct horse battery"

// paid counts what the gateway must have taken by now, and wants it there.
func (s *scene) paid(minor int64) {
	s.t.Helper()
	s.charges++
	s.taken += minor
	s.exact()
}

// exact compares how much the gateway took, and in how many payments, with what people paid.
func (s *scene) exact() {
	s.t.Helper()
	if n, minor := s.money(); n != s.charges || minor != s.taken {
		s.t.Errorf("the gateway took %d in %d payments, people paid %d in %d", minor, n, s.taken, s.charges)
	}
}

// after is what follows these words in an address, up to its next part.
func after(address, words string) string {
	_, rest, _ := strings.Cut(address, words)
	return strings.FieldsFunc(rest+"/", func(r rune) bool { return strings.ContainsRune("/?#", r) })[0]
}

// dies kills a plugin's process and waits until another has taken its place.
func (s *scene) dies(name string) {
	s.t.Helper()
	pid := s.kills(name)
	s.until(name+" runs again", func() bool {
		now := childrenOf(s.cmd.Process.Pid, name)
		return len(now) > 0 && !slices.Contains(now, pid)
	})
}
