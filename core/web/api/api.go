// Package api is the REST interface for programs: of a customer, and below /admin of staff. Who asks comes with an API
// token, what it may do with the token's scopes. The types here are the contract: the OpenAPI document is made from them,
// requests are checked against it, and a field that it does not have is refused. Rules are elsewhere; a handler reads or
// calls one thing, and answers. Start at New; one file has the operations of one subject, adapter.go is the way to them.
package api

import (
	"github.com/danielgtaylor/huma/v2"

	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/platform/idempotency"
	"github.com/ezscale/bursar/core/platform/pluginhost"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
)

// Base is below which address everything is. A change that old programs could not bear is served below another one.
const Base = "/api/v1"

// Plugins tells how plugins stand.
type Plugins interface {
	Status() []pluginhost.PluginStatus
}

// Deps is what the site uses. The domains are those that flow has.
type Deps struct {
	Flow    *flow.Flow
	Keys    *idempotency.Service
	Plugins Plugins
	Links   view.Sites
}

// Site is the API.
type Site struct {
	Deps
	table *table
	huma  huma.API
	doc   []byte // OpenAPI 3.1, JSON
	page  docsPage
}

// New makes the site. It fails when what its types say makes no document.
func New(d Deps) (*Site, error) {
	s := &Site{Deps: d}
	s.table = &table{site: s}
	s.huma = huma.NewAPI(s.config(), s.table)
	s.catalog()
	s.orders()
	s.invoices()
	s.payments()
	s.services()
	s.me()
	s.adminCustomers()
	s.adminOrders()
	s.adminServices()
	s.adminInvoices()
	s.adminSystem()
	s.adminClock()
	return s, s.describe()
}

// Routes are all addresses of the API. They are on the storefront's host.
func (s *Site) Routes() []route.Route {
	return append(s.docs(), s.table.routes...)
}
