package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ezscale/bursar/sdk/fault"
)

// console runs a command as a console would, on the installation in a folder.
func console(t *testing.T, dir, input string, args ...string) (string, error) {
	t.Helper()
	file := filepath.Join(dir, "bursar.hcl")
	if err := os.WriteFile(file, []byte(`data = "data"`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	r := root()
	r.SetArgs(append([]string{"--config", file}, args...))
	r.SetIn(strings.NewReader(input))
	r.SetOut(&out)
	r.SetErr(&out)
	err := r.ExecuteContext(t.Context())
	return out.String(), err
}

func TestAnInstallationFromItsFirstCommand(t *testing.T) {
	dir := t.TempDir()
	steps := []struct {
		name, input string
		args        []string
		says        string
		fails       bool
	}{
		{name: "an empty database is behind", args: []string{"migrate", "status"}, says: "version 0 of", fails: true},
		{name: "it is brought up", args: []string{"migrate", "up"}, says: "The schema is at version"},
		{name: "and is up to date", args: []string{"migrate", "status"}, says: "The schema is at version"},
		{name: "a password that is too short is refused", input: "short\n", args: []string{"setup", "--name", "Ada", "--email", "ada@example.com", "--password-stdin"}, fails: true},
		{name: "nobody answers", args: []string{"setup"}, says: "Your name: ", fails: true},
		{name: "the first administrator is asked for", input: "Ada Admin\nada@example.com\n", args: []string{"setup"}, says: "with the password "},
		{name: "once for ever", input: "Eve\neve@example.com\n", args: []string{"setup"}, fails: true},
		{name: "empty books are right", args: []string{"verify"}, says: "All is well."},
		{name: "also for programs", args: []string{"verify", "--json"}, says: `{"findings":[],"ok":true}`},
		{name: "an ID of another kind is no line", args: []string{"explain", "inv_01JD0Y9F6Z8V5M3B1N7K2T4QWX"}, fails: true},
		{name: "a line that is not there", args: []string{"explain", "lin_01JD0Y9F6Z8V5M3B1N7K2T4QWX"}, fails: true},
		{name: "a version", args: []string{"version"}, says: "bursar "},
	}
	for _, s := range steps {
		t.Run(s.name, func(t *testing.T) {
			out, err := console(t, dir, s.input, s.args...)
			if (err != nil) != s.fails || !strings.Contains(out, s.says) {
				t.Errorf("%q, %v", out, err)
			}
		})
	}
}

func TestRoutesAreListedWithoutAnInstallation(t *testing.T) {
	out, err := console(t, t.TempDir(), "", "routes", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct{ Site, Method, Path, Who string }
	if err := json.Unmarshal([]byte(out), &all); err != nil || len(all) < 50 {
		t.Fatalf("%d routes, %v", len(all), err)
	}
	for _, r := range all {
		if r.Who == "" {
			t.Errorf("nobody may ask %s %s %s", r.Site, r.Method, r.Path)
		}
	}
}

func TestTheExamplesAreRight(t *testing.T) {
	var out bytes.Buffer
	r := root()
	r.SetArgs([]string{"--config", "../../bursar.hcl.example", "plugin", "check"})
	r.SetOut(&out)
	if err := r.ExecuteContext(t.Context()); err != nil || !strings.Contains(out.String(), "5 plugins") {
		t.Errorf("%s, %v", out.String(), err)
	}
}

func TestAMistakeInTheConfigurationTellsItsLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bursar.hcl")
	if err := os.WriteFile(file, []byte("listen = \"127.0.0.1:0\"\nlissten = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"serve"}, {"verify"}, {"migrate", "up"}, {"plugin", "list"}} {
		r := root()
		r.SetArgs(append([]string{"--config", file}, args...))
		if err := r.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), "bursar.hcl:2:") {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestAnErrorBeginsWithItsSentence(t *testing.T) {
	err := fault.New(fault.Invalid, "code", "Choose a country.").Because(os.ErrNotExist)
	if got := told(err); !strings.HasPrefix(got, "Choose a country.\n") || !strings.Contains(got, os.ErrNotExist.Error()) {
		t.Error(got)
	}
}
