package sim

import (
	"fmt"
	"html"
	"net/http"
	"slices"
	"strings"
	"time"
)

// user is a customer of the panel.
type user struct {
	id, ext int64
	name    string
	email   string
	created time.Time
}

func (u *user) show() object {
	at := u.created.Format("2006-01-02T15:04:05.000000Z")
	return object{
		"id": u.id, "admin": false, "extRelationId": u.ext, "selfService": 0, "selfServiceHourlyGroupProfiles": []any{}, "selfServiceResourceGroupProfiles": []any{},
		"selfServiceHourlyResourcePack": nil, "name": u.name, "email": u.email, "timezone": "Europe/London", "suspended": false, "twoFactorAuth": false,
		"created": at, "updated": at,
	}
}

func (v *vendor) userOf(ext int64) *user {
	at := slices.IndexFunc(v.users, func(u *user) bool { return u.ext == ext && ext > 0 })
	if at < 0 {
		return nil
	}
	return v.users[at]
}

// taken says who else has an address.
func (v *vendor) taken(email string, but *user) bool {
	return slices.ContainsFunc(v.users, func(u *user) bool { return u != but && strings.EqualFold(u.email, email) })
}

type newUser struct {
	Name          string `json:"name"`
	Email         string `json:"email"`
	ExtRelationID int64  `json:"extRelationId"`
	RelStr        string `json:"relStr"`
	SelfService   int    `json:"selfService"`
	SendMail      bool   `json:"sendMail"`
}

func (v *vendor) createUser(q *request) {
	var n newUser
	if !q.read(&n) {
		return
	}
	switch {
	case n.Name == "" || !strings.Contains(n.Email, "@"):
		q.wrong("The name and email fields are required.")
	case v.taken(n.Email, nil):
		q.wrong("The email has already been taken.")
	case v.userOf(n.ExtRelationID) != nil:
		q.wrong("The ext relation id has already been taken.")
	default:
		u := &user{id: v.id(), ext: n.ExtRelationID, name: n.Name, email: n.Email, created: v.now()}
		v.users = append(v.users, u)
		answer := u.show()
		answer["password"] = word()
		q.data(201, answer)
	}
}

func (v *vendor) getUser(q *request) {
	if u := v.userOf(q.number("ext")); u != nil {
		q.data(200, u.show())
		return
	}
	q.missing("ext_relation_id")
}

func (v *vendor) changeUser(q *request) {
	u := v.userOf(q.number("ext"))
	if u == nil {
		q.missing("ext_relation_id")
		return
	}
	n := newUser{Name: u.name, Email: u.email}
	if !q.read(&n) {
		return
	}
	if v.taken(n.Email, u) {
		q.wrong("The email has already been taken.")
		return
	}
	u.name, u.email = n.Name, n.Email
	q.data(201, u.show())
}

// login is a pair of tokens that signs a browser on, once.
type login struct {
	second string
	user   *user
	server int64
	until  time.Time
}

// loginLife is how long the tokens live.
const loginLife = 60 * time.Second

func (v *vendor) serverLogin(q *request) {
	u, s := v.userOf(q.number("ext")), v.server(q.number("id"))
	switch {
	case u == nil:
		q.missing("ext_relation_id")
	case s == nil || s.owner != u:
		q.missing("server")
	default:
		first, second, until := word()+word(), word()+word(), v.now().Add(loginLife)
		v.logins[first] = login{second, u, s.id, until}
		q.data(200, object{"authentication": object{
			"tokens": object{"1": first, "2": second}, "endpoint": "/token_authenticate", "endpoint_complete": "/token_authenticate/?1=" + first + "&2=" + second,
			"expiry": object{"ttl": int(loginLife.Seconds()), "expires": until.Format("2006-01-02T15:04:05.000000Z")},
		}})
	}
}

// signOn is the page that the tokens open.
func (v *vendor) signOn(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	first := r.FormValue("1")
	l, ok := v.logins[first]
	delete(v.logins, first)
	if !ok || l.second != r.FormValue("2") || v.now().After(l.until) {
		showPage(w, http.StatusForbidden, "Sign in", "This link was used or is too old.")
		return
	}
	showPage(w, http.StatusOK, fmt.Sprintf("Server %d", l.server), "Signed on as "+l.user.name+".")
}

func (v *vendor) adminPage(w http.ResponseWriter, r *http.Request) {
	showPage(w, http.StatusOK, "Server "+r.PathValue("id"), "The panel would ask for a password here.")
}

func showPage(w http.ResponseWriter, status int, title, text string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>%[1]s - VirtFusion (simulated)</title><h1>%[1]s</h1><p>%[2]s</p></html>\n",
		html.EscapeString(title), html.EscapeString(text))
}
