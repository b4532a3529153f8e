package notifier

import (
	"github.com/ezscale/bursar/sdk/internal/wire"
	notifierv1 "github.com/ezscale/bursar/sdk/proto/bursar/notifier/v1"
	pluginv1 "github.com/ezscale/bursar/sdk/proto/bursar/plugin/v1"
)

func mailboxOut(m Mailbox) *notifierv1.Mailbox {
	return &notifierv1.Mailbox{Name: m.Name, Address: m.Address}
}

func mailboxIn(m *notifierv1.Mailbox) Mailbox {
	return Mailbox{Name: m.GetName(), Address: m.GetAddress()}
}

func mailOut(m Mail, head *pluginv1.Call) *notifierv1.MailRequest {
	out := &notifierv1.MailRequest{
		Call: head, From: mailboxOut(m.From), ReplyTo: mailboxOut(m.ReplyTo), To: mailboxOut(m.To), Subject: m.Subject, Text: m.Text, Html: m.HTML,
		Tag: m.Tag, Header: m.Header,
	}
	for _, f := range m.Files {
		out.Files = append(out.Files, &notifierv1.File{Name: f.Name, Type: f.Type, Body: f.Body})
	}
	return out
}

func mailIn(r *notifierv1.MailRequest) Mail {
	m := Mail{
		From: mailboxIn(r.GetFrom()), ReplyTo: mailboxIn(r.GetReplyTo()), To: mailboxIn(r.GetTo()), Subject: r.GetSubject(), Text: r.GetText(),
		HTML: r.GetHtml(), Tag: r.GetTag(), Header: r.GetHeader(),
	}
	for _, f := range r.GetFiles() {
		m.Files = append(m.Files, File{Name: f.GetName(), Type: f.GetType(), Body: f.GetBody()})
	}
	return m
}

func postOut(p Post, head *pluginv1.Call) *notifierv1.PostRequest {
	return &notifierv1.PostRequest{Call: head, Title: p.Title, Text: p.Text, Url: p.URL, Level: p.Level, Fields: wire.PairsOut(p.Fields)}
}

func postIn(r *notifierv1.PostRequest) Post {
	return Post{Title: r.GetTitle(), Text: r.GetText(), URL: r.GetUrl(), Level: r.GetLevel(), Fields: wire.PairsIn(r.GetFields())}
}

func receiptOut(r Receipt) *notifierv1.ReceiptAnswer { return &notifierv1.ReceiptAnswer{Id: r.ID} }

func deliveryOut(d Delivery) *notifierv1.Delivery {
	return &notifierv1.Delivery{
		Id: d.ID, Op: d.Op, Receipt: d.Receipt, Address: d.Address, Status: d.Status, Text: d.Text, Lasting: d.Lasting, AtMicros: wire.Micros(d.At),
	}
}

func deliveryIn(d *notifierv1.Delivery) Delivery {
	return Delivery{
		ID: d.GetId(), Op: d.GetOp(), Receipt: d.GetReceipt(), Address: d.GetAddress(), Status: d.GetStatus(), Text: d.GetText(),
		Lasting: d.GetLasting(), At: wire.Time(d.GetAtMicros()),
	}
}
