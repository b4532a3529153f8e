package app

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/ezscale/bursar/sdk/secret"
)

// Config is what the machine needs. What the business decides is in settings.
type Config struct {
	Listen      string   // host:port
	Data        string   // folder of the database file, the master key and the plugins' work
	Database    string   // DSN; "" is SQLite in Data
	Plugins     string   // path of plugins.hcl
	Environment string   // production, or test: the clock can be moved then
	Storefront  string   // base URL of each site, without a slash at the end
	Portal      string   //
	Admin       string   //
	Proxies     []string // networks whose X-Forwarded-For is believed
	LogLevel    string   // debug, info, warn, error
	SMTP        SMTP
}

// SMTP is the mail server of the built-in mailer. An empty Host: there is none.
type SMTP struct {
	Host     string
	Port     int
	User     string
	Password secret.Value
	TLS      string // always, try or never
}

// The environments.
const (
	Production = "production"
	Test       = "test"
)

// file is bursar.hcl.
type file struct {
	Listen      *string    `hcl:"listen,optional"`
	Data        *string    `hcl:"data,optional"`
	Database    *string    `hcl:"database,optional"`
	Plugins     *string    `hcl:"plugins,optional"`
	Environment *string    `hcl:"environment,optional"`
	Proxies     *[]string  `hcl:"trusted_proxies,optional"`
	LogLevel    *string    `hcl:"log_level,optional"`
	Sites       *fileSites `hcl:"sites,block"`
	SMTP        *fileSMTP  `hcl:"smtp,block"`
}

type fileSites struct {
	Storefront string `hcl:"storefront"`
	Portal     string `hcl:"portal"`
	Admin      string `hcl:"admin"`
}

type fileSMTP struct {
	Host     string `hcl:"host"`
	Port     int    `hcl:"port,optional"`
	User     string `hcl:"user,optional"`
	Password string `hcl:"password,optional"`
	TLS      string `hcl:"tls,optional"`
}

// Default is the configuration of a program that was given none: SQLite, three sites on one port of this machine.
func Default() Config {
	return Config{
		Listen: "127.0.0.1:8080", Data: "data", Plugins: "plugins.hcl", Environment: Production, LogLevel: "info",
		Storefront: "http://localhost:8080", Portal: "http://account.localhost:8080", Admin: "http://admin.localhost:8080",
	}
}

