package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
)

// Plan is what a product asks for.
type Plan struct {
	Memory, Disk, CPU, Swap, IO     int64
	Databases, Backups, Allocations int64
	Egg                             string
	Eggs                            []string
	Locations                       []string
	Image, Startup                  string
	Environment                     map[string]string
}

// eggPattern is nest/egg, as the panel numbers them.
const eggPattern = `[0-9]+/[0-9]+`

// mostMiB keeps a slip of the hand from asking for petabytes: 16 TiB.
const mostMiB = 16 << 20

// Form implements form.Settings.
func (p *Plan) Form() form.Form {
	return form.Form{
		form.Int(&p.Memory, "memory", "Memory (MiB)").Need().Between(0, mostMiB).Help("0 is without limit."),
		form.Int(&p.Disk, "disk", "Disk (MiB)").Need().Between(0, mostMiB).Help("0 is without limit."),
		form.Int(&p.CPU, "cpu", "CPU (% of a core)").Need().Between(0, 100_000).Help("100 is one core, 0 without limit."),
		form.Int(&p.Swap, "swap", "Swap (MiB)").Or("0").Between(-1, mostMiB).Help("-1 is without limit."),
		form.Int(&p.IO, "io", "Disk weight").Or("500").Between(10, 1000),
		form.Int(&p.Databases, "databases", "Databases").Or("0").Between(0, 1000),
		form.Int(&p.Backups, "backups", "Backups").Or("0").Between(0, 1000),
		form.Int(&p.Allocations, "allocations", "Ports").Or("0").Between(0, 1000).Help("How many ports the customer may have, the main one included."),
		form.One(&p.Egg, "egg", "Game").Remote().Match(eggPattern).Help("Leave empty to let the buyer choose."),
		form.Many(&p.Eggs, "eggs", "Games to choose from").Remote().Match(eggPattern).Help("None: all of the panel. Counts when no game is set above."),
		form.Many(&p.Locations, "locations", "Locations").Remote().Match(`[0-9]+`).Help("None: all of the panel."),
		form.One(&p.Image, "docker_image", "Docker image").Remote().Help("Empty: the game's own."),
		form.Text(&p.Startup, "startup", "Startup command").Help("Empty: the game's own."),
		form.Pairs(&p.Environment, "environment", "Variables").Remote().Match(`[A-Za-z_][A-Za-z0-9_]*=.*`).
			Help("NAME=value, in place of the game's defaults. Names that a game does not have are left out."),
	}
}

// Order is what a buyer chooses.
type Order struct{ Location, Egg, Name string }

// Form implements form.Settings. A new game is possible with a reinstallation, if the product leaves it open.
func (o *Order) Form() form.Form {
	return form.Form{
		form.One(&o.Location, "location", "Location").Remote().Match(`[0-9]+`).Help("Empty: wherever there is room."),
		form.One(&o.Egg, "egg", "Game").Remote().Match(eggPattern).OnReinstall(),
		form.Text(&o.Name, "name", "Server name").Between(1, 100),
	}
}

// allows checks a buyer's choices against the product. The panel cannot: to it any game is as good.
func (p Plan) allows(o Order) error {
	switch {
	case p.Egg == "" && o.Egg == "":
		return fault.New(fault.Invalid, "needed", "A game is needed.").On("egg")
	case p.Egg == "" && len(p.Eggs) > 0 && !slices.Contains(p.Eggs, o.Egg):
		return fault.New(fault.Invalid, "not_offered", "This game is not among those of the product.").On("egg")
	case o.Location != "" && len(p.Locations) > 0 && !slices.Contains(p.Locations, o.Location):
		return fault.New(fault.Invalid, "not_offered", "This location is not among those of the product.").On("location")
	}
	return nil
}

func (p Plan) limits() limits {
	return limits{Memory: p.Memory, Swap: p.Swap, Disk: p.Disk, IO: p.IO, CPU: p.CPU}
}

func (p Plan) features() featureLimits {
	return featureLimits{Databases: p.Databases, Allocations: p.Allocations, Backups: p.Backups}
}

// places are the numbers of the locations that will do; none is all.
func (p Plan) places(o Order) []int64 {
	names := p.Locations
	if o.Location != "" {
		names = []string{o.Location}
	}
	out := []int64{}
	for _, name := range names {
		if n, err := strconv.ParseInt(name, 10, 64); err == nil { // the form knows digits only
			out = append(out, n)
		}
	}
	return out
}

// image is the product's, else the game's default.
func (p Plan) image(e egg) string {
	first := ""
	if labels := slices.Sorted(maps.Keys(e.DockerImages)); len(labels) > 0 {
		first = e.DockerImages[labels[0]]
	}
	return cmp.Or(p.Image, e.DockerImage, first)
}

// environment has each variable of the game: the product's value, else what the server has, else the game's default. The
// panel checks all of them, and takes one that is missing for null.
func (p Plan) environment(e egg, has map[string]any) map[string]string {
	out := map[string]string{}
	for _, i := range e.Relationships.Variables.Data {
		name := i.Attributes.Env
		out[name] = i.Attributes.Default
		if v, ok := has[name]; ok && v != nil {
			out[name] = fmt.Sprint(v)
		}
		if v, ok := p.Environment[name]; ok {
			out[name] = v
		}
	}
	return out
}

