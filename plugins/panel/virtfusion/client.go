package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/rest"
)

// api is one control server.
type api struct {
	rest  rest.Client
	limit time.Duration // of one request
}

// data is the envelope of nearly every answer.
type data[T any] struct {
	Data T `json:"data"`
}

// do makes one request. A 404 is NotFound only with the panel's msg: without it the address is wrong, or something in
// between answered, and nothing was done.
func (a api) do(ctx context.Context, method, path string, in, out any) error {
	ctx, stop := context.WithTimeout(ctx, a.limit)
	defer stop()
	record := false
	c := a.rest
	c.Why = func(_ int, body []byte) string {
		why, msg := reasons(body)
		record = msg
		return why
	}
	if out == nil {
		out = new(json.RawMessage) // so that a page of HTML is no success
	}
	err := c.Do(ctx, method, path, in, out)
	if fault.KindOf(err) == fault.NotFound && !record {
		return fault.New(fault.Unavailable, "wrong_address", "").Because(err)
	}
	return err
}

func (a api) get(ctx context.Context, path string, out any) error {
	return a.do(ctx, http.MethodGet, path, nil, out)
}

// reasons reads the panel's error text: errors (a list, or a map of lists), else msg, else message. msg says that a record,
// not a route, was meant.
func reasons(body []byte) (why string, msg bool) {
	var e struct {
		Errors  json.RawMessage `json:"errors"`
		Msg     string          `json:"msg"`
		Message string          `json:"message"`
	}
	if json.Unmarshal(bytes.TrimSpace(body), &e) != nil {
		return "", false
	}
	var list []string
	if json.Unmarshal(e.Errors, &list) != nil {
		var byField map[string][]string
		if json.Unmarshal(e.Errors, &byField) == nil {
			for field, texts := range byField {
				list = append(list, field+": "+strings.Join(texts, " "))
			}
			slices.Sort(list)
		}
	}
	for _, text := range []string{strings.Join(list, " "), e.Msg, e.Message} {
		if text != "" {
			return text, e.Msg != ""
		}
	}
	return "", e.Msg != ""
}

// The states of a server. Any other is one of being built.
const (
	stateAllocated = "allocated"
	stateFailed    = "failed"
	stateComplete  = "complete"
)

// server is a virtual machine as most calls show it.
type server struct {
	ID          int64      `json:"id"`
	OwnerID     int64      `json:"ownerId"`
	Name        string     `json:"name"`
	Hostname    string     `json:"hostname"`
	State       string     `json:"state"`
	BuildFailed bool       `json:"buildFailed"`
	Suspended   bool       `json:"suspended"`
	Protected   bool       `json:"protected"`
	Created     *time.Time `json:"created"`
	Built       *time.Time `json:"built"`
	Settings    struct {
		Template  int64     `json:"osTemplateInstallId"`
		Password  string    `json:"decryptedPassword"` // in the answer of a build only
		Resources resources `json:"resources"`
	} `json:"settings"`
	Network struct {
		Interfaces []struct {
			IPv4 []struct {
				Address string `json:"address"`
			} `json:"ipv4"`
			IPv6 []struct {
				Subnet string `json:"subnet"`
				CIDR   int    `json:"cidr"`
			} `json:"ipv6"`
		} `json:"interfaces"`
	} `json:"network"`
	Storage []struct {
		Capacity int64 `json:"capacity"`
		Primary  bool  `json:"primary"`
	} `json:"storage"`
	Hypervisor struct {
		Group struct {
			Name string `json:"name"`
		} `json:"group"`
	} `json:"hypervisor"`
	Owner struct {
		Email string `json:"email"`
	} `json:"owner"`
	Tasks struct {
		Active bool `json:"active"`
	} `json:"tasks"`
	Remote struct {
		State string `json:"state"`
	} `json:"remoteState"`
}

// resources are MB, GB, GB and a number. Traffic 0 is unmetered.
type resources struct {
	Memory  int64 `json:"memory"`
	Storage int64 `json:"storage"`
	Traffic int64 `json:"traffic"`
	Cores   int64 `json:"cpuCores"`
}

func (s server) id() string { return strconv.FormatInt(s.ID, 10) }

// failed looks at both signs: one of the vendor's own examples shows the state without the flag.
func (s server) failed() bool { return s.State == stateFailed || s.BuildFailed }