// Load reads bursar.hcl over the defaults. A path of "" reads nothing. All errors are told, each with file and line.
func Load(path string, getenv func(string) (string, bool)) (Config, error) {
	c := Default()
	if path == "" {
		return c, c.Check()
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return c, fmt.Errorf("%s cannot be read: %w", path, err)
	}
	parsed, diags := hclsyntax.ParseConfig(text, path, hcl.InitialPos)
	if diags.HasErrors() {
		return c, told(diags)
	}
	var f file
	scope := &hcl.EvalContext{Functions: map[string]function.Function{"env": envFunction(getenv), "file": fileFunction(filepath.Dir(path))}}
	if diags := gohcl.DecodeBody(parsed.Body, scope, &f); diags.HasErrors() {
		return c, told(diags)
	}
	f.over(&c, filepath.Dir(path))
	if err := c.Check(); err != nil {
		return c, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return c, nil
}

// over writes what the file says over the defaults. Relative paths are beside the file.
func (f *file) over(c *Config, dir string) {
	set := func(to *string, from *string) {
		if from != nil {
			*to = *from
		}
	}
	set(&c.Listen, f.Listen)
	set(&c.Data, f.Data)
	set(&c.Database, f.Database)
	set(&c.Plugins, f.Plugins)
	set(&c.Environment, f.Environment)
	set(&c.LogLevel, f.LogLevel)
	if f.Proxies != nil {
		c.Proxies = *f.Proxies
	}
	if s := f.Sites; s != nil {
		c.Storefront, c.Portal, c.Admin = strings.TrimSuffix(s.Storefront, "/"), strings.TrimSuffix(s.Portal, "/"), strings.TrimSuffix(s.Admin, "/")
	}
	if m := f.SMTP; m != nil {
		c.SMTP = SMTP{Host: m.Host, Port: m.Port, User: m.User, Password: secret.New(m.Password), TLS: m.TLS}
		if c.SMTP.Port == 0 {
			c.SMTP.Port = 587
		}
	}
	for _, path := range []*string{&c.Data, &c.Plugins} {
		if !filepath.IsAbs(*path) {
			*path = filepath.Join(dir, *path)
		}
	}
}

// Check says everything that is wrong.
func (c Config) Check() error {
	var out []error
	bad := func(format string, args ...any) { out = append(out, fmt.Errorf(format, args...)) }
	if !strings.Contains(c.Listen, ":") {
		bad(`listen is %q: write an address and a port, such as "127.0.0.1:8080"`, c.Listen)
	}
	if c.Environment != Production && c.Environment != Test {
		bad(`environment is %q: write "production" or "test"`, c.Environment)
	}
	if c.Database != "" && !strings.HasPrefix(c.Database, "sqlite:") && !strings.HasPrefix(c.Database, "mysql://") {
		bad(`database starts with neither "sqlite:" nor "mysql://"`)
	}
	hosts := map[string]string{}
	for _, site := range [][2]string{{"storefront", c.Storefront}, {"portal", c.Portal}, {"admin", c.Admin}} {
		u, err := url.Parse(site[1])
		switch {
		case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.Path != "":
			bad(`sites: %s is %q: write an address without a path, such as "https://account.example.com"`, site[0], site[1])
		case hosts[u.Host] != "":
			bad("sites: %s and %s have the same host %q", hosts[u.Host], site[0], u.Host)
		default:
			hosts[u.Host] = site[0]
		}
	}
	for _, p := range c.Proxies {
		if _, err := netip.ParsePrefix(p); err != nil {
			bad(`trusted_proxies: %q is no network such as "10.0.0.0/8"`, p)
		}
	}
	switch c.LogLevel {
	case "debug", "info", "warn", "error":
	default:
		bad(`log_level is %q: write "debug", "info", "warn" or "error"`, c.LogLevel)
	}
	switch c.SMTP.TLS {
	case "", "always", "try", "never":
	default:
		bad(`smtp: tls is %q: write "always", "try" or "never"`, c.SMTP.TLS)
	}
	return errors.Join(out...)
}

// DSN is where the database is.
func (c Config) DSN() string {
	if c.Database != "" {
		return c.Database
	}
	return "sqlite:" + filepath.Join(c.Data, "bursar.db")
}

// Secure says whether browsers come by TLS.
func (c Config) Secure() bool { return strings.HasPrefix(c.Portal, "https:") }

// told makes one error of diagnostics, each with file and line.
func told(diags hcl.Diagnostics) error {
	var out []error
	for _, d := range diags {
		line := 1
		name := ""
		if d.Subject != nil {
			line, name = d.Subject.Start.Line, filepath.Base(d.Subject.Filename)
		}
		out = append(out, fmt.Errorf("%s:%d: %s: %s", name, line, strings.TrimSuffix(d.Summary, "."), d.Detail))
	}
	return errors.Join(out...)
}

// envFunction is env("NAME"): an environment variable that must be set.
func envFunction(getenv func(string) (string, bool)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "name", Type: cty.String}}, Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, ok := getenv(args[0].AsString())
			if !ok {
				return cty.NilVal, fmt.Errorf("the environment variable %s is not set", args[0].AsString())
			}
			return cty.StringVal(v), nil
		},
	})
}

// fileFunction is file("PATH"): the content of a file, without the line end.
func fileFunction(dir string) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}}, Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			path := args[0].AsString()
			if !filepath.IsAbs(path) {
				path = filepath.Join(dir, path)
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return cty.NilVal, fmt.Errorf("the file %s cannot be read: %w", path, err)
			}
			return cty.StringVal(strings.TrimRight(string(text), "\r\n")), nil
		},
	})
}
