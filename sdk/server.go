package sdk

import (
	"context"

	"github.com/ezscale/bursar/sdk/event"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/internal/wire"
	pluginv1 "github.com/ezscale/bursar/sdk/proto/bursar/plugin/v1"
)

// server answers what every plugin is asked, whatever its type.
type server struct {
	pluginv1.UnimplementedPluginServer
	plugin    Plugin
	kind      wire.Type
	instances *wire.Instances
}

// Describe answers from memory.
func (s *server) Describe(context.Context, *pluginv1.DescribeRequest) (*pluginv1.DescribeAnswer, error) {
	answer := &pluginv1.DescribeAnswer{
		Name: s.plugin.Name, Title: s.plugin.Title, Version: s.plugin.Version, Type: s.kind.Name,
		Powers: s.kind.Announced, Network: s.plugin.Network,
		Settings: wire.FormOut(s.kind.Settings()), Product: wire.FormOut(form.Of(s.plugin.Product)), Checkout: wire.FormOut(form.Of(s.plugin.Checkout)),
	}
	for _, kind := range s.plugin.Hears {
		answer.Hears = append(answer.Hears, string(kind))
	}
	return answer, nil
}

// Check opens the instance and asks it.
func (s *server) Check(ctx context.Context, req *pluginv1.CheckRequest) (*pluginv1.CheckAnswer, error) {
	return wire.Serve(ctx, s.instances, req.GetCall(), wire.Read, nil, func(ctx context.Context, i Instance) (*pluginv1.CheckAnswer, error) {
		r, err := i.Check(ctx)
		return &pluginv1.CheckAnswer{VendorVersion: r.VendorVersion, Warnings: r.Warnings}, err
	})
}

// Choices cuts at 500.
func (s *server) Choices(ctx context.Context, req *pluginv1.ChoicesRequest) (*pluginv1.ChoicesAnswer, error) {
	return wire.Serve(ctx, s.instances, req.GetCall(), wire.Read, nil, func(ctx context.Context, c form.Chooser) (*pluginv1.ChoicesAnswer, error) {
		list, err := c.Choices(ctx, form.Question{
			Scope: req.GetScope(), Field: req.GetField(),
			Product: wire.ValuesIn(req.GetProduct().GetValue()), Filled: wire.ValuesIn(req.GetFilled().GetValue()),
		})
		return &pluginv1.ChoicesAnswer{Choices: wire.ChoicesOut(list[:min(len(list), 500)])}, err
	})
}

// InstallWebhook registers our address at the vendor.
func (s *server) InstallWebhook(ctx context.Context, req *pluginv1.InstallWebhookRequest) (*pluginv1.InstallWebhookAnswer, error) {
	return wire.Serve(ctx, s.instances, req.GetCall(), wire.Change, nil, func(ctx context.Context, w WebhookInstaller) (*pluginv1.InstallWebhookAnswer, error) {
		values, err := w.InstallWebhook(ctx, req.GetUrl())
		return &pluginv1.InstallWebhookAnswer{Values: wire.ValuesOut(values)}, err
	})
}

// UpdateCustomer tells the vendor what changed.
func (s *server) UpdateCustomer(ctx context.Context, req *pluginv1.UpdateCustomerRequest) (*pluginv1.UpdateCustomerAnswer, error) {
	c := CustomerIn(req.GetCustomer())
	keep := &wire.Keep{Customer: c.Notes}
	return wire.Serve(ctx, s.instances, req.GetCall(), wire.Change, keep, func(ctx context.Context, u CustomerUpdater) (*pluginv1.UpdateCustomerAnswer, error) {
		err := u.UpdateCustomer(ctx, c)
		return &pluginv1.UpdateCustomerAnswer{Kept: keep.Out()}, err
	})
}

// Hear tells a fact.
func (s *server) Hear(ctx context.Context, req *pluginv1.HearRequest) (*pluginv1.HearAnswer, error) {
	return wire.Serve(ctx, s.instances, req.GetCall(), wire.Change, nil, func(ctx context.Context, l event.Listener) (*pluginv1.HearAnswer, error) {
		return &pluginv1.HearAnswer{}, l.Hear(ctx, event.Event{
			ID: req.GetId(), Kind: event.Kind(req.GetKind()), At: wire.Time(req.GetAtMicros()),
			Subject: req.GetSubject(), Customer: req.GetCustomer(), Data: req.GetData(),
		})
	})
}
