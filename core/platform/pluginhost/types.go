package pluginhost

import (
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/host"
	"github.com/ezscale/bursar/sdk/notifier"
	"github.com/ezscale/bursar/sdk/panel"
)

// types are the types of plugins that the domains use, and what calls one. A type that is not here is not started.
var types = map[string]func(*host.Instance) any{
	"gateway":  func(i *host.Instance) any { return gateway.NewClient(i) },
	"notifier": func(i *host.Instance) any { return notifier.NewClient(i) },
	"panel":    func(i *host.Instance) any { return panel.NewClient(i) },
}
