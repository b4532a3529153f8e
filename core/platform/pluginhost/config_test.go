package pluginhost

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func read(t *testing.T, text string, env map[string]string) (Config, []string, bool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plugins.hcl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "key"), []byte("from the file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, problems, ok := ReadConfig(path, func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	var lines []string
	for _, p := range problems {
		lines = append(lines, p.String())
	}
	return c, lines, ok
}

const sum = "9f2c4f0d7f0e4b7f8ea3f8ea0d7f0e4b7f8ea3f8ea9f2c4f0d7f0e4b7f8ea3f8"

func TestReadConfigReadsTheWholeGrammar(t *testing.T) {
	c, problems, ok := read(t, `
directory = "programs"
defaults {
  strict = true
  files  = 64
}
plugin "panel" "virtfusion" {
  pin      = { linux_amd64 = "1.4.0 sha256:`+sum+`", linux_arm64 = "1.4.0 sha256:`+sum+`" }
  settings = { timeout = "45s" }
  memory   = 512
  instance "london" {
    title    = "London"
    settings = { url = "https://vf", token = env("VF"), port = 8443, tls = true, list = ["a", 2], pairs = { b = "2", a = "1" } }
    network  = ["10.20.0.5:8443"]
  }
  instance "paris" {
    enabled  = false
    settings = { token = file("key") }
  }
}`, map[string]string{"VF": "secret"})
	if !ok || len(problems) > 0 {
		t.Fatalf("ok %v, problems %q", ok, problems)
	}
	if want := filepath.Join(filepath.Dir(c.File), "programs"); c.Dir != want {
		t.Errorf("directory %s, want %s", c.Dir, want)
	}
	p := c.Plugins[0]
	if p.Version != "1.4.0" || p.Sum != sum || p.Path != filepath.Join(c.Dir, "panel-virtfusion") || !p.Enabled {
		t.Errorf("plugin %+v", p)
	}
	if p.Limits != (Limits{Memory: 512, Files: 64, Strict: true}) {
		t.Errorf("limits %+v", p.Limits)
	}
	london, paris := p.Instances[0], p.Instances[1]
	want := map[string][]string{"url": {"https://vf"}, "token": {"secret"}, "port": {"8443"}, "tls": {"true"}, "list": {"a", "2"}, "pairs": {"a=1", "b=2"}}
	for _, s := range london.Settings {
		if !slices.Equal(s.Values, want[s.Name]) {
			t.Errorf("%s = %q, want %q", s.Name, s.Values, want[s.Name])
		}
		if s.Literal == (s.Name == "token") {
			t.Errorf("%s: literal %v", s.Name, s.Literal)
		}
	}
	if london.Title != "London" || !slices.Equal(london.Network, []string{"10.20.0.5:8443"}) {
		t.Errorf("london %+v", london)
	}
	if paris.Enabled || paris.Settings[0].Values[0] != "from the file" {
		t.Errorf("paris %+v", paris)
	}
}

