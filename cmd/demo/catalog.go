package main

import (
	"context"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/sdk/form"
)

// monthly is what something costs a month, in minor units.
type monthly struct{ eur, usd, gbp int64 }

func (m monthly) in(currency string) int64 {
	return map[string]int64{"EUR": m.eur, "USD": m.usd, "GBP": m.gbp}[currency]
}

// cycles are the terms that everything is sold in, and how many months each costs: a year costs ten.
var cycles = []struct {
	cycle  period.Cycle
	months int64
}{{period.Monthly, 1}, {period.Quarterly, 3}, {period.Annually, 10}}

// ware is what a price list says about a product.
type ware struct {
	catalog.Product
	price     monthly
	setup     monthly // on monthly terms only
	firstYear int64   // percent of the first year that is given; 0: none
}

// extra is an option with what it costs.
type extra struct {
	catalog.Option
	price   monthly
	per     int64
	choices map[string]monthly // by value; what is not named costs nothing
}

func text(pairs ...string) form.Values {
	v := form.Values{}
	for n := 0; n < len(pairs); n += 2 {
		v[pairs[n]] = append(v[pairs[n]], pairs[n+1])
	}
	return v
}

// choices are value and label in turn.
func choices(pairs ...string) []catalog.Choice {
	var out []catalog.Choice
	for n := 0; n < len(pairs); n += 2 {
		out = append(out, catalog.Choice{Value: pairs[n], Label: pairs[n+1], Sort: n / 2})
	}
	return out
}

// shelf is a group with all that is in it.
type shelf struct {
	catalog.Group
	wares  []ware
	extras []extra // of every product of the group
}

