package sim

import (
	"net/http"
	"regexp"
	"strings"
)

var userName = regexp.MustCompile(`^[a-zA-Z0-9]([\w.-]*[a-zA-Z0-9])?$`)

func (p *panel) getUsers(r *request) (int, any) {
	var out []any
	for _, u := range p.users {
		// The panel's filters find parts.
		if strings.Contains(strings.ToLower(u.email), strings.ToLower(r.query.Get("filter[email]"))) && strings.Contains(u.external, r.query.Get("filter[external_id]")) {
			out = append(out, u.show())
		}
	}
	return r.page(out)
}

func (p *panel) theUser(r *request) *user {
	external := r.PathValue("external")
	return p.user(func(u *user) bool {
		if external != "" {
			return u.external == external
		}
		return u.id == r.number("user")
	})
}

func (p *panel) getUser(r *request) (int, any) {
	if u := p.theUser(r); u != nil {
		return http.StatusOK, u.show()
	}
	return missing()
}

func (u *user) show() object {
	return thing("user", object{
		"id": u.id, "external_id": orNull(u.external), "uuid": u.uuid, "username": u.username, "email": u.email, "first_name": u.first, "last_name": u.family,
		"language": u.lang, "root_admin": u.admin, "2fa": false, "created_at": when(u.created), "updated_at": when(u.updated),
	})
}

// judge checks a body for a user; self is nil for a new one.
func (p *panel) judge(in object, self *user) problems {
	var errs problems
	errs.check("email", in["email"], "required|string|email|max:191")
	errs.check("username", in["username"], "required|string|max:191")
	errs.check("first_name", in["first_name"], "required|string|max:191")
	errs.check("last_name", in["last_name"], "required|string|max:191")
	errs.check("external_id", in["external_id"], "nullable|string|max:191")
	errs.check("password", in["password"], "nullable|string|min:8")
	errs.check("root_admin", in["root_admin"], "nullable|boolean")
	if name := text(in["username"]); name != "" && !userName.MatchString(name) {
		errs.add("username", "p_terodactyl_rules_username", "The username must start and end with alpha-numeric characters.")
	}
	unique := func(field, value string, of func(*user) string) {
		if value != "" && p.user(func(u *user) bool { return u != self && of(u) == value }) != nil {
			errs.add(field, "unique", "The %s has already been taken.", field)
		}
	}
	unique("email", strings.ToLower(text(in["email"])), func(u *user) string { return strings.ToLower(u.email) })
	unique("username", strings.ToLower(text(in["username"])), func(u *user) string { return u.username })
	unique("external_id", text(in["external_id"]), func(u *user) string { return u.external })
	return errs
}

func (u *user) take(in object) {
	u.email, u.username, u.first, u.family = text(in["email"]), strings.ToLower(text(in["username"])), text(in["first_name"]), text(in["last_name"])
	if external, sent := in["external_id"]; sent {
		u.external = text(external)
	}
	if password := text(in["password"]); password != "" {
		u.password = password
	}
	if admin, sent := in["root_admin"]; sent {
		u.admin = truth(admin)
	}
	if lang := text(in["language"]); lang != "" {
		u.lang = lang
	}
}

func (p *panel) postUser(r *request) (int, any) {
	if errs := p.judge(r.in, nil); len(errs) > 0 {
		return errs.answer()
	}
	u := p.addUser(r.in)
	out := u.show()
	out["meta"] = object{"resource": "/api/application/users"}
	return http.StatusCreated, out
}

func (p *panel) addUser(in object) *user {
	u := &user{id: p.number("user"), lang: "en", created: p.now(), updated: p.now()}
	u.uuid = uuid("user", u.id)
	u.take(in)
	p.users = append(p.users, u)
	return u
}

func (p *panel) patchUser(r *request) (int, any) {
	u := p.theUser(r)
	if u == nil {
		return missing()
	}
	if errs := p.judge(r.in, u); len(errs) > 0 {
		return errs.answer()
	}
	u.take(r.in)
	u.updated = p.now()
	return http.StatusOK, u.show()
}

func (p *panel) deleteUser(r *request) (int, any) {
	u := p.theUser(r)
	if u == nil {
		return missing()
	}
	if p.server(func(s *server) bool { return s.user == u.id }) != nil {
		return display("DisplayException", "Cannot delete a user with active servers attached to their account.")
	}
	for i := range p.users {
		if p.users[i] == u {
			p.users = append(p.users[:i], p.users[i+1:]...)
			break
		}
	}
	return http.StatusNoContent, nil
}
