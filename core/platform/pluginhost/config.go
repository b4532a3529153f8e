package pluginhost

import (
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Config is plugins.hcl, read and checked as far as that is possible without starting anything.
type Config struct {
	File    string
	Dir     string // absolute folder of the programs
	Plugins []PluginConfig
}

// PluginConfig is one plugin block.
type PluginConfig struct {
	Type, Name string
	Line       int
	Version    string // of the pin for this machine; "" without a pin
	Sum        string // SHA-256 in hex; "" without a pin
	PinLine    int
	Path       string // absolute path of the program
	Enabled    bool
	Settings   []Setting // plugin scope
	Network    []string
	Hears      []string
	Limits     Limits
	Instances  []InstanceConfig
}

// Limits are what a program may use.
type Limits struct {
	Memory int64 // MB of data
	Files  int64 // open at once
	Strict bool  // without a sandbox it is not started
}

// usualLimits are those of a file that says nothing.
var usualLimits = Limits{Memory: 1024, Files: 256}

// InstanceConfig is one instance block. Label is its name for ever.
type InstanceConfig struct {
	Label, Title string
	Line         int
	Enabled      bool
	Settings     []Setting
	Network      []string
}

// Setting is one value of a settings object.
type Setting struct {
	Name    string
	Values  []string // canonical text, as form.Values holds it
	Line    int
	Literal bool // written in the file, not taken from env() or file()
}

// Problem is one thing that is wrong with the file, and where.
type Problem struct {
	File  string
	Line  int
	Where string // panel "virtfusion", instance "london"; "" for the file itself
	Text  string // what is wrong and what to do
	Label string // instance that is off because of it; "" when the whole plugin or file is
	Plug  string // "panel/virtfusion"; "" when the file cannot be used
	Warn  bool   // only a warning
}

// String is "plugins.hcl:6: panel "virtfusion", instance "london": token: …".
func (p Problem) String() string {
	where := ""
	if p.Where != "" {
		where = p.Where + ": "
	}
	return fmt.Sprintf("%s:%d: %s%s", filepath.Base(p.File), p.Line, where, p.Text)
}

var (
	labelForm = regexp.MustCompile(`^[a-z0-9-]{1,30}$`)
	pinForm   = regexp.MustCompile(`^(\S+) sha256:([0-9a-f]{64})$`)
)

// ReadConfig reads plugins.hcl. All problems are answered, not only the first. ok is false when the
// file as a whole cannot be used: a bad block only leaves itself out.
func ReadConfig(path string, getenv func(string) (string, bool)) (c Config, problems []Problem, ok bool) {
	r := &reader{file: path, dir: filepath.Dir(path), getenv: getenv, blocks: map[string]int{}}
	text, err := os.ReadFile(path)
	if err != nil {
		r.problem(1, "", fmt.Sprintf("the file cannot be read: %v. Set its path with --plugins, or write one.", err))
		return Config{}, r.problems, false
	}
	parsed, diags := hclsyntax.ParseConfig(text, path, hcl.InitialPos)
	if diags.HasErrors() {
		r.diagnose(diags)
		return Config{}, r.problems, false
	}
	c = Config{File: path, Dir: filepath.Join(r.dir, "plugins")}
	body := parsed.Body.(*hclsyntax.Body)
	for name, attr := range body.Attributes {
		switch name {
		case "directory":
			if dir, ok := r.text(attr.Expr, "directory"); ok {
				c.Dir = resolve(r.dir, dir)
			}
		default:
			r.problem(attr.SrcRange.Start.Line, "", fmt.Sprintf("%q is not known here.%s", name, hint(name, "directory", "defaults", "plugin")))
		}
	}
	taken, limits := map[string]int{}, usualLimits
	for _, block := range body.Blocks {
		if block.Type == "defaults" {
			r.known(block.Body, "defaults", "memory", "files", "processes", "strict")
			limits = r.limits(block.Body, "defaults", limits)
		}
	}
	for _, block := range body.Blocks {
		switch block.Type {
		case "defaults":
		case "plugin":
			if p, ok := r.plugin(block, c.Dir, taken, limits); ok {
				c.Plugins = append(c.Plugins, p)
			}
		default:
			r.problem(block.TypeRange.Start.Line, "", fmt.Sprintf("there is no block %q.%s", block.Type, hint(block.Type, "defaults", "plugin")))
		}
	}
	slices.SortFunc(r.problems, func(a, b Problem) int { return a.Line - b.Line })
	return c, r.problems, true
}

// reader collects what is wrong while it reads.
type reader struct {
	file, dir string
	getenv    func(string) (string, bool)
	problems  []Problem
	blocks    map[string]int // line of the plugin block, by type/name
	plug      string
	label     string
}

func (r *reader) problem(line int, where, text string) {
	r.problems = append(r.problems, Problem{File: r.file, Line: line, Where: where, Text: text, Plug: r.plug, Label: r.label})
}

func (r *reader) diagnose(diags hcl.Diagnostics) {
	for _, d := range diags {
		line := 1
		if d.Subject != nil {
			line = d.Subject.Start.Line
		}
		r.problem(line, "", strings.TrimSuffix(d.Summary, ".")+": "+d.Detail)
	}
}

// Types are the folders of plugins/.
var Types = []string{"gateway", "helpdesk", "notifier", "panel", "tax", "traffic"}

func (r *reader) plugin(block *hclsyntax.Block, dir string, taken map[string]int, limits Limits) (PluginConfig, bool) {
	line := block.TypeRange.Start.Line
	if len(block.Labels) != 2 {
		r.problem(line, "", `a plugin block has a type and a name: plugin "panel" "virtfusion" { … }.`)
		return PluginConfig{}, false
	}
	p := PluginConfig{Type: block.Labels[0], Name: block.Labels[1], Line: line, PinLine: line, Enabled: true}
	where := fmt.Sprintf("%s %q", p.Type, p.Name)
	// What is left out whole is a problem of the file: there is no plugin that could show it.
	if !slices.Contains(Types, p.Type) {
		r.problem(line, where, fmt.Sprintf("%q is no type of plugin.%s", p.Type, hint(p.Type, Types...)))
		return PluginConfig{}, false
	}
	if !labelForm.MatchString(p.Name) {
		r.problem(line, where, "a plugin's name is 1 to 30 of a-z, 0-9 and -.")
		return PluginConfig{}, false
	}
	if first, twice := r.blocks[p.Type+"/"+p.Name]; twice {
		r.problem(line, where, fmt.Sprintf("it is there already, in line %d; move what is in here to there.", first))
		return PluginConfig{}, false
	}
	r.blocks[p.Type+"/"+p.Name] = line
	r.plug, r.label = p.Type+"/"+p.Name, ""
	defer func() { r.plug, r.label = "", "" }()
	p.Path = filepath.Join(dir, p.Type+"-"+p.Name)
	r.known(block.Body, where, "pin", "path", "enabled", "settings", "network", "hears", "memory", "files", "processes", "strict", "instance")
	p.Limits = r.limits(block.Body, where, limits)
	attrs := block.Body.Attributes
	if a, ok := attrs["path"]; ok {
		if path, ok := r.text(a.Expr, where); ok {
			p.Path = resolve(dir, path)
			if rel, err := filepath.Rel(dir, p.Path); err != nil || strings.HasPrefix(rel, "..") {
				r.problem(a.SrcRange.Start.Line, where, fmt.Sprintf("the path %s is outside the plugin directory %s; move the program there.", path, dir))
			}
		}
	}
	if a, ok := attrs["enabled"]; ok {
		p.Enabled = r.flag(a.Expr, where)
	}
	if a, ok := attrs["pin"]; ok {
		p.PinLine = a.SrcRange.Start.Line
		p.Version, p.Sum = r.pin(a.Expr, where)
	} else if p.Enabled {
		r.problem(line, where, "there is no pin, so it is not started: run `bursar plugin pin`.")
	}
	p.Settings, p.Network, p.Hears = r.settings(attrs["settings"], where), r.network(attrs["network"], where), r.list(attrs["hears"], where)
	for _, inner := range block.Body.Blocks {
		if inner.Type != "instance" {
			r.problem(inner.TypeRange.Start.Line, where, fmt.Sprintf("there is no block %q.%s", inner.Type, hint(inner.Type, "instance")))
			continue
		}
		if i, ok := r.instance(inner, where, taken); ok {
			p.Instances = append(p.Instances, i)
		}
	}
	return p, true
}

func (r *reader) instance(block *hclsyntax.Block, where string, taken map[string]int) (InstanceConfig, bool) {
	line := block.TypeRange.Start.Line
	if len(block.Labels) != 1 || !labelForm.MatchString(block.Labels[0]) {
		r.problem(line, where, `an instance has one label of 1 to 30 of a-z, 0-9 and -: instance "london" { … }.`)
		return InstanceConfig{}, false
	}
	i := InstanceConfig{Label: block.Labels[0], Title: block.Labels[0], Line: line, Enabled: true}
	where = fmt.Sprintf("%s, instance %q", where, i.Label)
	if first, twice := taken[i.Label]; twice {
		r.problem(line, where, fmt.Sprintf("the label is taken by the instance in line %d; choose another.", first))
		return InstanceConfig{}, false
	}
	taken[i.Label] = line
	r.label = i.Label
	defer func() { r.label = "" }()
	r.known(block.Body, where, "title", "enabled", "settings", "network")
	attrs := block.Body.Attributes
	if a, ok := attrs["title"]; ok {
		if title, ok := r.text(a.Expr, where); ok {
			i.Title = title
		}
	}
	if a, ok := attrs["enabled"]; ok {
		i.Enabled = r.flag(a.Expr, where)
	}
	i.Settings, i.Network = r.settings(attrs["settings"], where), r.network(attrs["network"], where)
	return i, true
}

// known reports attributes and blocks that are not among the names.
func (r *reader) known(body *hclsyntax.Body, where string, names ...string) {
	for name, attr := range body.Attributes {
		if !slices.Contains(names, name) || name == "instance" {
			r.problem(attr.SrcRange.Start.Line, where, fmt.Sprintf("%q is not known here.%s", name, hint(name, names...)))
		}
	}
}

// pin reads "VERSION sha256:HEX", or the one for this machine of an object of them.
func (r *reader) pin(expr hclsyntax.Expression, where string) (version, sum string) {
	line := expr.Range().Start.Line
	v, diags := expr.Value(nil)
	if diags.HasErrors() {
		r.diagnose(diags)
		return "", ""
	}
	platform := runtime.GOOS + "_" + runtime.GOARCH
	if v.Type().IsObjectType() {
		if !v.Type().HasAttribute(platform) {
			r.problem(line, where, fmt.Sprintf("there is no pin for %s: run `bursar plugin pin` on such a machine.", platform))
			return "", ""
		}
		v = v.GetAttr(platform)
	}
	if v.Type() == cty.String && !v.IsNull() {
		if m := pinForm.FindStringSubmatch(v.AsString()); m != nil {
			return m[1], m[2]
		}
	}
	r.problem(line, where, `a pin reads "1.4.0 sha256:" and 64 hex digits: run `+"`bursar plugin pin`.")
	return "", ""
}

func (r *reader) text(expr hclsyntax.Expression, where string) (string, bool) {
	v, diags := expr.Value(nil)
	if diags.HasErrors() || v.IsNull() || v.Type() != cty.String {
		r.problem(expr.Range().Start.Line, where, "this wants a text in quotes.")
		return "", false
	}
	return v.AsString(), true
}

func (r *reader) flag(expr hclsyntax.Expression, where string) bool {
	v, diags := expr.Value(nil)
	if diags.HasErrors() || v.IsNull() || v.Type() != cty.Bool {
		r.problem(expr.Range().Start.Line, where, "this wants true or false.")
		return false
	}
	return v.True()
}

// limits reads those of a block over the ones it begins with.
func (r *reader) limits(body *hclsyntax.Body, where string, l Limits) Limits {
	attrs := body.Attributes
	for name, to := range map[string]*int64{"memory": &l.Memory, "files": &l.Files} {
		a, ok := attrs[name]
		if !ok {
			continue
		}
		v, diags := a.Expr.Value(nil)
		if n, exact := number(v); !diags.HasErrors() && exact && n >= 16 && n <= 1<<20 {
			*to = n
			continue
		}
		r.problem(a.SrcRange.Start.Line, where, name+" wants a whole number from 16: MB of memory, files open at once.")
	}
	if a, ok := attrs["strict"]; ok {
		l.Strict = r.flag(a.Expr, where)
	}
	if a, ok := attrs["processes"]; ok {
		r.problem(a.SrcRange.Start.Line, where, "processes is not limited by this version: limit it for the service's user, or leave it out.")
		r.problems[len(r.problems)-1].Warn = true
	}
	return l
}

func number(v cty.Value) (n int64, exact bool) {
	if v.IsNull() || v.Type() != cty.Number {
		return 0, false
	}
	n, accuracy := v.AsBigFloat().Int64()
	return n, accuracy == big.Exact
}

func (r *reader) network(attr *hclsyntax.Attribute, where string) []string {
	list := r.list(attr, where)
	for _, target := range list {
		if host, port, err := net.SplitHostPort(target); err != nil || host == "" || port == "" {
			r.problem(attr.SrcRange.Start.Line, where, fmt.Sprintf("network: %q is no host and port, such as 10.20.0.5:8443.", target))
		}
	}
	return list
}

func (r *reader) list(attr *hclsyntax.Attribute, where string) (out []string) {
	if attr == nil {
		return nil
	}
	v, diags := attr.Expr.Value(nil)
	if diags.HasErrors() || v.IsNull() || !(v.Type().IsTupleType() || v.Type().IsListType()) {
		r.problem(attr.SrcRange.Start.Line, where, attr.Name+` wants a list of texts: ["10.20.0.5:8443"].`)
		return nil
	}
	for _, item := range v.AsValueSlice() {
		if item.IsNull() || item.Type() != cty.String {
			r.problem(attr.SrcRange.Start.Line, where, attr.Name+` wants a list of texts: ["10.20.0.5:8443"].`)
			return nil
		}
		out = append(out, item.AsString())
	}
	return out
}

// resolve makes a path of the file absolute; relative ones are beside it.
func resolve(dir, path string) string {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