// shelves are the catalogue. Packages, places, systems and games are those of the simulators.
func shelves() []shelf {
	games := text("swap", "0", "io", "500", "databases", "1", "backups", "2", "allocations", "2")
	game := func(memory, disk, cpu string) form.Values {
		v := games.Clone()
		v["memory"], v["disk"], v["cpu"] = []string{memory}, []string{disk}, []string{cpu}
		return v
	}
	four, two := int64(4), int64(2)
	return []shelf{
		{
			Group: catalog.Group{Slug: "vps", Kind: "vps", Name: "VPS", Headline: "A server of your own in about a minute.",
				Body: "KVM, NVMe disks, IPv4 and IPv6. Change the size whenever you like: you pay for the days that are left."},
			wares: []ware{
				{Product: catalog.Product{Slug: "vps-1", Name: "VPS 1", Tagline: "For a small site or a VPN", Panel: "virtfusion", Values: text("package", "1", "group", "3"),
					Features: []string{"Processor: 1 vCPU", "Memory: 1 GB", "Disk: 20 GB NVMe", "Traffic: 1 TB"}}, price: monthly{450, 490, 390}, firstYear: 20},
				{Product: catalog.Product{Slug: "vps-2", Name: "VPS 2", Tagline: "For a shop or a wiki", Panel: "virtfusion", Values: text("package", "2", "group", "3"), Marked: true,
					Features: []string{"Processor: 2 vCPU", "Memory: 2 GB", "Disk: 40 GB NVMe", "Traffic: 2 TB"}}, price: monthly{890, 990, 790}, firstYear: 20},
				{Product: catalog.Product{Slug: "vps-4", Name: "VPS 4", Tagline: "For several sites with a database", Panel: "virtfusion", Values: text("package", "3", "group", "3"),
					Features: []string{"Processor: 4 vCPU", "Memory: 4 GB", "Disk: 80 GB NVMe", "Traffic: 4 TB"}}, price: monthly{1690, 1890, 1490}},
				{Product: catalog.Product{Slug: "vps-8", Name: "VPS 8", Tagline: "For builds, queues and busy databases", Panel: "virtfusion", Values: text("package", "4", "group", "3"),
					Features: []string{"Processor: 8 vCPU", "Memory: 8 GB", "Disk: 160 GB NVMe", "Traffic: 8 TB"}}, price: monthly{3290, 3690, 2890}},
			},
			extras: []extra{
				{Option: catalog.Option{Field: "location", Kind: catalog.Choices, Label: "Location", Needed: true, Choices: choices("3", "Frankfurt", "2", "London", "1", "New York")}},
				{Option: catalog.Option{Field: "template", Kind: catalog.Choices, Label: "Operating system", Needed: true,
					Choices: choices("8", "Debian 12", "9", "Ubuntu 24.04 LTS", "10", "AlmaLinux 9", "11", "Windows Server 2022")},
					choices: map[string]monthly{"11": {1400, 1500, 1200}}},
				{Option: catalog.Option{Field: "extra_disk", Kind: catalog.Quantity, Label: "Extra disk", Unit: "GB", Most: 500, Step: 10, Changeable: true},
					price: monthly{100, 110, 90}, per: 10},
				{Option: catalog.Option{Field: "extra_ipv4", Kind: catalog.Quantity, Label: "More IPv4 addresses", Help: "One is included.", Most: 4, Step: 1,
					Changeable: true}, price: monthly{150, 170, 130}, per: 1},
			},
		},
		{
			Group: catalog.Group{Slug: "dedicated", Kind: "dedicated", Name: "Dedicated servers", Headline: "A whole machine, for you alone.",
				Body: "We look at each order before we build it, as a rule within a working day. Machines are limited: what is shown is what stands in the rack."},
			wares: []ware{
				{Product: catalog.Product{Slug: "ds-6", Name: "DS-6", Tagline: "Six cores for steady work", Setup: catalog.SetupOnApproval, Free: &four,
					Features: []string{"Processor: Ryzen 5 7600, 6 cores", "Memory: 64 GB", "Disk: 2 × 1 TB NVMe", "Traffic: 30 TB"}}, price: monthly{6900, 7500, 5900}, setup: monthly{4900, 5500, 4500}},
				{Product: catalog.Product{Slug: "ds-16", Name: "DS-16", Tagline: "Sixteen cores for heavy work", Setup: catalog.SetupOnApproval, Free: &two, CustomerLimit: 1,
					Features: []string{"Processor: Ryzen 9 7950X, 16 cores", "Memory: 128 GB", "Disk: 2 × 2 TB NVMe", "Traffic: 30 TB"}}, price: monthly{11900, 12900, 10500}, setup: monthly{9900, 10900, 8900}},
			},
			extras: []extra{
				{Option: catalog.Option{Kind: catalog.Choices, Label: "Operating system", Needed: true, Choices: choices("debian", "Debian 12", "ubuntu", "Ubuntu 24.04 LTS", "proxmox", "Proxmox VE 8")}},
				{Option: catalog.Option{Kind: catalog.YesNo, Label: "Private network", Help: "Ten gigabit between your machines."}, price: monthly{900, 990, 790}, per: 1},
			},
		},
		{
			Group: catalog.Group{Slug: "web-hosting", Kind: "hosting", Name: "Web hosting", Headline: "Sites, mail and certificates.",
				Body: "Web hosting is set up by a person, within one working day after the payment. You get a mail when it is ready."},
			wares: []ware{
				{Product: catalog.Product{Slug: "web-start", Name: "Web Start", Tagline: "One site and its mail", Setup: catalog.SetupManual,
					Features: []string{"Sites: 1", "Disk: 10 GB", "Mailboxes: 5", "Set-up: by hand, within one working day"}}, price: monthly{390, 450, 350}},
				{Product: catalog.Product{Slug: "web-pro", Name: "Web Pro", Tagline: "For agencies and clubs", Setup: catalog.SetupManual,
					Features: []string{"Sites: 10", "Disk: 50 GB", "Mailboxes: 50", "Set-up: by hand, within one working day"}}, price: monthly{990, 1090, 890}},
			},
		},
		{
			Group: catalog.Group{Slug: "game-servers", Kind: "game", Name: "Game servers", Headline: "Play in five minutes.",
				Body: "Choose the game now and another one later. Backups and a database are included."},
			wares: []ware{
				{Product: catalog.Product{Slug: "game-4", Name: "Game 4", Tagline: "For a handful of friends", Panel: "pterodactyl", Values: game("4096", "20480", "200"),
					Features: []string{"Memory: 4 GB", "Processor: 2 vCPU", "Disk: 20 GB NVMe", "Backups: 2"}}, price: monthly{800, 890, 690}},
				{Product: catalog.Product{Slug: "game-6", Name: "Game 6", Tagline: "For twenty players", Panel: "pterodactyl", Values: game("6144", "40960", "300"), Marked: true,
					Features: []string{"Memory: 6 GB", "Processor: 3 vCPU", "Disk: 40 GB NVMe", "Backups: 2"}}, price: monthly{1200, 1290, 1050}},
				{Product: catalog.Product{Slug: "game-12", Name: "Game 12", Tagline: "For mods and many players", Panel: "pterodactyl", Values: game("12288", "81920", "400"),
					Features: []string{"Memory: 12 GB", "Processor: 4 vCPU", "Disk: 80 GB NVMe", "Backups: 2"}}, price: monthly{2200, 2390, 1890}},
			},
			extras: []extra{
				{Option: catalog.Option{Field: "location", Kind: catalog.Choices, Label: "Location", Needed: true, Choices: choices("1", "Frankfurt", "2", "New York", "3", "Singapore")}},
				{Option: catalog.Option{Field: "egg", Kind: catalog.Choices, Label: "Game", Needed: true,
					Choices: choices("1/1", "Minecraft (Paper)", "1/2", "Minecraft (Vanilla)", "2/3", "Valheim", "2/4", "Terraria", "3/5", "Counter-Strike 2")}},
			},
		},
	}
}

