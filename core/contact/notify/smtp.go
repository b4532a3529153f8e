package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/notifier"
	"github.com/ezscale/bursar/sdk/secret"
)

// SMTP is the built-in mailer. The zero value has no server and answers Unavailable.
type SMTP struct {
	Host     string
	Port     int
	User     string
	Password secret.Value
	TLS      string // "always", "try" or "never"
}

// Mail hands a mail over to the server. Whatever happens after the body was sent is Unknown.
func (s SMTP) Mail(ctx context.Context, op sdk.Op, m notifier.Mail) (notifier.Receipt, error) {
	if s.Host == "" {
		return notifier.Receipt{}, fault.New(fault.Unavailable, "no_mail_server", "No mail server is set up.")
	}
	msg, id, err := compose(op, m)
	if err != nil {
		return notifier.Receipt{}, fault.New(fault.Invalid, "mail_refused", "This mail cannot be sent.").Because(err)
	}
	policy := map[string]mail.TLSPolicy{"always": mail.TLSMandatory, "never": mail.NoTLS}[s.TLS]
	if s.TLS == "" || s.TLS == "try" {
		policy = mail.TLSOpportunistic
	}
	options := []mail.Option{mail.WithPort(s.Port), mail.WithTLSPolicy(policy), mail.WithTimeout(30 * time.Second)}
	if s.User != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(s.User), mail.WithPassword(s.Password.Reveal()))
	}
	client, err := mail.NewClient(s.Host, options...)
	if err != nil {
		return notifier.Receipt{}, fault.New(fault.Forbidden, "mail_settings", "The mail server's settings are wrong.").Because(err)
	}
	if err := client.DialWithContext(ctx); err != nil {
		return notifier.Receipt{}, fault.New(fault.Unavailable, "mail_server_away", "The mail server does not answer.").Because(err)
	}
	sendErr := client.Send(msg)
	if err := client.Close(); err != nil && sendErr == nil {
		return notifier.Receipt{ID: id}, nil // the server took the mail before it hung up
	}
	if sendErr != nil {
		if err := smtpFault(sendErr); err != nil {
			return notifier.Receipt{}, err
		}
	}
	return notifier.Receipt{ID: id}, nil
}

func compose(op sdk.Op, m notifier.Mail) (*mail.Msg, string, error) {
	msg := mail.NewMsg()
	id := op.ID + "@bursar"
	err := errors.Join(
		msg.FromFormat(m.From.Name, m.From.Address),
		msg.AddToFormat(m.To.Name, m.To.Address),
	)
	if m.ReplyTo.Address != "" {
		err = errors.Join(err, msg.ReplyToFormat(m.ReplyTo.Name, m.ReplyTo.Address))
	}
	msg.SetMessageIDWithValue(id)
	msg.Subject(m.Subject)
	msg.SetBodyString(mail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		msg.AddAlternativeString(mail.TypeTextHTML, m.HTML)
	}
	return msg, id, err
}

// smtpFault reads what the server said, or, if it said nothing, which part of the talk was cut: up to the dot that
// ends the body nothing was taken; after the server's word on it the mail is sent, whatever follows.
func smtpFault(err error) error {
	var sent *mail.SendError
	if !errors.As(err, &sent) {
		return fault.New(fault.Unknown, "mail_unanswered", "").Because(err)
	}
	switch code := sent.ErrorCode(); {
	case sent.Reason == mail.ErrSMTPReset:
		return nil
	case code >= 500 && code < 600:
	case code >= 400 && code < 500 || sent.IsTemp():
		return fault.New(fault.Unavailable, "mail_later", "").Because(err)
	case sent.Reason == mail.ErrSMTPDataClose, sent.Reason == mail.ErrAmbiguous:
		return fault.New(fault.Unknown, "mail_unanswered", "").Because(err)
	case sent.Reason == mail.ErrSMTPMailFrom, sent.Reason == mail.ErrSMTPRcptTo, sent.Reason == mail.ErrSMTPData, sent.Reason == mail.ErrWriteContent, sent.Reason == mail.ErrConnCheck:
		return fault.New(fault.Unavailable, "mail_server_away", "The mail server does not answer.").Because(err)
	}
	return fault.New(fault.Declined, "mail_refused", "The mail server refused this mail.").Because(fmt.Errorf("%w", err))
}
