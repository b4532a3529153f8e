package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/ezscale/bursar/core/data/db"
)

func (c *command) migrate() *cobra.Command {
	cmd := &cobra.Command{Use: "migrate", Short: "Bring the database's schema up to date, or say how far it is"}
	cmd.AddCommand(
		&cobra.Command{
			Use: "up", Short: "Bring the schema up to this program's; `serve` does the same", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return c.withDatabase(cmd.Context(), func(d *db.DB) error {
					if err := d.Migrate(cmd.Context()); err != nil {
						return err
					}
					v, err := d.Status(cmd.Context())
					if err == nil {
						fmt.Fprintf(cmd.OutOrStdout(), "The schema is at version %d.\n", v.Current)
					}
					return err
				})
			},
		},
		&cobra.Command{
			Use: "status", Short: "Say how far the schema is; ends with 1 if it is not up to date", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return c.withDatabase(cmd.Context(), func(d *db.DB) error {
					v, err := d.Status(cmd.Context())
					if err != nil {
						return err
					}
					fmt.Fprintf(cmd.OutOrStdout(), "The schema is at version %d of %d.\n", v.Current, v.Target)
					if v.Current != v.Target {
						return silent{}
					}
					return nil
				})
			},
		},
	)
	return cmd
}

// withDatabase opens the database alone, without what is built on it.
func (c *command) withDatabase(ctx context.Context, do func(*db.DB) error) error {
	config, err := c.load()
	if err != nil {
		return err
	}
	if config.Database == "" {
		if err := os.MkdirAll(config.Data, 0o700); err != nil {
			return err
		}
	}
	d, err := db.Open(ctx, db.Config{DSN: config.DSN()})
	if err != nil {
		return err
	}
	defer d.Close()
	return do(d)
}
