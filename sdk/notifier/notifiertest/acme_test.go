package notifiertest_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	netmail "net/mail"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/notifier"
	"github.com/ezscale/bursar/sdk/rest"
	"github.com/ezscale/bursar/sdk/secret"
	"github.com/ezscale/bursar/sdk/sim"
)

// Acme is a vendor of the smallest sort that mails and posts, and its plugin, into which a bug can be put.

const (
	acmeToken = "acme-token-0123456789"
	acmeSign  = "acme-signing-0123456789"
)

// letter is what Acme takes, for mails and posts alike.
type letter struct {
	Op, From, To, ReplyTo, Subject, Text, HTML string
	Header                                     map[string]string
	Files                                      []notifier.File
	Raw                                        bool // the text may call people
}

type acmeVendor struct {
	now  func() time.Time
	mu   sync.Mutex
	all  []sim.Message
	gone bool
	bad  map[string]bool // addresses that bounced
	hook string
	work sync.WaitGroup
	news int
}

func acmeSim() *sim.Sim {
	v := &acmeVendor{bad: map[string]bool{}}
	s := sim.New(sim.Vendor{Handler: v, State: v.state, Act: v.act, Reset: v.reset, Close: v.work.Wait})
	v.now = s.Now
	return s
}

func (v *acmeVendor) reset() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.all, v.gone, v.bad, v.hook = nil, false, map[string]bool{}, ""
}

func (v *acmeVendor) state() sim.State {
	v.mu.Lock()
	defer v.mu.Unlock()
	return sim.State{Things: map[string]int{"message": len(v.all)}, Messages: append([]sim.Message{}, v.all...)}
}

