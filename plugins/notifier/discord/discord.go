package main

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/notifier"
	"github.com/ezscale/bursar/sdk/secret"
)

const version = "1.0.0"

// vendor is where every webhook is called, whichever of Discord's hosts its address names.
const vendor = "https://discord.com"

// New describes the program.
func New() sdk.Plugin {
	return sdk.Plugin{Name: "discord", Title: "Discord", Version: version, Type: notifier.Type(open), Network: []string{"discord.com:443"}}
}

// Settings of one channel.
type Settings struct {
	Webhook secret.Value
	API     string
}

// Form implements form.Settings.
func (s *Settings) Form() form.Form {
	return form.Form{
		form.Secret(&s.Webhook, "webhook", "Webhook address").Need().
			Help("Discord, channel settings, Integrations, Webhooks, Copy Webhook URL. Whoever knows it can post there. For a forum channel add ?thread_id= and the thread's number."),
		form.URL(&s.API, "api", "API address").Help("Only to try things against a simulator; leave empty for Discord."),
	}
}

// Discord is one channel.
type Discord struct {
	http  *http.Client
	at    string // the webhook, at the address that is called
	query string // of a thread, "" for none
	now   func() time.Time
	turn  chan struct{} // one post at a time: Discord counts per webhook

	mu    sync.Mutex
	until time.Time // nothing is sent before
	gone  bool      // Discord knows it no more: asking on would get our address banned
	done  []posted  // the last ones, oldest first
}

// posted is what came of an operation.
type posted struct {
	op      string
	receipt notifier.Receipt
}

// mostDone is how many posts are remembered, so that one repeated at once is not posted twice.
const mostDone = 256

var _ interface {
	sdk.Instance
	notifier.Poster
} = (*Discord)(nil)

func open(e sdk.Env, s Settings) (*Discord, error) {
	path, query, err := parsed(s.Webhook.Reveal())
	if err != nil {
		return nil, err
	}
	base := vendor
	if s.API != "" {
		base = s.API
	}
	return &Discord{http: e.HTTP, at: base + path, query: query, now: e.Now, turn: make(chan struct{}, 1)}, nil
}

// hosts are Discord's own: an address at any other would take our posts elsewhere.
var hosts = []string{"discord.com", "ptb.discord.com", "canary.discord.com", "discordapp.com", "ptb.discordapp.com", "canary.discordapp.com"}

var (
	hookPath = regexp.MustCompile(`^/api(?:/v[0-9]{1,2})?/webhooks/([0-9]{1,20})/([A-Za-z0-9_-]{1,200})/?$`)
	threadID = regexp.MustCompile(`^[0-9]{1,20}$`)
	errHook  = fault.New(fault.Invalid, "no_webhook", "This is no webhook address of Discord's: https://discord.com/api/webhooks/…/…").On("webhook")
)

// parsed takes a pasted address apart: the path to call, and the query for a thread.
func parsed(address string) (path, query string, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.User != nil || u.Fragment != "" || !slices.Contains(hosts, u.Host) {
		return "", "", errHook // the cause would hold the address
	}
	m := hookPath.FindStringSubmatch(u.EscapedPath())
	if m == nil {
		return "", "", errHook
	}
	for name, values := range u.Query() {
		if name != "thread_id" || len(values) != 1 || !threadID.MatchString(values[0]) {
			return "", "", errHook
		}
		query = "&thread_id=" + values[0]
	}
	return "/api/v10/webhooks/" + m[1] + "/" + m[2], query, nil
}

// incoming is the type of webhooks that can post.
const incoming = 1

// Check implements sdk.Instance. It reads the webhook and posts nothing.
func (d *Discord) Check(ctx context.Context) (sdk.Report, error) {
	var hook struct {
		ID   string
		Type int
	}
	if err := d.exchange(ctx, http.MethodGet, "", nil, &hook); err != nil {
		return sdk.Report{}, err
	}
	if hook.ID == "" {
		return sdk.Report{}, unreadable(http.MethodGet)
	}
	report := sdk.Report{VendorVersion: "v10"}
	if hook.Type != incoming {
		report.Warnings = append(report.Warnings, "This webhook follows another channel: posts may be refused.")
	}
	return report, nil
}

// Post implements notifier.Poster.
func (d *Discord) Post(ctx context.Context, op sdk.Op, p notifier.Post) (notifier.Receipt, error) {
	if got, ok := d.posted(op); ok {
		return got, nil
	}
	e, err := compose(p)
	if err != nil {
		return notifier.Receipt{}, err
	}
	body := map[string]any{"embeds": []embed{e}, "allowed_mentions": map[string]any{"parse": []string{}}}
	var message struct{ ID string }
	if err := d.exchange(ctx, http.MethodPost, "?wait=true"+d.query, body, &message); err != nil {
		return notifier.Receipt{}, err
	}
	if message.ID == "" {
		return notifier.Receipt{}, unreadable(http.MethodPost)
	}
	got := notifier.Receipt{ID: message.ID}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.done = append(d.done, posted{op.ID, got})
	d.done = d.done[max(0, len(d.done)-mostDone):]
	return got, nil
}

// posted is what this process posted under an operation.
func (d *Discord) posted(op sdk.Op) (notifier.Receipt, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.done {
		if p.op == op.ID {
			return p.receipt, true
		}
	}
	return notifier.Receipt{}, false
}