// egg reads one, with its variables. Invalid on egg if the panel has none of that number.
func (p *Panel) egg(ctx context.Context, name string) (egg, error) {
	nest, number, _ := strings.Cut(name, "/")
	var e item[egg]
	err := p.app.do(ctx, http.MethodGet, fmt.Sprintf("/nests/%s/eggs/%s?include=variables", url.PathEscape(nest), url.PathEscape(number)), nil, &e)
	if fault.KindOf(err) == fault.NotFound {
		if err = p.absent(ctx, "/nests?page=", "1", err); fault.KindOf(err) == fault.NotFound {
			err = fault.New(fault.Invalid, "no_such_game", "This game does not exist on the panel.").On("egg").Because(err)
		}
	}
	return e.Attributes, err
}

// Choices implements form.Chooser.
func (p *Panel) Choices(ctx context.Context, q form.Question) ([]form.Choice, error) {
	switch q.Field {
	case "location", "locations":
		return p.chooseLocation(ctx, q)
	case "egg", "eggs", "docker_image", "environment":
		return p.chooseOfEggs(ctx, q)
	}
	return nil, fault.New(fault.NotFound, "no_choices", "").On(q.Field)
}

// chooseLocation greys out those without room for the product.
func (p *Panel) chooseLocation(ctx context.Context, q form.Question) ([]form.Choice, error) {
	all, err := every[location](ctx, p.app, "/locations")
	if err != nil {
		return nil, err
	}
	var plan Plan
	room := map[int64]bool(nil)
	if q.Scope == "checkout" && len(q.Product) > 0 {
		if plan, err = form.Read[Plan](q.Product); err != nil {
			return nil, err
		}
		nodes, err := p.deployable(ctx, plan)
		if err != nil {
			return nil, err
		}
		room = map[int64]bool{}
		for _, n := range nodes {
			room[n.LocationID] = true
		}
	}
	var out []form.Choice
	for _, l := range all {
		value := strconv.FormatInt(l.ID, 10)
		if len(plan.Locations) > 0 && !slices.Contains(plan.Locations, value) {
			continue
		}
		c := form.Choice{Value: value, Label: cmp.Or(l.Long, l.Short)}
		if room != nil && !room[l.ID] {
			c.Off, c.Help = true, "Sold out"
		}
		out = append(out, c)
	}
	return out, nil
}

// chooseOfEggs answers what depends on games. Before one is chosen, images and variables of all games are listed.
func (p *Panel) chooseOfEggs(ctx context.Context, q form.Question) ([]form.Choice, error) {
	nests, err := every[nest](ctx, p.app, "/nests")
	if err != nil {
		return nil, err
	}
	chosen, offered := cmp.Or(q.Product.Get("egg"), q.Filled.Get("egg")), []string(nil)
	if q.Field == "egg" && q.Scope == "checkout" {
		if offered = q.Product["eggs"]; q.Product.Get("egg") != "" {
			offered = q.Product["egg"]
		}
	}
	var out []form.Choice
	for _, n := range nests {
		var eggs list[egg] // this list has no pages
		if err := p.app.do(ctx, http.MethodGet, fmt.Sprintf("/nests/%d/eggs?include=variables", n.ID), nil, &eggs); err != nil {
			return nil, err
		}
		for _, i := range eggs.Data {
			e := i.Attributes
			name := eggName(n.ID, e.ID)
			switch {
			case q.Field == "egg" || q.Field == "eggs":
				if len(offered) == 0 || slices.Contains(offered, name) {
					out = append(out, form.Choice{Value: name, Label: e.Name, Group: n.Name, Help: fault.Cut(e.Description, 200)})
				}
			case chosen != "" && chosen != name:
			case q.Field == "docker_image":
				for _, label := range slices.Sorted(maps.Keys(e.DockerImages)) {
					out = append(out, form.Choice{Value: e.DockerImages[label], Label: label, Group: e.Name})
				}
			default:
				for _, v := range e.Relationships.Variables.Data {
					out = append(out, form.Choice{
						Value: v.Attributes.Env + "=" + v.Attributes.Default, Label: v.Attributes.Name, Group: e.Name,
						Help: fault.Cut(strings.TrimSpace(v.Attributes.Description+" ("+v.Attributes.Rules+")"), 200),
					})
				}
			}
		}
	}
	return out, nil
}

// deployable are the nodes with room for a plan; none is no error.
func (p *Panel) deployable(ctx context.Context, plan Plan) ([]node, error) {
	ask := url.Values{"memory": {strconv.FormatInt(plan.Memory, 10)}, "disk": {strconv.FormatInt(plan.Disk, 10)}}
	for _, id := range plan.Locations {
		ask.Add("location_ids[]", id)
	}
	nodes, err := every[node](ctx, p.app, "/nodes/deployable?"+ask.Encode())
	if fault.KindOf(err) == fault.Declined {
		return nil, nil
	}
	return nodes, err
}

// Stock implements panel.StockKeeper: the panel says whether there is room, not how much.
func (p *Panel) Stock(ctx context.Context, product form.Values) (int, error) {
	plan, err := form.Read[Plan](product)
	if err != nil {
		return 0, err
	}
	nodes, err := p.deployable(ctx, plan)
	if err != nil || len(nodes) == 0 {
		return 0, err
	}
	return -1, nil
}
