package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/ezscale/bursar/sdk/host"
)

// Pin writes into plugins.hcl the version and checksum of the programs that are there now, for this kind of machine, and
// answers a line for each. Everything else in the file stays as it is. names are "panel/virtfusion" or "virtfusion"; none
// is all that are enabled. A program is started once, to say its version: pin only what you trust. Of d it uses Config,
// Dir and Getenv.
//
// Errors: ErrConfig; what is wrong with single programs, joined, the others being pinned.
func Pin(ctx context.Context, d Deps, names ...string) (string, error) {
	config, problems, ok := ReadConfig(d.Config, d.Getenv)
	if !ok {
		return "", ErrConfig.Because(errors.New(strings.Join(lines(problems), "\n")))
	}
	text, err := os.ReadFile(d.Config)
	if err != nil {
		return "", err
	}
	run, err := openRunDir(d.Dir)
	if err != nil {
		return "", err
	}
	defer run.close()
	var report []string
	var failed []error
	wanted := map[string]string{}
	for _, name := range names {
		if !slices.ContainsFunc(config.Plugins, func(p PluginConfig) bool { return named(p, name) }) {
			failed = append(failed, fmt.Errorf("%s: there is no plugin %q in the file", filepath.Base(d.Config), name))
		}
	}
	for _, p := range config.Plugins {
		if len(names) == 0 && !p.Enabled || len(names) > 0 && !slices.ContainsFunc(names, func(name string) bool { return named(p, name) }) {
			continue
		}
		pin, err := run.pinOf(ctx, p)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s:%d: %s %q: %w", filepath.Base(d.Config), p.Line, p.Type, p.Name, err))
			continue
		}
		wanted[p.Type+"/"+p.Name] = pin
		line := fmt.Sprintf("%s %q: pinned %s", p.Type, p.Name, pin)
		if old := p.Version + " sha256:" + p.Sum; p.Sum != "" && old != pin {
			line += " (was " + p.Version + " sha256:" + short(p.Sum) + ")"
		} else if old == pin {
			line += " (as before)"
		}
		report = append(report, line)
	}
	next, err := rewritePins(text, d.Config, wanted)
	if err == nil && string(next) != string(text) {
		err = replaceFile(d.Config, next)
	}
	return strings.Join(append(report, ""), "\n"), errors.Join(append(failed, err)...)
}

func named(p PluginConfig, name string) bool { return name == p.Name || name == p.Type+"/"+p.Name }

// pinOf is the pin of a program as it is now.
func (r *runDir) pinOf(ctx context.Context, p PluginConfig) (string, error) {
	path, sum, err := r.install(p.Path, p.Type+"-"+p.Name)
	if err != nil {
		return "", fmt.Errorf("the program cannot be read: %w", err)
	}
	work, err := r.work(p.Type + "-" + p.Name)
	if err != nil {
		return "", err
	}
	process, err := host.Start(ctx, host.Program{Name: p.Type + "/" + p.Name, Path: path, Dir: work, Sockets: r.sockets, Memory: usualLimits.Memory << 20, Files: usualLimits.Files})
	if err != nil {
		return "", err
	}
	defer process.Kill()
	d, err := host.Describe(ctx, process.Conn())
	if err != nil {
		return "", err
	}
	if d.Type != p.Type || d.Name != p.Name {
		return "", fmt.Errorf("the program says that it is %s %q", d.Type, d.Name)
	}
	return d.Version + " sha256:" + sum, nil
}

// edit replaces bytes of the file.
type edit struct {
	from, to int
	text     string
}

// rewritePins puts pins into the text of the file, by "type/name".
func rewritePins(text []byte, file string, pins map[string]string) ([]byte, error) {
	parsed, diags := hclsyntax.ParseConfig(text, file, hcl.InitialPos)
	if diags.HasErrors() {
		return nil, diags
	}
	var edits []edit
	for _, block := range parsed.Body.(*hclsyntax.Body).Blocks {
		if block.Type != "plugin" || len(block.Labels) != 2 {
			continue
		}
		if pin, ok := pins[block.Labels[0]+"/"+block.Labels[1]]; ok {
			edits = append(edits, pinEdit(text, block, strconv.Quote(pin)))
		}
	}
	slices.SortFunc(edits, func(a, b edit) int { return b.from - a.from })
	out := string(text)
	for _, e := range edits {
		out = out[:e.from] + e.text + out[e.to:]
	}
	if _, diags := hclsyntax.ParseConfig([]byte(out), file, hcl.InitialPos); diags.HasErrors() {
		return nil, fmt.Errorf("the pins do not fit into the file, which is left alone: %w", diags)
	}
	return []byte(out), nil
}

func pinEdit(text []byte, block *hclsyntax.Block, pin string) edit {
	platform := runtime.GOOS + "_" + runtime.GOARCH
	attr, ok := block.Body.Attributes["pin"]
	if !ok {
		open, shut := block.OpenBraceRange.End, block.CloseBraceRange.Start
		indent := "\n" + strings.Repeat(" ", block.TypeRange.Start.Column-1)
		if open.Line != shut.Line {
			return edit{open.Byte, open.Byte, indent + "  pin = " + pin}
		}
		inside := strings.TrimSpace(string(text[open.Byte:shut.Byte]))
		if inside != "" {
			inside = indent + "  " + inside
		}
		return edit{open.Byte, shut.Byte, indent + "  pin = " + pin + inside + indent}
	}
	object, ok := attr.Expr.(*hclsyntax.ObjectConsExpr)
	whole := attr.Expr.Range()
	switch {
	case !ok:
		return edit{whole.Start.Byte, whole.End.Byte, pin}
	case len(object.Items) == 0:
		return edit{whole.Start.Byte, whole.End.Byte, "{ " + platform + " = " + pin + " }"}
	}
	for _, item := range object.Items {
		if key, diags := item.KeyExpr.Value(nil); !diags.HasErrors() && key.AsString() == platform {
			at := item.ValueExpr.Range()
			return edit{at.Start.Byte, at.End.Byte, pin}
		}
	}
	last := object.Items[len(object.Items)-1]
	end, key := last.ValueExpr.Range().End, last.KeyExpr.Range().Start
	before := ", "
	if whole.Start.Line != whole.End.Line {
		before = "\n" + strings.Repeat(" ", key.Column-1)
	}
	return edit{end.Byte, end.Byte, before + platform + " = " + pin}
}

// replaceFile writes the whole file or nothing.
func replaceFile(path string, text []byte) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(path), ".plugins-*")
	if err != nil {
		return err
	}
	_, err = next.Write(text)
	err = errors.Join(err, next.Chmod(info.Mode().Perm()), next.Sync(), next.Close())
	if err == nil {
		err = os.Rename(next.Name(), path)
	}
	if err != nil {
		_ = os.Remove(next.Name())
	}
	return err
}
