package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/rest"
)

// The panel's own names of errors, which are classes of its source.
const (
	classNotFound     = "NotFoundHttpException"
	classNode         = "DaemonConnectionException"
	classNoNode       = "NoViableNodeException"
	classNoAllocation = "NoViableAllocationException"
)

// api is one of the panel's two APIs.
type api struct{ rest.Client }

// complaint is one of the panel's errors, which always come as a list.
type complaint struct {
	Code   string
	Detail string
	Meta   struct {
		Field string `json:"source_field"`
		Rule  string
	}
}

// refusal is what the panel said about a request that it refused. It is the cause of a fault.
type refusal []complaint

// Error implements error.
func (r refusal) Error() string {
	var parts []string
	for _, c := range r {
		text := strings.TrimSpace(c.Code + " " + c.Detail)
		if c.Meta.Field != "" {
			text += fmt.Sprintf(" (%s: %s)", c.Meta.Field, c.Meta.Rule)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// on finds what was said about a field, or about one below it.
func (r refusal) on(field string) (complaint, bool) {
	for _, c := range r {
		if c.Meta.Field == field || strings.HasPrefix(c.Meta.Field, field+".") {
			return c, true
		}
	}
	return complaint{}, false
}

// said is the panel's refusal in an error's chain, nil if there is none.
func said(err error) refusal {
	var r refusal
	errors.As(err, &r)
	return r
}

// do makes one request. out nil: the panel must answer with nothing, as it does with 204. Errors: the table of package
// rest, save that an answer which is not the panel's own proves nothing, that a node which cannot be reached leaves a
// change in doubt whatever status the panel passes on, and that no room is Declined.
func (a api) do(ctx context.Context, method, path string, in, out any) error {
	status, body := 0, []byte(nil)
	a.Why = func(s int, b []byte) string {
		status, body = s, b
		if r := read(b); r != nil {
			return r.Error()
		}
		return ""
	}
	var raw []byte
	err := a.Client.Do(ctx, method, path, in, &raw)
	if status != 0 {
		return refused(method, status, body, err)
	}
	switch {
	case err != nil:
		return err
	case out == nil && len(bytes.TrimSpace(raw)) > 0:
		return doubt(method, "unreadable_answer").Because(errors.New("an answer where none was expected"))
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return doubt(method, "unreadable_answer").Because(err)
	}
	if k, ok := out.(interface{ kind() string }); ok && k.kind() == "" {
		return doubt(method, "unreadable_answer").Because(errors.New("the answer is no object of the panel"))
	}
	return nil
}

// read is nil when a body is not the panel's.
func read(body []byte) refusal {
	var said struct{ Errors refusal }
	if json.Unmarshal(body, &said) != nil {
		return nil
	}
	return said.Errors
}

func refused(method string, status int, body []byte, err error) error {
	f := fault.Of(err)
	why := read(body)
	switch {
	case why == nil && status >= 400 && status < 500 && (f.Kind == fault.NotFound || f.Kind == fault.Invalid || f.Kind == fault.Conflict || f.Kind == fault.Declined):
		g := doubt(method, "not_the_panel")
		g.Detail = f.Detail
		return g
	case why == nil:
		return f
	}
	because := func(kind fault.Kind, code, text string) *fault.Fault {
		g := fault.New(kind, code, text).Because(why)
		g.Detail = f.Detail
		return g
	}
	switch code := why[0].Code; {
	case code == classNode:
		g := doubt(method, "node_unreachable").Because(why)
		g.Detail = f.Detail
		return g
	case code == classNoNode || code == classNoAllocation:
		return because(fault.Declined, "out_of_stock", "There is no free room for this server at the moment.")
	case f.Kind == fault.NotFound && code != classNotFound:
		return because(doubt(method, "").Kind, "not_the_panel", "")
	}
	return because(f.Kind, f.Code, f.Text).Retry(f.After)
}

// doubt is Unknown for a change and Unavailable for a read.
func doubt(method, code string) *fault.Fault {
	if method == http.MethodGet {
		return fault.New(fault.Unavailable, code, "")
	}
	return fault.New(fault.Unknown, code, "")
}

// item is how the panel wraps a thing.
type item[T any] struct {
	Object     string
	Attributes T
}

func (i *item[T]) kind() string { return i.Object }

// list is how it wraps several.
type list[T any] struct {
	Object string
	Data   []item[T]
	Meta   struct {
		Pagination struct {
			Total      int
			TotalPages int `json:"total_pages"`
		}
	}
}

func (l *list[T]) kind() string { return l.Object }

type user struct {
	ID         int64
	ExternalID string `json:"external_id"`
	Username   string
	Email      string
	FirstName  string    `json:"first_name"`
	LastName   string    `json:"last_name"`
	RootAdmin  bool      `json:"root_admin"`
	CreatedAt  time.Time `json:"created_at"`
}

type location struct {
	ID          int64
	Short, Long string
}

type node struct {
	ID         int64
	Name       string
	FQDN       string
	LocationID int64 `json:"location_id"`
	SFTP       int   `json:"daemon_sftp"`
}

type allocation struct {
	ID    int64
	IP    string
	Alias string
	Port  int
}

func (a allocation) String() string {
	host := cmp.Or(a.Alias, a.IP)
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(a.Port)
}

type nest struct {
	ID   int64
	Name string
}

type egg struct {
	ID            int64
	Nest          int64
	Name          string
	Description   string
	DockerImage   string            `json:"docker_image"` // deprecated by the panel, and still its default
	DockerImages  map[string]string `json:"docker_images"`
	Startup       string
	Relationships struct{ Variables list[variable] }
}

type variable struct {
	Name        string
	Description string
	Env         string `json:"env_variable"`
	Default     string `json:"default_value"`
	Rules       string
}

type limits struct {
	Memory int64 `json:"memory"` // MiB, as swap and disk
	Swap   int64 `json:"swap"`
	Disk   int64 `json:"disk"`
	IO     int64 `json:"io"`
	CPU    int64 `json:"cpu"` // percent of a core
}

type featureLimits struct {
	Databases   int64 `json:"databases"`
	Allocations int64 `json:"allocations"`
	Backups     int64 `json:"backups"`
}

// The panel's words for the status of a server. Null is ready.
const (
	ready           = "" // or restoring_backup, which is as good
	installing      = "installing"
	installFailed   = "install_failed"
	reinstallFailed = "reinstall_failed"
	suspended       = "suspended"
)

type server struct {
	ID         int64
	ExternalID string `json:"external_id"`
	Identifier string
	Name       string
	Status     string
	Limits     limits
	Features   featureLimits `json:"feature_limits"`
	User       int64
	Allocation int64
	Nest       int64
	Egg        int64
	Container  struct {
		Startup     string `json:"startup_command"`
		Image       string
		Environment map[string]any
	}
	CreatedAt     time.Time `json:"created_at"`
	Relationships struct {
		Allocations list[allocation]
		Node        item[node]
		User        item[user]
	}
}

// eggName is how our forms name its egg.
func (s server) eggName() string { return eggName(s.Nest, s.Egg) }

func eggName(nest, egg int64) string { return fmt.Sprintf("%d/%d", nest, egg) }

// with is what is read of a server.
const with = "?include=allocations,node,user"

// serverByID reads one by the panel's number. NotFound is not proved yet: ask absent.
func (p *Panel) serverByID(ctx context.Context, id string) (server, error) {
	var s item[server]
	err := p.app.do(ctx, http.MethodGet, "/servers/"+url.PathEscape(id)+with, nil, &s)
	return s.Attributes, err
}

// serverOf finds the server of a service. NotFound is proved: the panel listed servers and this was none of them.
func (p *Panel) serverOf(ctx context.Context, service string) (server, error) {
	var s item[server]
	err := p.app.do(ctx, http.MethodGet, "/servers/external/"+url.PathEscape(service)+with, nil, &s)
	if fault.KindOf(err) == fault.NotFound {
		err = p.absent(ctx, "/servers?filter[external_id]=", service, err)
	}
	return s.Attributes, err
}

// absent turns a 404 into the certainty that a thing is not there, or into Unavailable: a wrong address answers 404 too,
// in the panel's own words if it belongs to another installation of the same framework. A list proves that we speak to the
// panel.
func (p *Panel) absent(ctx context.Context, path, id string, missing error) error {
	var all list[json.RawMessage]
	if err := p.app.do(ctx, http.MethodGet, path+url.QueryEscape(id)+"&per_page=1", nil, &all); err != nil {
		if fault.KindOf(err) == fault.NotFound {
			return fault.New(fault.Unavailable, "wrong_address", "").Because(err)
		}
		return err
	}
	return missing
}

// every reads a list to its end.
func every[T any](ctx context.Context, a api, path string) ([]T, error) {
	var out []T
	for page, pages := 1, 1; page <= pages; page++ {
		join := "?"
		if strings.Contains(path, "?") {
			join = "&"
		}
		var l list[T]
		if err := a.do(ctx, http.MethodGet, fmt.Sprintf("%s%sper_page=100&page=%d", path, join, page), nil, &l); err != nil {
			return nil, err
		}
		for _, i := range l.Data {
			out = append(out, i.Attributes)
		}
		pages = l.Meta.Pagination.TotalPages
	}
	return out, nil
}
