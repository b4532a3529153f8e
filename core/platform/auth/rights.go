package auth

import (
	"maps"
	"slices"
)

// Right is a thing that may be done, as "thing.verb". The same words are the scopes of API tokens.
type Right string

// The rights. Those marked with * are also for users, over what is their customer's.
const (
	OrderSee         Right = "order.see"         // *
	OrderPlace       Right = "order.place"       // *
	OrderAccept      Right = "order.accept"      // accept, refuse, cancel
	ServiceSee       Right = "service.see"       // *
	ServiceControl   Right = "service.control"   // * power, sign-on to the panel, name
	ServiceReveal    Right = "service.reveal"    // * see or reset credentials
	ServiceChange    Right = "service.change"    // * plan and options, which cost
	ServiceCancel    Right = "service.cancel"    // *
	ServiceEdit      Right = "service.edit"      // price, dates
	ServiceSuspend   Right = "service.suspend"   // and resume
	ServiceTerminate Right = "service.terminate" // what is on it is gone
	InvoiceSee       Right = "invoice.see"       // *
	InvoicePay       Right = "invoice.pay"       // *
	InvoiceEdit      Right = "invoice.edit"      // issue, void, write off
	InvoiceCredit    Right = "invoice.credit"
	InvoiceRefund    Right = "invoice.refund"
	PaymentSee       Right = "payment.see" // *
	PaymentRecord    Right = "payment.record"
	MethodEdit       Right = "method.edit"  // * saved ways to pay
	CustomerSee      Right = "customer.see" // *
	CustomerEdit     Right = "customer.edit"
	CustomerStandIn  Right = "customer.stand_in" // act in a customer's place
	UserSee          Right = "user.see"          // * who may act for the customer
	UserEdit         Right = "user.edit"         // *
	TokenEdit        Right = "token.edit"        // * own API tokens
	TicketSee        Right = "ticket.see"        // *
	TicketWrite      Right = "ticket.write"      // *
	MailSee          Right = "mail.see"          // *
	MailSend         Right = "mail.send"
	MailEdit         Right = "mail.edit" // templates
	CatalogSee       Right = "catalog.see"
	CatalogEdit      Right = "catalog.edit"
	CouponSee        Right = "coupon.see"
	CouponEdit       Right = "coupon.edit"
	TaxEdit          Right = "tax.edit"
	ContentEdit      Right = "content.edit"
	SettingsSee      Right = "settings.see"
	SettingsEdit     Right = "settings.edit"
	StaffSee         Right = "staff.see"
	StaffEdit        Right = "staff.edit"
	PluginSee        Right = "plugin.see"
	PluginControl    Right = "plugin.control"
	JobSee           Right = "job.see"
	JobRetry         Right = "job.retry"
	RunPlan          Right = "run.plan"
	RunApply         Right = "run.apply"
	DunningHold      Right = "dunning.hold"
	ReportSee        Right = "report.see"
	AuditSee         Right = "audit.see"
	ClockMove        Right = "clock.move" // test mode
)

// Roles of staff.
const (
	RoleAdmin    = "admin"
	RoleBilling  = "billing" // of staff, and of a user in a customer
	RoleSupport  = "support"
	RoleReadOnly = "read_only" // of staff, and of a user in a customer
)

// Roles of a user in a customer, besides RoleBilling and RoleReadOnly.
const (
	RoleOwner     = "owner"
	RoleTechnical = "technical"
)

type set map[Right]bool

func of(rights ...Right) set {
	s := make(set, len(rights))
	for _, r := range rights {
		s[r] = true
	}
	return s
}

func (s set) and(more ...Right) set {
	out := maps.Clone(s)
	for _, r := range more {
		out[r] = true
	}
	return out
}

func (s set) without(less ...Right) set {
	out := maps.Clone(s)
	for _, r := range less {
		delete(out, r)
	}
	return out
}

