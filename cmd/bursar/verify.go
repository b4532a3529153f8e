package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/insight"
	"github.com/ezscale/bursar/core/sales/pricing"
)

func (c *command) verify() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use: "verify", Short: "Prove the books: ledger, balances, documents, services, the trail", Args: cobra.NoArgs,
		Long: "Verify reads everything and proves one against the other. It changes nothing, and ends with 1 if it found something.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := c.open(cmd.Context(), logger("warn"))
			if err != nil {
				return err
			}
			defer a.Close()
			findings, err := a.Flow.Verify(cmd.Context())
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if asJSON {
				if findings == nil {
					findings = []insight.Finding{}
				}
				if err := json.NewEncoder(out).Encode(map[string]any{"ok": len(findings) == 0, "findings": findings}); err != nil {
					return err
				}
			} else {
				for _, f := range findings {
					fmt.Fprintf(out, "%s\t%s\t%s\n", f.Check, f.Subject, f.Text)
				}
				if len(findings) == 0 {
					fmt.Fprintln(out, "All is well.")
				}
			}
			if len(findings) > 0 {
				return silent{}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// errFound ends a walk.
var errFound = errors.New("found")

func (c *command) explain() *cobra.Command {
	replay := false
	cmd := &cobra.Command{
		Use: "explain LINE", Short: "Show how the amount of an invoice's line was worked out", Args: cobra.ExactArgs(1),
		Long:    "Explain prints the record that was written with the line: days, rates, discounts, tax, each step of the sum.",
		Example: "  bursar explain lin_01JD0Y9F6Z8V5M3B1N7K2T4QWX --replay",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := ids.Parse[ids.Line](strings.TrimSpace(args[0]))
			if err != nil {
				return fmt.Errorf("%q is not the ID of a line: the admin site shows it beside each", args[0])
			}
			a, err := c.open(cmd.Context(), logger("warn"))
			if err != nil {
				return err
			}
			defer a.Close()
			var found invoice.Line
			err = a.Invoices.EachLine(cmd.Context(), func(l invoice.Line) error {
				if l.ID == id {
					found = l
					return errFound
				}
				return nil
			})
			switch {
			case err == nil:
				return fmt.Errorf("there is no line %s", id)
			case !errors.Is(err, errFound):
				return err
			}
			var record any
			if err := json.Unmarshal([]byte(found.Explain), &record); err != nil {
				return fmt.Errorf("the record of %s is unreadable: %w", id, err)
			}
			text, err := json.MarshalIndent(record, "", "  ")
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "%s\n", text)
			if !replay {
				return nil
			}
			if err := pricing.Replay(found.Explain); err != nil {
				return fmt.Errorf("worked out again it differs: %w", err)
			}
			fmt.Fprintln(out, "Worked out again it is the same.")
			return nil
		},
	}
	cmd.Flags().BoolVar(&replay, "replay", false, "work the sum out again and compare")
	return cmd
}
