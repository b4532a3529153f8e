package helpdesk

import (
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/internal/wire"
	helpdeskv1 "github.com/ezscale/bursar/sdk/proto/bursar/helpdesk/v1"
	pluginv1 "github.com/ezscale/bursar/sdk/proto/bursar/plugin/v1"
)

func fileOut(f File) *helpdeskv1.File {
	return &helpdeskv1.File{Id: f.ID, Name: f.Name, Type: f.Type, Body: f.Body}
}

func fileIn(f *helpdeskv1.File) File {
	return File{ID: f.GetId(), Name: f.GetName(), Type: f.GetType(), Body: f.GetBody()}
}

func filesOut(list []File) []*helpdeskv1.File {
	var out []*helpdeskv1.File
	for _, f := range list {
		out = append(out, fileOut(f))
	}
	return out
}

func filesIn(list []*helpdeskv1.File) []File {
	var out []File
	for _, f := range list {
		out = append(out, fileIn(f))
	}
	return out
}

func draftOut(d Draft, head *pluginv1.Call) *helpdeskv1.OpenRequest {
	return &helpdeskv1.OpenRequest{
		Call: head, Customer: sdk.CustomerOut(d.Customer), Department: d.Department, Priority: d.Priority, Subject: d.Subject, Text: d.Text,
		Service: d.Service, Address: d.Address, Files: filesOut(d.Files),
	}
}

func draftIn(r *helpdeskv1.OpenRequest) Draft {
	return Draft{
		Customer: sdk.CustomerIn(r.GetCustomer()), Department: r.GetDepartment(), Priority: r.GetPriority(), Subject: r.GetSubject(), Text: r.GetText(),
		Service: r.GetService(), Address: r.GetAddress(), Files: filesIn(r.GetFiles()),
	}
}

func replyOut(r Reply, head *pluginv1.Call) *helpdeskv1.ReplyRequest {
	return &helpdeskv1.ReplyRequest{
		Call: head, Customer: sdk.CustomerOut(r.Customer), Ticket: r.Ticket, Text: r.Text, Address: r.Address, Files: filesOut(r.Files),
	}
}

func replyIn(r *helpdeskv1.ReplyRequest) Reply {
	return Reply{Customer: sdk.CustomerIn(r.GetCustomer()), Ticket: r.GetTicket(), Text: r.GetText(), Address: r.GetAddress(), Files: filesIn(r.GetFiles())}
}

func queryOut(q Query, head *pluginv1.Call) *helpdeskv1.TicketsRequest {
	out := &helpdeskv1.TicketsRequest{Call: head, SinceMicros: wire.Micros(q.Since), Cursor: q.Cursor}
	if q.Customer != nil {
		out.Customer = sdk.CustomerOut(*q.Customer)
	}
	return out
}

func queryIn(r *helpdeskv1.TicketsRequest) Query {
	q := Query{Since: wire.Time(r.GetSinceMicros()), Cursor: r.GetCursor()}
	if r.GetCustomer() != nil {
		c := sdk.CustomerIn(r.GetCustomer())
		q.Customer = &c
	}
	return q
}

func ticketOut(t Ticket) *helpdeskv1.Ticket {
	return &helpdeskv1.Ticket{
		Id: t.ID, Number: t.Number, CustomerEmail: t.CustomerEmail, Subject: t.Subject, Department: t.Department, Status: t.Status, Priority: t.Priority,
		LastBy: t.LastBy, StaffUrl: t.StaffURL, Open: t.Open, Urgent: t.Urgent, CreatedMicros: wire.Micros(t.Created), ChangedMicros: wire.Micros(t.Changed),
	}
}

func ticketIn(t *helpdeskv1.Ticket) Ticket {
	return Ticket{
		ID: t.GetId(), Number: t.GetNumber(), CustomerEmail: t.GetCustomerEmail(), Subject: t.GetSubject(), Department: t.GetDepartment(), Status: t.GetStatus(),
		Priority: t.GetPriority(), LastBy: t.GetLastBy(), StaffURL: t.GetStaffUrl(), Open: t.GetOpen(), Urgent: t.GetUrgent(),
		Created: wire.Time(t.GetCreatedMicros()), Changed: wire.Time(t.GetChangedMicros()),
	}
}

func messageOut(m Message) *helpdeskv1.Message {
	return &helpdeskv1.Message{Id: m.ID, Author: m.Author, By: m.By, Text: m.Text, AtMicros: wire.Micros(m.At), Files: filesOut(m.Files)}
}

func messageIn(m *helpdeskv1.Message) Message {
	return Message{ID: m.GetId(), Author: m.GetAuthor(), By: m.GetBy(), Text: m.GetText(), At: wire.Time(m.GetAtMicros()), Files: filesIn(m.GetFiles())}
}