// What staff roles may. The sets are shared and never changed.
var (
	staffSees = of(OrderSee, ServiceSee, InvoiceSee, PaymentSee, CustomerSee, UserSee, TicketSee, MailSee, CatalogSee, CouponSee,
		SettingsSee, StaffSee, PluginSee, JobSee, ReportSee)

	staffRoles = map[string]set{
		RoleReadOnly: staffSees,
		RoleSupport: staffSees.without(ReportSee, SettingsSee).and(OrderPlace, ServiceControl, ServiceReveal, ServiceCancel, ServiceSuspend,
			CustomerEdit, CustomerStandIn, UserEdit, TokenEdit, TicketWrite, MailSend, ContentEdit, JobRetry),
		RoleBilling: staffSees.and(OrderPlace, OrderAccept, ServiceChange, ServiceCancel, ServiceEdit, ServiceSuspend, InvoicePay, InvoiceEdit,
			InvoiceCredit, InvoiceRefund, PaymentRecord, CustomerEdit, TokenEdit, TicketWrite, MailSend, CouponEdit, RunPlan, RunApply,
			DunningHold, JobRetry),
		RoleAdmin: of(Rights()...),
	}
)

// What the roles of a user in a customer may.
var (
	userSees = of(OrderSee, ServiceSee, InvoiceSee, PaymentSee, CustomerSee, UserSee, TicketSee, MailSee)

	userRoles = map[string]set{
		RoleReadOnly:  userSees,
		RoleTechnical: userSees.and(ServiceControl, ServiceReveal, TicketWrite, TokenEdit),
		RoleBilling:   userSees.and(OrderPlace, ServiceChange, ServiceCancel, InvoicePay, MethodEdit, CustomerEdit, TicketWrite, TokenEdit),
		RoleOwner: userSees.and(OrderPlace, ServiceControl, ServiceReveal, ServiceChange, ServiceCancel, InvoicePay, MethodEdit, CustomerEdit,
			UserEdit, TokenEdit, TicketWrite),
	}

	// standIn is an owner's without what would outlast the visit or give secrets away.
	standIn = userRoles[RoleOwner].without(ServiceReveal, MethodEdit, UserEdit, TokenEdit)
)

// Rights lists every right there is, in the order of the trade.
func Rights() []Right {
	return []Right{
		OrderSee, OrderPlace, OrderAccept, ServiceSee, ServiceControl, ServiceReveal, ServiceChange, ServiceCancel, ServiceEdit, ServiceSuspend,
		ServiceTerminate, InvoiceSee, InvoicePay, InvoiceEdit, InvoiceCredit, InvoiceRefund, PaymentSee, PaymentRecord, MethodEdit, CustomerSee,
		CustomerEdit, CustomerStandIn, UserSee, UserEdit, TokenEdit, TicketSee, TicketWrite, MailSee, MailSend, MailEdit, CatalogSee, CatalogEdit,
		CouponSee, CouponEdit, TaxEdit, ContentEdit, SettingsSee, SettingsEdit, StaffSee, StaffEdit, PluginSee, PluginControl, JobSee, JobRetry,
		RunPlan, RunApply, DunningHold, ReportSee, AuditSee, ClockMove,
	}
}

// IsRight says whether a word is a right.
func IsRight(r Right) bool { return staffRoles[RoleAdmin][r] }

// IsUserRight says whether a role of users has a right.
func IsUserRight(r Right) bool { return userRoles[RoleOwner][r] }

// StaffRoles are the roles of staff, sorted.
func StaffRoles() []string { return slices.Sorted(maps.Keys(staffRoles)) }

// UserRoles are the roles of a user in a customer, sorted.
func UserRoles() []string { return slices.Sorted(maps.Keys(userRoles)) }

// RightsOf lists what a role may, in the order of Rights. kind is StaffKind or CustomerKind.
func RightsOf(kind Kind, role string) []Right {
	has := userRoles[role]
	if kind == StaffKind {
		has = staffRoles[role]
	}
	return slices.DeleteFunc(Rights(), func(r Right) bool { return !has[r] })
}

// ActorAs is an actor with the rights of a role, as tests and previews need it; a request's actor is ActorOfUser's or
// ActorOfStaff's.
func ActorAs(a Actor) Actor {
	switch {
	case a.StandsIn():
		a.rights = standIn
	case a.Kind == CustomerKind:
		a.rights = userRoles[a.Role]
	case a.Kind == StaffKind:
		a.rights = staffRoles[a.Role]
	}
	return a
}