// disk is the primary disk in GB.
func (s server) disk() int64 {
	for _, d := range s.Storage {
		if d.Primary {
			return d.Capacity
		}
	}
	return s.Settings.Resources.Storage
}

func (s server) ipv4() (out []string) {
	for _, i := range s.Network.Interfaces {
		for _, a := range i.IPv4 {
			out = append(out, a.Address)
		}
	}
	return out
}

// plan is a package.
type plan struct {
	ID      int64  `json:"id"`
	Name    string `json:"name"`
	Enabled bool   `json:"enabled"`
	Memory  int64  `json:"memory"`
	Storage int64  `json:"primaryStorage"`
	Traffic int64  `json:"traffic"`
	Cores   int64  `json:"cpuCores"`
	Profile int64  `json:"primaryStorageProfile"`
}

// group is a group of hypervisors.
type group struct {
	ID      int64  `json:"id"`
	Name    string `json:"name"`
	Enabled bool   `json:"enabled"`
}

// family is a group of templates.
type family struct {
	Name      string     `json:"name"`
	Templates []template `json:"templates"`
}

// template is a system to install.
type template struct {
	ID      int64  `json:"id"`
	Name    string `json:"name"`
	Version string `json:"version"`
	Variant string `json:"variant"`
	EOL     bool   `json:"eol"`
	Type    string `json:"type"` // linux, windows
}

// admin is the name of the main user.
func (t template) admin() string {
	if t.Type == "windows" {
		return "Administrator"
	}
	return "root"
}

// user is a customer of the panel.
type user struct {
	ID int64 `json:"id"`
}

// task is an item of the queue.
type task struct {
	Finished string          `json:"finished"`
	Failed   bool            `json:"failed"`
	Errors   json.RawMessage `json:"errors"`
}

// paged is Laravel's envelope of long lists.
type paged[T any] struct {
	Data     []T `json:"data"`
	Current  int `json:"current_page"`
	LastPage int `json:"last_page"`
	Total    int `json:"total"`
}

// pages is the most pages that are walked, of 200 each.
const pages = 500

// every walks a paged list to its end. A list that changed its mind on the way is not complete: Unavailable.
func every[T any](ctx context.Context, a api, path string, take func(T) (more bool)) error {
	seen := 0
	for n := 1; n <= pages; n++ {
		var p paged[T]
		if err := a.get(ctx, fmt.Sprintf("%s?results=200&page=%d", path, n), &p); err != nil {
			return err
		}
		for _, one := range p.Data {
			if !take(one) {
				return nil
			}
		}
		seen += len(p.Data)
		if p.Current != n || p.LastPage == n && seen != p.Total {
			return fault.New(fault.Unavailable, "list_moved", "").Because(fmt.Errorf("%s: page %d of %d says it is %d, %d of %d seen", path, n, p.LastPage, p.Current, seen, p.Total))
		}
		if n >= p.LastPage {
			return nil
		}
	}
	return fault.New(fault.Unavailable, "list_too_long", "").Because(fmt.Errorf("%s has more than %d pages", path, pages))
}

// templates are the systems that a package (or, below /servers, a server) can have.
func (a api) templates(ctx context.Context, path string) ([]family, error) {
	var out data[[]family]
	err := a.get(ctx, path, &out)
	return out.Data, err
}

func templateIn(families []family, id int64) (template, bool) {
	for _, f := range families {
		for _, t := range f.Templates {
			if t.ID == id {
				return t, true
			}
		}
	}
	return template{}, false
}

func (a api) plan(ctx context.Context, id int64) (plan, error) {
	var out data[plan]
	err := a.get(ctx, "/packages/"+strconv.FormatInt(id, 10), &out)
	if fault.KindOf(err) == fault.NotFound {
		return plan{}, fault.New(fault.Invalid, "no_package", "This package does not exist in the panel.").On("package").Because(err)
	}
	return out.Data, err
}

// server reads one. NotFound: it is gone.
func (a api) server(ctx context.Context, id string) (server, error) {
	var out data[server]
	err := a.get(ctx, "/servers/"+id, &out)
	if err == nil && out.Data.id() != id {
		err = fault.New(fault.Unavailable, "unreadable_answer", "").Because(fmt.Errorf("asked for server %s, got %d", id, out.Data.ID))
	}
	return out.Data, err
}
