package sim

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ezscale/bursar/sdk/sim"
)

// body is what an execution may say, as far as it is simulated. Files, polls and components are not.
type body struct {
	Content    string          `json:"content"`
	Embeds     []embed         `json:"embeds"`
	Username   string          `json:"username"`
	AvatarURL  string          `json:"avatar_url"`
	TTS        bool            `json:"tts"`
	Flags      int             `json:"flags"`
	ThreadName string          `json:"thread_name"`
	Mentions   *mentions       `json:"allowed_mentions"`
	Components json.RawMessage `json:"components"`
}

type mentions struct {
	Parse []string `json:"parse"`
	Users []string `json:"users"`
	Roles []string `json:"roles"`
}

type embed struct {
	Type        string  `json:"type"`
	Title       string  `json:"title,omitempty"`
	Description string  `json:"description,omitempty"`
	URL         string  `json:"url,omitempty"`
	Timestamp   string  `json:"timestamp,omitempty"`
	Color       int     `json:"color"`
	Fields      []field `json:"fields,omitempty"`
	Footer      *named  `json:"footer,omitempty"`
	Author      *named  `json:"author,omitempty"`
}

type field struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Inline bool   `json:"inline"`
}

type named struct {
	Text string `json:"text,omitempty"`
	Name string `json:"name,omitempty"`
}

// message is one post.
type message struct {
	id, thread string
	hook       webhook
	at         time.Time
	body       body
	called     []string // who it mentions
}

// mostBody is what Discord reads of a request without files.
const mostBody = 8 << 20

