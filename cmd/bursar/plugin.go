package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/platform/pluginhost"
)

func (c *command) plugin() *cobra.Command {
	cmd := &cobra.Command{Use: "plugin", Short: "Look after the plugins that plugins.hcl names"}
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Short: "List the plugins and whether each program is the one that was pinned", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				d, err := c.host()
				if err != nil {
					return err
				}
				text, err := pluginhost.List(d)
				fmt.Fprint(cmd.OutOrStdout(), text)
				return err
			},
		},
		&cobra.Command{
			Use: "check", Short: "Start each plugin, say what is wrong line by line, and stop it again", Args: cobra.NoArgs,
			Long: "Check does what a start does, and calls no vendor. It ends with 1 if something would not run.",
			RunE: func(cmd *cobra.Command, _ []string) error {
				d, err := c.host()
				if err != nil {
					return err
				}
				text, ok := pluginhost.CheckFile(cmd.Context(), d)
				fmt.Fprint(cmd.OutOrStdout(), text)
				if !ok {
					return silent{}
				}
				return nil
			},
		},
		&cobra.Command{
			Use: "pin [type/name]...", Short: "Write the versions and checksums of the programs that are there now into plugins.hcl",
			Long: "Pin starts each program once, to hear its version, and writes version and checksum into plugins.hcl.\n" +
				"A program that differs from its pin is not started: pin only what you trust. Without names, all that are enabled.",
			Example: "  bursar plugin pin panel/virtfusion gateway/stripe",
			RunE: func(cmd *cobra.Command, names []string) error {
				d, err := c.host()
				if err != nil {
					return err
				}
				text, err := pluginhost.Pin(cmd.Context(), d, names...)
				fmt.Fprint(cmd.OutOrStdout(), text)
				return err
			},
		},
	)
	return cmd
}

// host is what the commands that only look at plugins need.
func (c *command) host() (pluginhost.Deps, error) {
	config, err := c.load()
	if err != nil {
		return pluginhost.Deps{}, err
	}
	return pluginhost.Deps{
		Config: config.Plugins, Dir: filepath.Join(config.Data, "plugins"), Clock: clock.System{}, Log: logger("error"), Getenv: os.LookupEnv,
	}, nil
}
