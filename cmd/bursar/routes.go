package main

import (
	"fmt"
	"io/fs"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/ezscale/bursar/core/app"
	"github.com/ezscale/bursar/themes"
)

func routes() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use: "routes", Short: "List every address that is answered, and who may ask", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := os.MkdirTemp("", "bursar-routes") // the table does not depend on anybody's data
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			config := app.Default()
			config.Data = dir
			a, err := app.Open(cmd.Context(), config, app.Options{Themes: []fs.FS{themes.FS}})
			if err != nil {
				return err
			}
			defer a.Close()
			web, err := a.Web(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return web.WriteTable(cmd.OutOrStdout())
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "SITE\tMETHOD\tPATH\tWHO\tRIGHT\tRATE")
			for _, e := range web.Table() {
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", e.Site, e.Method, e.Path, e.Who, e.Right, e.Rate)
			}
			return table.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
