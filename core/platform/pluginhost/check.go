package pluginhost

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// List is a table of what plugins.hcl names, without starting anything: whether each program is there and is the one that
// was pinned. Of d it uses Config and Getenv.
//
// Errors: ErrConfig.
func List(d Deps) (string, error) {
	config, problems, ok := ReadConfig(d.Config, d.Getenv)
	if !ok {
		return "", ErrConfig.Because(errors.New(strings.Join(lines(problems), "\n")))
	}
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TYPE\tNAME\tVERSION\tPROGRAM\tINSTANCES")
	for _, p := range config.Plugins {
		var labels []string
		for _, i := range p.Instances {
			if !i.Enabled {
				i.Label += " (off)"
			}
			labels = append(labels, i.Label)
		}
		version := p.Version
		if version == "" {
			version = "-"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", p.Type, p.Name, version, program(p), strings.Join(labels, ", "))
	}
	if err := table.Flush(); err != nil {
		return "", err
	}
	return out.String(), nil
}

// program says how a program stands against its pin.
func program(p PluginConfig) string {
	if !p.Enabled {
		return "off"
	}
	f, err := os.Open(p.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return "missing"
	}
	if err != nil {
		return "unreadable"
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "unreadable"
	}
	switch {
	case p.Sum == "":
		return "not pinned"
	case hex.EncodeToString(sum.Sum(nil)) != p.Sum:
		return "differs from its pin"
	}
	return "as pinned"
}

// CheckFile starts everything that plugins.hcl names, as the program itself would, says what is wrong line by line, and
// stops again. No vendor is called. ok is false when something other than a warning was found.
func CheckFile(ctx context.Context, d Deps) (text string, ok bool) {
	h := New(d)
	err := h.Start(ctx)
	defer h.Stop()
	var out strings.Builder
	problems := h.Problems()
	for _, p := range problems {
		if p.Warn {
			fmt.Fprintf(&out, "%s (warning)\n", p)
		} else {
			fmt.Fprintln(&out, p)
		}
	}
	bad := slices.ContainsFunc(problems, func(p Problem) bool { return !p.Warn })
	switch {
	case errors.Is(err, ErrConfig):
		return out.String(), false
	case err != nil:
		fmt.Fprintln(&out, err)
		return out.String(), false
	}
	ready, all := 0, h.Instances("")
	for _, i := range all {
		if i.State == Ready {
			ready++
		}
	}
	fmt.Fprintf(&out, "%d plugins; %d of %d instances are ready.\n", len(h.Status()), ready, len(all))
	return out.String(), !bad
}