// execute posts.
func (v *vendor) execute(w http.ResponseWriter, r *http.Request, h *webhook) {
	data, err := io.ReadAll(io.LimitReader(r.Body, mostBody+1))
	if err != nil || len(data) > mostBody {
		refuse(w, http.StatusRequestEntityTooLarge, 40005, "Request entity too large", nil)
		return
	}
	var b body
	if json.Unmarshal(data, &b) != nil {
		refuse(w, http.StatusBadRequest, 50109, "The request body contains invalid JSON.", nil)
		return
	}
	b.trim()
	thread := r.URL.Query().Get("thread_id")
	switch bad := b.wrong(); {
	case len(bad) > 0:
		refuse(w, http.StatusBadRequest, 50035, "Invalid Form Body", nested(bad))
		return
	case b.Content == "" && len(b.Embeds) == 0:
		refuse(w, http.StatusBadRequest, 50006, "Cannot send an empty message", nil)
		return
	case h.forum && thread == "" && b.ThreadName == "":
		refuse(w, http.StatusBadRequest, 220001, "Webhooks posted to forum channels must have a thread_name or thread_id", nil)
		return
	}
	m := &message{id: v.snowflake(), thread: thread, hook: *h, at: v.now(), body: b, called: b.calls()}
	v.messages = append(v.messages, m)
	if wait := r.URL.Query().Get("wait"); wait != "true" && wait != "1" {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answer(w, http.StatusOK, m.plain())
}

func (m *message) plain() map[string]any {
	called := []map[string]any{}
	for _, id := range m.called {
		if !strings.HasPrefix(id, "@") {
			called = append(called, map[string]any{"id": id})
		}
	}
	return map[string]any{
		"id": m.id, "type": 0, "channel_id": channelID(&m.hook), "webhook_id": m.hook.id, "timestamp": m.at.Format("2006-01-02T15:04:05.000000-07:00"), "edited_timestamp": nil,
		"content": m.body.Content, "embeds": m.body.Embeds, "tts": m.body.TTS, "flags": m.body.Flags, "attachments": []any{}, "components": []any{}, "pinned": false,
		"mentions": called, "mention_roles": []any{}, "mention_everyone": slices.ContainsFunc(m.called, func(id string) bool { return id == "@everyone" || id == "@here" }),
		"author": map[string]any{"id": m.hook.id, "username": "Bursar", "avatar": nil, "bot": true, "discriminator": "0000"},
	}
}

// find is a message of a webhook's own.
func (v *vendor) find(id string, h *webhook) int {
	return slices.IndexFunc(v.messages, func(m *message) bool { return m.id == id && m.hook.id == h.id })
}

func (v *vendor) showMessage(w http.ResponseWriter, r *http.Request, h *webhook) {
	at := v.find(r.PathValue("message"), h)
	if at < 0 {
		refuse(w, http.StatusNotFound, 10008, "Unknown Message", nil)
		return
	}
	answer(w, http.StatusOK, v.messages[at].plain())
}

func (v *vendor) removeMessage(w http.ResponseWriter, r *http.Request, h *webhook) {
	at := v.find(r.PathValue("message"), h)
	if at < 0 {
		refuse(w, http.StatusNotFound, 10008, "Unknown Message", nil)
		return
	}
	v.messages = slices.Delete(v.messages, at, at+1)
	w.WriteHeader(http.StatusNoContent)
}

// trim cuts blanks from the ends of all texts, as Discord does before it counts.
func (b *body) trim() {
	b.Content = strings.TrimSpace(b.Content)
	for i := range b.Embeds {
		e := &b.Embeds[i]
		e.Type, e.Title, e.Description = "rich", strings.TrimSpace(e.Title), strings.TrimSpace(e.Description)
		for j := range e.Fields {
			e.Fields[j].Name, e.Fields[j].Value = strings.TrimSpace(e.Fields[j].Name), strings.TrimSpace(e.Fields[j].Value)
		}
	}
}

// wrong is what Discord refuses, by the path of the field.
func (b *body) wrong() map[string][2]string {
	bad := map[string][2]string{}
	most := func(path, text string, limit int) int {
		n := utf8.RuneCountInString(text)
		if n > limit {
			bad[path] = [2]string{"BASE_TYPE_MAX_LENGTH", fmt.Sprintf("Must be %d or fewer in length.", limit)}
		}
		return n
	}
	most("content", b.Content, 2000)
	most("username", b.Username, 80)
	if name := strings.ToLower(b.Username); strings.Contains(name, "discord") || strings.Contains(name, "clyde") {
		bad["username"] = [2]string{"USERNAME_INVALID_CONTAINS", "Username cannot contain \"discord\""}
	}
	if len(b.Embeds) > 10 {
		bad["embeds"] = [2]string{"BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length."}
	}
	all := 0
	for i, e := range b.Embeds {
		at := "embeds." + strconv.Itoa(i)
		all += most(at+".title", e.Title, 256) + most(at+".description", e.Description, 4096)
		if e.Footer != nil {
			all += most(at+".footer.text", e.Footer.Text, 2048)
		}
		if e.Author != nil {
			all += most(at+".author.name", e.Author.Name, 256)
		}
		if e.Color < 0 || e.Color > 0xFFFFFF {
			bad[at+".color"] = [2]string{"NUMBER_TYPE_MAX", "int value should be less than or equal to 16777215."}
		}
		if u, err := url.Parse(e.URL); e.URL != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || len(e.URL) > 2048) {
			bad[at+".url"] = [2]string{"URL_TYPE_INVALID_URL", "Not a well formed URL."}
		}
		if _, err := time.Parse(time.RFC3339, e.Timestamp); e.Timestamp != "" && err != nil {
			bad[at+".timestamp"] = [2]string{"DATE_TIME_TYPE_PARSE", "Could not parse " + e.Timestamp}
		}
		if len(e.Fields) > 25 {
			bad[at+".fields"] = [2]string{"BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length."}
		}
		if e.Title == "" && e.Description == "" && len(e.Fields) == 0 && e.Footer == nil && e.Author == nil {
			bad[at+".description"] = [2]string{"BASE_TYPE_REQUIRED", "This field is required"}
		}
		for j, f := range e.Fields {
			in := at + ".fields." + strconv.Itoa(j)
			all += most(in+".name", f.Name, 256) + most(in+".value", f.Value, 1024)
			for name, text := range map[string]string{".name": f.Name, ".value": f.Value} {
				if text == "" {
					bad[in+name] = [2]string{"BASE_TYPE_REQUIRED", "This field is required"}
				}
			}
		}
	}
	if all > 6000 {
		bad["embeds"] = [2]string{"MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000"}
	}
	return bad
}

// nested is errors by path as Discord nests them.
func nested(bad map[string][2]string) map[string]any {
	out := map[string]any{}
	for path, e := range bad {
		at := out
		for _, part := range strings.Split(path, ".") {
			next, ok := at[part].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[part] = next
			}
			at = next
		}
		at["_errors"] = []map[string]string{{"code": e[0], "message": e[1]}}
	}
	return out
}

// shown is a message as the state and the suites see it.
func (m *message) shown() sim.Message {
	out := sim.Message{ID: m.id, To: "#" + m.hook.channel, Status: "posted", Header: map[string]string{}}
	text := []string{drawn(m.body.Content)}
	for _, e := range m.body.Embeds {
		if out.Subject == "" {
			out.Subject = drawn(e.Title)
		}
		out.Header["color"] = fmt.Sprintf("#%06x", e.Color)
		text = append(text, drawn(e.Description), e.URL)
		for _, f := range e.Fields {
			text = append(text, drawn(f.Name)+": "+drawn(f.Value))
		}
	}
	out.Text = strings.Join(slices.DeleteFunc(text, func(t string) bool { return t == "" }), "\n")
	if len(m.called) > 0 {
		out.Header["mentions"] = strings.Join(m.called, " ")
	}
	if m.thread != "" {
		out.Header["thread"] = m.thread
	}
	return out
}
