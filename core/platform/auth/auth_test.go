package auth

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/platform/audit"
)

// TestRolesAndRights holds what each role may. A change of the table in rights.go is a change here.
func TestRolesAndRights(t *testing.T) {
	all := func(Right) bool { return true }
	sees := func(r Right) bool { return strings.HasSuffix(string(r), ".see") && r != AuditSee }
	words := func(list string) func(Right) bool {
		return func(r Right) bool { return slices.Contains(strings.Fields(list), string(r)) }
	}
	tests := []struct {
		kind Kind
		role string
		may  []func(Right) bool
	}{
		{StaffKind, RoleAdmin, []func(Right) bool{all}},
		{StaffKind, RoleReadOnly, []func(Right) bool{sees}},
		{StaffKind, RoleBilling, []func(Right) bool{sees, words(`order.place order.accept service.change service.cancel service.edit service.suspend
			invoice.pay invoice.edit invoice.credit invoice.refund payment.record customer.edit token.edit ticket.write mail.send coupon.edit
			run.plan run.apply dunning.hold job.retry`)}},
		{StaffKind, RoleSupport, []func(Right) bool{func(r Right) bool { return sees(r) && r != ReportSee && r != SettingsSee },
			words(`order.place service.control service.reveal service.cancel service.suspend customer.edit customer.stand_in user.edit token.edit
			ticket.write mail.send content.edit job.retry`)}},
		{CustomerKind, RoleReadOnly, []func(Right) bool{words(`order.see service.see invoice.see payment.see customer.see user.see ticket.see mail.see`)}},
		{CustomerKind, RoleTechnical, []func(Right) bool{words(`order.see service.see invoice.see payment.see customer.see user.see ticket.see mail.see
			service.control service.reveal ticket.write token.edit`)}},
		{CustomerKind, RoleBilling, []func(Right) bool{words(`order.see service.see invoice.see payment.see customer.see user.see ticket.see mail.see
			order.place service.change service.cancel invoice.pay method.edit customer.edit ticket.write token.edit`)}},
		{CustomerKind, RoleOwner, []func(Right) bool{words(`order.see service.see invoice.see payment.see customer.see user.see ticket.see mail.see
			order.place service.control service.reveal service.change service.cancel invoice.pay method.edit customer.edit user.edit ticket.write token.edit`)}},
	}
	for _, tt := range tests {
		t.Run(string(tt.kind)+" "+tt.role, func(t *testing.T) {
			actor := ActorAs(Actor{Kind: tt.kind, Role: tt.role, Customer: ids.New[ids.Customer]()})
			ctx := With(t.Context(), actor)
			for _, r := range Rights() {
				want := slices.ContainsFunc(tt.may, func(may func(Right) bool) bool { return may(r) })
				if actor.Can(r) != want {
					t.Errorf("%s: %v", r, actor.Can(r))
				}
				if got := Require(ctx, r) == nil; got != (want && tt.kind == StaffKind) {
					t.Errorf("Require %s: %v", r, got)
				}
				if got := RequireFor(ctx, actor.Customer, r) == nil; got != want {
					t.Errorf("RequireFor %s: %v", r, got)
				}
			}
		})
	}
	if n := len(StaffRoles()) + len(UserRoles()); n != len(tests) {
		t.Errorf("%d roles, %d tested", n, len(tests))
	}
}

func TestWhoIsAsking(t *testing.T) {
	mine, other := ids.New[ids.Customer](), ids.New[ids.Customer]()
	owner := ActorAs(Actor{Kind: CustomerKind, User: "usr_1", Customer: mine, Role: RoleOwner})
	visitor := ActorAs(Actor{Kind: CustomerKind, Staff: "stf_1", Customer: mine, Role: RoleOwner})
	admin := ActorAs(Actor{Kind: StaffKind, Staff: "stf_1", Role: RoleAdmin})
	tests := []struct {
		name  string
		actor *Actor
		c     ids.Customer
		r     Right
		err   error
		trail audit.Who
	}{
		{"a job may everything", nil, mine, ServiceTerminate, nil, audit.Who{Actor: "system"}},
		{"an owner sees his own", &owner, mine, InvoiceSee, nil, audit.Who{Actor: "customer:usr_1"}},
		{"another's does not exist for him", &owner, other, InvoiceSee, ids.ErrUnknown, audit.Who{Actor: "customer:usr_1"}},
		{"an owner refunds nothing", &owner, mine, InvoiceRefund, ErrForbidden, audit.Who{Actor: "customer:usr_1"}},
		{"staff sees everybody's", &admin, other, InvoiceSee, nil, audit.Who{Actor: "staff:stf_1"}},
		{"nobody sees nothing", &Actor{}, mine, InvoiceSee, ids.ErrUnknown, audit.Who{Actor: "anonymous"}},
		{"nobody, of no customer", &Actor{}, "", InvoiceSee, ids.ErrUnknown, audit.Who{Actor: "anonymous"}},
		{"a user without a customer has none", &Actor{Kind: CustomerKind, User: "usr_2"}, "", InvoiceSee, ids.ErrUnknown, audit.Who{Actor: "customer:usr_2"}},
		{"who stands in is on the trail with both names", &visitor, mine, OrderPlace, nil, audit.Who{Actor: "staff:stf_1", OnBehalf: string(mine)}},
		{"who stands in changes no way to pay", &visitor, mine, MethodEdit, ErrForbidden, audit.Who{Actor: "staff:stf_1", OnBehalf: string(mine)}},
		{"who stands in sees no secret", &visitor, mine, ServiceReveal, ErrForbidden, audit.Who{Actor: "staff:stf_1", OnBehalf: string(mine)}},
		{"who stands in is a customer elsewhere, too", &visitor, other, InvoiceSee, ids.ErrUnknown, audit.Who{Actor: "staff:stf_1", OnBehalf: string(mine)}},
		{"a word that is no right is nobody's", &admin, mine, "invoice.burn", ErrForbidden, audit.Who{Actor: "staff:stf_1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx := t.Context()
			if tt.actor != nil {
				ctx = With(audit.By(ctx, audit.Who{Address: "192.0.2.7", RequestID: "r1"}), *tt.actor)
				tt.trail.Address, tt.trail.RequestID = "192.0.2.7", "r1"
			}
			if err := RequireFor(ctx, tt.c, tt.r); !errors.Is(err, tt.err) {
				t.Error(err)
			}
			if got := audit.Asking(ctx); got != tt.trail {
				t.Errorf("%+v", got)
			}
			if tt.actor != nil && tt.actor.Kind != StaffKind {
				if err := Require(ctx, tt.r); !errors.Is(err, ErrForbidden) {
					t.Errorf("a staff right: %v", err)
				}
			}
		})
	}
}

func TestLife(t *testing.T) {
	if err := life.Check(Active); err != nil {
		t.Fatal(err)
	}
	life.Walk(func(status Status, do Action, next Status, ok bool) {
		if want := (status == Active) == (do == Disable); ok != want {
			t.Errorf("%s while %s: %s, %v", do, status, next, ok)
		}
	})
}
