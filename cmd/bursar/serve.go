package main

import (
	"context"
	"net"

	"github.com/spf13/cobra"
)

func (c *command) serve() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Answer the three sites and do the work",
		Long: "Serve brings the database's schema up to date, starts the plugins, answers the storefront, the portal, the admin\n" +
			"site and the API, and does the work of each day. It ends at an interrupt, once what is under way is done.\n\n" +
			"Several may run on one MySQL database: they share the work.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Context()) },
	}
}

func (c *command) run(ctx context.Context) error {
	config, err := c.load()
	if err != nil {
		return err
	}
	log := logger(config.LogLevel)
	a, err := c.open(ctx, log)
	if err != nil {
		return err
	}
	defer a.Close()
	if done, err := a.Auth.IsSetUp(ctx); err != nil {
		return err
	} else if !done {
		log.Warn("there is no administrator yet: run `bursar setup`")
	}
	if err := a.StartPlugins(ctx); err != nil {
		return err
	}
	defer a.Plugins.Stop()
	return a.Serve(ctx, func(address net.Addr) {
		log.Info("ready", "listen", address.String(), "storefront", config.Storefront, "portal", config.Portal, "admin", config.Admin)
	})
}
