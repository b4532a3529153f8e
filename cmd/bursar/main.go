// Command bursar sells hosting, bills for it, collects the money and keeps the books. `bursar serve` is the program;
// the other commands look after it from a console. What the machine needs is in bursar.hcl, which plugins run is in
// plugins.hcl. Each command is a file here, and does its work by calling core/app.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/hashicorp/go-hclog"
	"github.com/spf13/cobra"

	"github.com/ezscale/bursar/core/app"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/themes"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := root().ExecuteContext(ctx)
	var quiet silent
	switch {
	case err == nil:
		return
	case !errors.As(err, &quiet):
		fmt.Fprintln(os.Stderr, "bursar: "+told(err))
	}
	stop()
	os.Exit(1)
}

// silent is the end of a command that has said itself what is wrong.
type silent struct{}

func (silent) Error() string { return "" }

// told is an error for a person: the sentence of a fault before its cause.
func told(err error) string {
	if f := fault.Of(err); f != nil && f.Text != "" {
		return f.Text + "\n  " + err.Error()
	}
	return err.Error()
}

// configFile is read if it is there and no other was named.
const configFile = "bursar.hcl"

// command is what all commands share.
type command struct {
	config  string // path of bursar.hcl
	plugins string // path of plugins.hcl, instead of the one in the configuration
}

func root() *cobra.Command {
	c := &command{}
	r := &cobra.Command{
		Use:   "bursar",
		Short: "Sell hosting, bill for it, collect the money and keep the books",
		Long: "Bursar sells hosting, bills for it, collects the money and keeps the books.\n\n" +
			"Begin with `bursar setup`, which makes the first administrator, then `bursar serve`.\n" +
			"To look around in a shop full of samples, run `make run` instead.",
		SilenceUsage: true, SilenceErrors: true,
	}
	r.PersistentFlags().StringVarP(&c.config, "config", "c", "", "configuration of the machine (default: "+configFile+" if it is there)")
	r.PersistentFlags().StringVar(&c.plugins, "plugins", "", "file that names the plugins (default: as the configuration says, or plugins.hcl)")
	r.AddCommand(c.serve(), c.setup(), c.migrate(), c.plugin(), c.verify(), c.explain(), routes(), version())
	return r
}

// load reads the configuration.
func (c *command) load() (app.Config, error) {
	path := c.config
	if path == "" {
		if _, err := os.Stat(configFile); err == nil {
			path = configFile
		}
	}
	config, err := app.Load(path, os.LookupEnv)
	if c.plugins != "" {
		config.Plugins = c.plugins
	}
	return config, err
}

// open puts the host together. Close it.
func (c *command) open(ctx context.Context, log hclog.Logger) (*app.App, error) {
	config, err := c.load()
	if err != nil {
		return nil, err
	}
	return app.Open(ctx, config, app.Options{Themes: []fs.FS{themes.FS}, Log: log})
}

// logger writes to standard error, a line for each event.
func logger(level string) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Name: "bursar", Level: hclog.LevelFromString(level), Output: os.Stderr})
}

func version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			text, commit := "development", ""
			if info, ok := debug.ReadBuildInfo(); ok {
				if v := info.Main.Version; v != "" && v != "(devel)" {
					text = v
				}
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" {
						commit = s.Value
					}
				}
			}
			fmt.Fprintln(cmd.OutOrStdout(), "bursar", text, commit)
		},
	}
}
