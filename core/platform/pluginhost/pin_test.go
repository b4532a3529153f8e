package pluginhost

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/ezscale/bursar/core/base/clock"
)

func TestPinsAreWrittenInPlace(t *testing.T) {
	here := runtime.GOOS + "_" + runtime.GOARCH
	tests := []struct{ name, before, after string }{
		{"a pin that is there is replaced",
			"# why\nplugin \"panel\" \"a\" {\n  pin   =   \"0.9.0 sha256:old\"   # from Monday\n  instance \"x\" {}\n}\n",
			"# why\nplugin \"panel\" \"a\" {\n  pin   =   \"NEW\"   # from Monday\n  instance \"x\" {}\n}\n"},
		{"a block without one gets one",
			"plugin \"panel\" \"a\" { # mine\n  instance \"x\" {}\n}\n",
			"plugin \"panel\" \"a\" {\n  pin = \"NEW\" # mine\n  instance \"x\" {}\n}\n"},
		{"a block on one line gets lines",
			"plugin \"panel\" \"a\" { enabled = true }\n",
			"plugin \"panel\" \"a\" {\n  pin = \"NEW\"\n  enabled = true\n}\n"},
		{"an empty block", "plugin \"panel\" \"a\" {}\n", "plugin \"panel\" \"a\" {\n  pin = \"NEW\"\n}\n"},
		{"the one for this machine is replaced",
			"plugin \"panel\" \"a\" {\n  pin = { plan9_mips = \"P\", " + here + " = \"old\" } # two\n}\n",
			"plugin \"panel\" \"a\" {\n  pin = { plan9_mips = \"P\", " + here + " = \"NEW\" } # two\n}\n"},
		{"a new machine joins the others on their line",
			"plugin \"panel\" \"a\" {\n  pin = { plan9_mips = \"P\" }\n}\n",
			"plugin \"panel\" \"a\" {\n  pin = { plan9_mips = \"P\", " + here + " = \"NEW\" }\n}\n"},
		{"a new machine joins the others on a line of its own",
			"plugin \"panel\" \"a\" {\n  pin = {\n    plan9_mips = \"P\" # old\n  }\n}\n",
			"plugin \"panel\" \"a\" {\n  pin = {\n    plan9_mips = \"P\"\n    " + here + " = \"NEW\" # old\n  }\n}\n"},
		{"other blocks stay", "plugin \"panel\" \"b\" {\n  pin = \"old\"\n}\n", "plugin \"panel\" \"b\" {\n  pin = \"old\"\n}\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			have, err := rewritePins([]byte(tt.before), "plugins.hcl", map[string]string{"panel/a": "NEW"})
			if err != nil || string(have) != tt.after {
				t.Errorf("%v, have\n%s\nwant\n%s", err, have, tt.after)
			}
		})
	}
}

func TestPinnedProgramsStartAndTheCommandsSayHowTheyStand(t *testing.T) {
	at := newSite(t, "a", "b")
	comment := "# Sold since 2026.\n"
	at.config(comment + `
plugin "panel" "a" {
  instance "x" { settings = { url = "https://x.example.com", token = env("TOKEN") } }
}
plugin "panel" "b" {
  pin = "0.9.0 sha256:` + strings.Repeat("0", 64) + `"
  instance "y" { settings = { url = "https://y.example.com", token = env("TOKEN") } }
}
plugin "panel" "c" { enabled = false }
`)
	d := at.deps(nil, clock.System{})
	if text, ok := CheckFile(t.Context(), d); ok || !strings.Contains(text, "plugins.hcl:3: panel \"a\": there is no pin") || !strings.Contains(text, "checksum differs") ||
		!strings.Contains(text, "3 plugins; 0 of 2 instances are ready.") {
		t.Errorf("before: %v\n%s", ok, text)
	}
	report, err := Pin(t.Context(), d)
	if err != nil || !strings.Contains(report, `panel "a": pinned 1.0.0 sha256:`) || !strings.Contains(report, "(was 0.9.0 sha256:000000000000…)") {
		t.Fatalf("%v\n%s", err, report)
	}
	if text, ok := CheckFile(t.Context(), d); !ok || text != "3 plugins; 2 of 2 instances are ready.\n" {
		t.Errorf("after: %v\n%s", ok, text)
	}
	written, err := os.ReadFile(at.file)
	if err != nil || !strings.HasPrefix(string(written), comment) {
		t.Errorf("%v, the file is now\n%s", err, written)
	}
	at.write("panel-b", []byte("another program"))
	table, err := List(d)
	if err != nil {
		t.Fatal(err)
	}
	want := "TYPE   NAME  VERSION  PROGRAM               INSTANCES\n" +
		"panel  a     1.0.0    as pinned             x\n" +
		"panel  b     1.0.0    differs from its pin  y\n" +
		"panel  c     -        off                   \n"
	if table != want {
		t.Errorf("table\n%s\nwant\n%s", table, want)
	}
	if report, err := Pin(t.Context(), d, "panel/b", "a", "nobody"); err == nil || !strings.Contains(err.Error(), `there is no plugin "nobody"`) ||
		!strings.Contains(err.Error(), `panel "b": the program cannot be started`) || !strings.Contains(report, "(as before)") {
		t.Errorf("%v\n%s", err, report)
	}
	if left, _ := filepath.Glob(filepath.Join(at.dir, ".plugins-*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}