func (v *acmeVendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer "+acmeToken {
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	if v.gone {
		http.Error(w, "this channel was closed", http.StatusForbidden)
		return
	}
	switch op, found := strings.CutPrefix(r.URL.Path, "/messages/"); {
	case r.URL.Path == "/me":
		fmt.Fprint(w, `{"ok":true}`)
	case found:
		for _, m := range v.all {
			if m.Op == op {
				fmt.Fprintf(w, `{"ok":true,"id":%q}`, m.ID)
				return
			}
		}
		fmt.Fprint(w, `{"ok":true}`)
	case r.Method == http.MethodPost && r.URL.Path == "/messages":
		v.take(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (v *acmeVendor) take(w http.ResponseWriter, r *http.Request) {
	var l letter
	if err := json.NewDecoder(r.Body).Decode(&l); err != nil || len(l.Subject) > 300 || l.To == "" && len(l.Text) > 2000 {
		http.Error(w, "too long", http.StatusBadRequest)
		return
	}
	m := sim.Message{ID: fmt.Sprintf("m%d", len(v.all)+1), Op: l.Op, Subject: l.Subject, Text: l.Text, HTML: l.HTML, Header: map[string]string{"From": l.From, "Reply-To": l.ReplyTo}}
	if l.To != "" {
		a, err := netmail.ParseAddress(l.To)
		if err != nil {
			http.Error(w, "no reader", http.StatusBadRequest)
			return
		}
		m.To, m.Header["To"] = a.Address, l.To
	} else if l.Raw && strings.Contains(l.Text, "@everyone") {
		m.Header["mentions"] = "@everyone"
	}
	for name, value := range l.Header {
		m.Header[name] = value
	}
	for _, f := range l.Files {
		sum := sha256.Sum256(f.Body)
		m.Files = append(m.Files, f.Name)
		m.Header["file "+f.Name] = f.Type + " " + hex.EncodeToString(sum[:])
	}
	v.all = append(v.all, m)
	if v.bad[m.To] {
		v.tell(m, "bounced")
	}
	fmt.Fprintf(w, `{"ok":true,"id":%q}`, m.ID)
}

func (v *acmeVendor) act(a sim.Act) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	words := map[string]string{"deliver": "delivered", "delay": "delayed", "bounce": "bounced", "complain": "complained"}
	switch {
	case a.Do == "remove":
		v.gone = true
		return nil
	case a.Do == "subscribe":
		v.hook = a.ID
		return nil
	case words[a.Do] != "":
		for _, m := range v.all {
			if m.Op == a.Op {
				v.bad[m.To] = a.Do == "bounce"
				v.tell(m, words[a.Do])
				return nil
			}
		}
	}
	return fmt.Errorf("%q cannot be played for %q", a.Do, a.Op)
}

// tell sends a webhook. The lock is held.
func (v *acmeVendor) tell(m sim.Message, status string) {
	if v.hook == "" {
		return
	}
	v.news++
	body, _ := json.Marshal(notifier.Delivery{
		ID: strconv.Itoa(v.news), Op: m.Op, Receipt: m.ID, Address: m.To, Status: status, Text: "as told", Lasting: status == "bounced" || status == "complained", At: v.now(),
	})
	r, err := http.NewRequest(http.MethodPost, v.hook, bytes.NewReader(body))
	if err != nil {
		return
	}
	stamp := strconv.FormatInt(v.now().Unix(), 10)
	r.Header.Set("Acme-Time", stamp)
	r.Header.Set("Acme-Signature", acmeSigned(acmeSign, stamp, body))
	v.work.Go(func() {
		if answer, err := http.DefaultClient.Do(r); err == nil {
			answer.Body.Close()
		}
	})
}

func acmeSigned(key, stamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	_, _ = io.WriteString(mac, stamp)
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

type acmeSettings struct {
	URL         string
	Token, Sign secret.Value
}

func (s *acmeSettings) Form() form.Form {
	return form.Form{form.URL(&s.URL, "url", "Address").Need(), form.Secret(&s.Token, "token", "Token").Need(), form.Secret(&s.Sign, "sign", "Signing key")}
}

// Acme is the plugin's instance.
type Acme struct {
	s   acmeSettings
	api rest.Client
	bug string
}

func acme(bug string) func() sdk.Plugin {
	open := func(e sdk.Env, s acmeSettings) (*Acme, error) {
		auth := func(r *http.Request) {
			r.GetBody = nil
			r.Header.Set("Authorization", "Bearer "+s.Token.Reveal())
		}
		return &Acme{s: s, api: rest.Client{HTTP: e.HTTP, Base: s.URL, Auth: auth}, bug: bug}, nil
	}
	return func() sdk.Plugin {
		return sdk.Plugin{Name: "acme", Title: "Acme", Version: "1.0.0", Type: notifier.Type(open)}
	}
}

// do calls Acme, whose every answer says that it is Acme's.
func (a *Acme) do(ctx context.Context, method, path string, in any) (id string, err error) {
	var out struct {
		OK bool
		ID string
	}
	err = a.api.Do(ctx, method, path, in, &out)
	doubt := fault.New(fault.Unavailable, "unreadable", "")
	if method != http.MethodGet {
		doubt = fault.New(fault.Unknown, "unreadable", "")
	}
	switch {
	case a.bug == "optimist" && fault.KindOf(err) == fault.Unknown:
		return "m1", nil
	case fault.KindOf(err) == fault.NotFound:
		return "", doubt.Because(err)
	case err == nil && !out.OK:
		return "", doubt
	}
	return out.ID, err
}

func (a *Acme) Check(ctx context.Context) (sdk.Report, error) {
	_, err := a.do(ctx, "GET", "/me", nil)
	return sdk.Report{}, err
}

func (a *Acme) Mail(ctx context.Context, op sdk.Op, m notifier.Mail) (notifier.Receipt, error) {
	flat := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	box := func(b notifier.Mailbox) string {
		name := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(flat(b.Name))
		return `"` + name + `" <` + b.Address + ">"
	}
	if at, err := netmail.ParseAddress(m.To.Address); err != nil || at.Address != m.To.Address {
		return notifier.Receipt{}, fault.New(fault.Invalid, "no_address", "").On("to")
	}
	for name, value := range m.Header {
		if a.bug != "injector" && strings.ContainsAny(name+value, "\r\n") {
			return notifier.Receipt{}, fault.New(fault.Invalid, "bad_header", "").On("header")
		}
	}
	l := letter{Op: op.ID, From: box(m.From), To: box(m.To), ReplyTo: box(m.ReplyTo), Subject: flat(m.Subject), Text: m.Text, HTML: m.HTML, Header: m.Header, Files: m.Files}
	for i := range l.Files {
		l.Files[i].Name = flat(l.Files[i].Name)
	}
	id, err := a.do(ctx, "POST", "/messages", l)
	return notifier.Receipt{ID: id}, err
}

func (a *Acme) Post(ctx context.Context, op sdk.Op, p notifier.Post) (notifier.Receipt, error) {
	text := p.Text + "\n" + p.URL
	for _, f := range p.Fields {
		text += "\n" + f[0] + ": " + f[1]
	}
	title := p.Title
	if a.bug != "endless" {
		title, text = fault.Cut(title, 200), fault.Cut(text, 1900)
	}
	id, err := a.do(ctx, "POST", "/messages", letter{Op: op.ID, Subject: title, Text: text, Raw: a.bug == "shouter"})
	return notifier.Receipt{ID: id}, err
}

func (a *Acme) FindMessage(ctx context.Context, op sdk.Op) (notifier.Receipt, error) {
	id, err := a.do(ctx, "GET", "/messages/"+op.ID, nil)
	if err == nil && (id == "" || a.bug == "forgetful") {
		err = fault.New(fault.NotFound, "not_taken", "")
	}
	return notifier.Receipt{ID: id}, err
}

func (a *Acme) Receive(_ context.Context, w sdk.Webhook) ([]notifier.Delivery, error) {
	stamp := w.Header.Get("Acme-Time")
	at, err := strconv.ParseInt(stamp, 10, 64)
	age := w.Received.Sub(time.Unix(at, 0))
	genuine := !a.s.Sign.IsZero() && err == nil && acmeSigned(a.s.Sign.Reveal(), stamp, w.Body) == w.Header.Get("Acme-Signature")
	if a.bug != "trusting" && (!genuine || age > 5*time.Minute || age < -5*time.Minute) {
		return nil, fault.New(fault.Forbidden, "forged", "").Because(errors.New("the signature is not Acme's"))
	}
	var d notifier.Delivery
	if err := json.Unmarshal(w.Body, &d); err != nil {
		return nil, fault.New(fault.Invalid, "unreadable", "").Because(err)
	}
	return []notifier.Delivery{d}, nil
}
