package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/ezscale/bursar/core/app"
)

// readyFile is there while the demo answers.
const readyFile = "demo.json"

// told is demo.json: all that a test needs to begin. It has passwords and tokens, so it is for its owner's eyes.
type told struct {
	Sites      sites             `json:"sites"`
	API        string            `json:"api"`
	Staff      login             `json:"staff"`
	Customer   login             `json:"customer"`
	Simulators map[string]string `json:"simulators"` // name to address
	Plugins    []running         `json:"plugins"`
	Database   string            `json:"database"` // DSN
	PID        int               `json:"pid"`
}

type sites struct {
	Storefront string `json:"storefront"`
	Portal     string `json:"portal"`
	Admin      string `json:"admin"`
}

// login is how a person signs in: by mail address and password in a browser, by token at the API.
type login struct {
	ID       string `json:"id"`
	Customer string `json:"customer,omitempty"` // whom a customer's user acts for
	Email    string `json:"email"`
	Password string `json:"password"`
	Token    string `json:"token"`
}

type running struct {
	Instance string `json:"instance"`
	Type     string `json:"type"`
	Name     string `json:"name"`
	PID      int    `json:"pid"`
}

func tell(a *app.App, all vendors, p people) told {
	t := told{
		Sites: sites{a.Config.Storefront, a.Config.Portal, a.Config.Admin}, API: a.Config.Storefront + "/api/v1",
		Staff: p.Staff, Customer: p.Customer, Simulators: all.addresses(), Plugins: []running{}, Database: a.Config.DSN(), PID: os.Getpid(),
	}
	for _, s := range a.Plugins.Status() {
		for _, i := range s.Instances {
			t.Plugins = append(t.Plugins, running{i.Label, s.Type, s.Name, s.PID})
		}
	}
	return t
}

// write puts the file where a reader sees all of it or nothing.
func (t told) write(path string) error {
	text, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return err
	}
	next := path + ".new"
	if err := os.WriteFile(next, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(next, path)
}

// print is for the person who started it.
func (t told) print(w io.Writer) {
	fmt.Fprintf(w, "\nThe shop is open. All of it is made up: nobody is charged, nothing is sent.\n\n")
	row := func(name string, cells ...string) { fmt.Fprintf(w, "  %-12s %s\n", name, strings.Join(cells, "   ")) }
	row("Storefront", t.Sites.Storefront)
	row("Portal", t.Sites.Portal, t.Customer.Email, t.Customer.Password)
	row("Admin", t.Sites.Admin, t.Staff.Email, t.Staff.Password)
	row("API", t.API)
	fmt.Fprintln(w)
	pages := map[string]string{}
	for _, v := range known() {
		pages[v.name] = v.page
	}
	for _, p := range t.Plugins {
		row(p.Type, fmt.Sprintf("%-12s process %-7d simulated at %s", p.Name, p.PID, t.Simulators[p.Name]+pages[p.Name]))
	}
	fmt.Fprintf(w, "\n  Also staff: %s, %s, with the same password.\n  Cards: 4242 4242 4242 4242 pays, 4000 0000 0000 0341 pays once and fails at renewal.\n", billingEmail, supportEmail)
	fmt.Fprintf(w, "  The clock can be moved on the admin site: Test clock. Ctrl-C ends it; the next start goes on from there.\n\n")
	if dir, ok := strings.CutPrefix(t.Database, "sqlite:"); ok {
		row("Kept in", filepath.Dir(dir))
	} else {
		row("Kept in", "the database")
	}
	fmt.Fprintln(w)
}
