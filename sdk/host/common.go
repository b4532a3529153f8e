package host

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/event"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/internal/wire"
	pluginv1 "github.com/ezscale/bursar/sdk/proto/bursar/plugin/v1"
)

// Common is the client of what every plugin is asked. The clients of types embed it. Ask sdk.As before using more than
// Check: all methods are there, only announced ones count.
type Common struct{ *Instance }

// Check implements sdk.Instance.
func (c Common) Check(ctx context.Context) (sdk.Report, error) {
	answer := new(pluginv1.CheckAnswer)
	err := c.Do(ctx, Call{Method: pluginv1.Plugin_Check_FullMethodName, Deadline: Quick}, func(head *pluginv1.Call) proto.Message {
		return &pluginv1.CheckRequest{Call: head}
	}, answer)
	return sdk.Report{VendorVersion: answer.GetVendorVersion(), Warnings: answer.GetWarnings()}, err
}

// Choices implements form.Chooser.
func (c Common) Choices(ctx context.Context, q form.Question) ([]form.Choice, error) {
	answer := new(pluginv1.ChoicesAnswer)
	err := c.Do(ctx, Call{Method: pluginv1.Plugin_Choices_FullMethodName, Deadline: Quick}, func(head *pluginv1.Call) proto.Message {
		return &pluginv1.ChoicesRequest{Call: head, Scope: q.Scope, Field: q.Field, Product: wire.ValuesOut(q.Product), Filled: wire.ValuesOut(q.Filled)}
	}, answer)
	return wire.ChoicesIn(answer.GetChoices()), err
}

// InstallWebhook implements sdk.WebhookInstaller.
func (c Common) InstallWebhook(ctx context.Context, url string) (form.Values, error) {
	answer := new(pluginv1.InstallWebhookAnswer)
	call := Call{Method: pluginv1.Plugin_InstallWebhook_FullMethodName, Effect: Change, Deadline: Normal}
	err := c.Do(ctx, call, func(head *pluginv1.Call) proto.Message {
		return &pluginv1.InstallWebhookRequest{Call: head, Url: url}
	}, answer)
	return wire.ValuesIn(answer.GetValues().GetValue()), err
}

// UpdateCustomer implements sdk.CustomerUpdater.
func (c Common) UpdateCustomer(ctx context.Context, who sdk.Customer) error {
	call := Call{Method: pluginv1.Plugin_UpdateCustomer_FullMethodName, Effect: Change, Deadline: Normal, Keep: wire.Keep{Customer: who.Notes}}
	return c.Do(ctx, call, func(head *pluginv1.Call) proto.Message {
		return &pluginv1.UpdateCustomerRequest{Call: head, Customer: sdk.CustomerOut(who)}
	}, new(pluginv1.UpdateCustomerAnswer))
}

// Hear implements event.Listener.
func (c Common) Hear(ctx context.Context, e event.Event) error {
	call := Call{Method: pluginv1.Plugin_Hear_FullMethodName, Effect: Change, Deadline: Normal}
	return c.Do(ctx, call, func(head *pluginv1.Call) proto.Message {
		return &pluginv1.HearRequest{Call: head, Id: e.ID, Kind: string(e.Kind), AtMicros: wire.Micros(e.At), Subject: e.Subject, Customer: e.Customer, Data: e.Data}
	}, new(pluginv1.HearAnswer))
}