func TestReadConfigSaysWhereAndWhatToDo(t *testing.T) {
	pin := `pin = "1.0.0 sha256:` + sum + `"`
	tests := []struct{ name, text, want string }{
		{"a variable that is not set", "plugin \"panel\" \"vf\" {\n" + pin + "\ninstance \"london\" {\nsettings = { token = env(\"NOPE\") }\n}\n}",
			`plugins.hcl:4: panel "vf", instance "london": token: the environment variable NOPE is not set.`},
		{"a file that is missing", "plugin \"panel\" \"vf\" {\n" + pin + "\ninstance \"a\" {\nsettings = { token = file(\"nope\") }\n}\n}",
			`plugins.hcl:4: panel "vf", instance "a": token: the file nope does not exist.`},
		{"a type that is misspelt", `plugin "panle" "vf" { ` + pin + ` }`, `plugins.hcl:1: panle "vf": "panle" is no type of plugin. Did you mean "panel"?`},
		{"an attribute that is misspelt", "plugin \"panel\" \"vf\" {\n" + pin + "\nenabeld = false\n}", `plugins.hcl:3: panel "vf": "enabeld" is not known here. Did you mean "enabled"?`},
		{"a pin that is none", "plugin \"panel\" \"vf\" {\npin = \"1.0.0\"\n}", "plugins.hcl:2: panel \"vf\": a pin reads \"1.4.0 sha256:\" and 64 hex digits: run `bursar plugin pin`."},
		{"no pin at all", `plugin "panel" "vf" { }`, "plugins.hcl:1: panel \"vf\": there is no pin, so it is not started: run `bursar plugin pin`."},
		{"a label used twice", "plugin \"panel\" \"vf\" {\n" + pin + "\ninstance \"a\" { }\ninstance \"a\" { }\n}", `plugins.hcl:4: panel "vf", instance "a": the label is taken by the instance in line 3; choose another.`},
		{"a plugin written twice", "plugin \"panel\" \"vf\" {\n" + pin + "\n}\nplugin \"panel\" \"vf\" {\n" + pin + "\n}", `plugins.hcl:4: panel "vf": it is there already, in line 1; move what is in here to there.`},
		{"a name that is a path", `plugin "panel" "../../bin/sh" { ` + pin + ` }`, `plugins.hcl:1: panel "../../bin/sh": a plugin's name is 1 to 30 of a-z, 0-9 and -.`},
		{"a program outside the folder", "plugin \"panel\" \"vf\" {\n" + pin + "\npath = \"../../bin/sh\"\n}", `is outside the plugin directory`},
		{"a limit that is no number", "plugin \"panel\" \"vf\" {\n" + pin + "\nmemory = \"much\"\n}", `plugins.hcl:3: panel "vf": memory wants a whole number from 16: MB of memory, files open at once.`},
		{"a network without a port", "plugin \"panel\" \"vf\" {\n" + pin + "\nnetwork = [\"10.0.0.1\"]\n}", `plugins.hcl:3: panel "vf": network: "10.0.0.1" is no host and port, such as 10.20.0.5:8443.`},
		{"a word without quotes", "plugin \"panel\" \"vf\" {\n" + pin + "\ninstance \"a\" {\nsettings = { url = london }\n}\n}", `plugins.hcl:4: panel "vf", instance "a": url: a text wants quotes.`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems, ok := read(t, tt.text, nil)
			if !ok || len(problems) != 1 || !strings.Contains(problems[0], tt.want) {
				t.Errorf("ok %v, problems\n  have %q\n  want %q", ok, problems, tt.want)
			}
		})
	}
	t.Run("a file that is not HCL is not used at all", func(t *testing.T) {
		_, problems, ok := read(t, "plugin \"panel\" {{\n", nil)
		if ok || len(problems) == 0 || !strings.HasPrefix(problems[0], "plugins.hcl:1: ") {
			t.Errorf("ok %v, problems %q", ok, problems)
		}
	})
	t.Run("what is left out whole is a problem of the file, so that it is shown", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "plugins.hcl")
		if err := os.WriteFile(file, []byte("plugin \"panle\" \"vf\" { }\nplugin \"panel\" \"v f\" { }"), 0o600); err != nil {
			t.Fatal(err)
		}
		c, problems, ok := ReadConfig(file, os.LookupEnv)
		if !ok || len(c.Plugins) != 0 || len(problems) != 2 || problems[0].Plug != "" || problems[1].Plug != "" {
			t.Errorf("ok %v, %+v", ok, problems)
		}
	})
	t.Run("all problems are told, in the order of the file", func(t *testing.T) {
		_, problems, _ := read(t, "plugin \"panel\" \"vf\" {\nx = 1\n}\nplugin \"gateway\" \"s\" {\ny = 2\n}", nil)
		if len(problems) != 4 || !strings.HasPrefix(problems[3], "plugins.hcl:5") {
			t.Errorf("problems %q", problems)
		}
	})
}