// sowCatalog writes the shelves.
func (s *seed) sowCatalog(ctx context.Context) error {
	for n, sh := range shelves() {
		sh.Group.Sort = n
		g, err := s.Catalog.SaveGroup(ctx, sh.Group)
		if err != nil {
			return err
		}
		for n, w := range sh.wares {
			w.Group, w.Sort, w.Status, w.Change = g.ID, n, catalog.Public, "real_days"
			if err := s.sowWare(ctx, w, sh.extras); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *seed) sowWare(ctx context.Context, w ware, extras []extra) error {
	p, err := s.Catalog.SaveProduct(ctx, w.Product)
	if err != nil {
		return err
	}
	if err := s.price(ctx, string(p.ID), w.price, w.setup, w.firstYear, 1); err != nil {
		return err
	}
	for n, e := range extras {
		e.Option.Product, e.Option.Sort = p.ID, n
		o, err := s.Catalog.SaveOption(ctx, e.Option)
		if err != nil {
			return err
		}
		if e.price != (monthly{}) {
			if err := s.price(ctx, string(o.ID), e.price, monthly{}, 0, e.per); err != nil {
				return err
			}
		}
		for _, c := range o.Choices {
			if m, ok := e.choices[c.Value]; ok {
				if err := s.price(ctx, string(c.ID), m, monthly{}, 0, 1); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// price gives an owner its price in every term and currency.
func (s *seed) price(ctx context.Context, owner string, m, setup monthly, firstYear, per int64) error {
	for _, c := range cycles {
		for _, currency := range []string{"EUR", "USD", "GBP"} {
			p := catalog.Price{ID: ids.New[ids.Price](), Owner: owner, Cycle: c.cycle, Currency: currency, Amount: m.in(currency) * c.months, Per: per}
			if c.cycle == period.Monthly {
				p.Setup = setup.in(currency)
			}
			if c.cycle == period.Annually && firstYear > 0 {
				first := p.Amount * (100 - firstYear) / 100
				p.First, p.FirstTerms = &first, 1
			}
			if _, err := s.Catalog.NewPrice(ctx, p); err != nil {
				return err
			}
		}
	}
	return nil
}
