package catalog

import "github.com/ezscale/bursar/core/base/states"

// Status of a product.
type Status string

// The statuses, as the customer meets them.
const (
	Public   Status = "public"   // in the shop
	Hidden   Status = "hidden"   // for those who know its address
	Archived Status = "archived" // no longer sold; who has it keeps it
)

// Action is what may happen to a product.
type Action string

// The actions.
const (
	Publish Action = "publish"
	Hide    Action = "hide"
	Archive Action = "archive"
)

// life is everything that may happen to a product.
var life = states.Table[Status, Action]{
	Public:   {Hide: Hidden, Archive: Archived},
	Hidden:   {Publish: Public, Archive: Archived},
	Archived: {Publish: Public, Hide: Hidden},
}

// Allows says whether a page may offer the action.
func (p Product) Allows(a Action) bool { return life.Allows(p.Status, a) }

// to is the action that a saved form means.
var to = map[Status]Action{Public: Publish, Hidden: Hide, Archived: Archive}
