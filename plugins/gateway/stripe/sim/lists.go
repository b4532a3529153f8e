package sim

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// expand puts whole objects where the caller asked for more than their IDs.
func (s *account) expand(o object, form url.Values) (object, *problem) {
	out := clone(o).(object)
	for name, paths := range form {
		if shape(name) != "expand[#]" {
			continue
		}
		for _, path := range paths {
			if strings.Count(path, ".") > 3 || !s.expandPath(out, strings.Split(path, ".")) {
				return nil, invalid("", "expand", "This property cannot be expanded (%s).", path)
			}
		}
	}
	return out, nil
}

// expandPath reports whether the path exists; a null on the way is fine.
func (s *account) expandPath(o object, path []string) bool {
	v, ok := o[path[0]]
	if !ok {
		return false
	}
	if id, isID := v.(string); isID {
		whole := s.things[id]
		if whole == nil {
			return false
		}
		v = clone(whole)
		o[path[0]] = v
	}
	if len(path) == 1 || v == nil {
		return true
	}
	switch v := v.(type) {
	case object:
		return s.expandPath(v, path[1:])
	case []any:
		for _, e := range v {
			if inner, isObject := e.(object); isObject && !s.expandPath(inner, path[1:]) {
				return false
			}
		}
		return true
	}
	return false
}

func (s *account) getter(kind, name string) handler {
	return func(c *call) (object, *problem) {
		o := s.find(kind, c.id)
		if o == nil {
			return nil, absent(name, c.id, "id")
		}
		return o, nil
	}
}

// lister pages through a kind, newest first, narrowed by the equal fields.
func (s *account) lister(kind string, equal ...string) handler {
	return func(c *call) (object, *problem) {
		return s.list(c, kind, func(o object) bool {
			for _, field := range equal {
				if want := c.get(field); want != "" && text(o, field) != want {
					return false
				}
			}
			return true
		})
	}
}

func (s *account) list(c *call, kind string, keep func(object) bool) (object, *problem) {
	limit := 10
	if t := c.get("limit"); t != "" {
		n, err := strconv.Atoi(t)
		if err != nil || n < 1 || n > 100 {
			return nil, invalid("parameter_invalid_integer", "limit", "Invalid integer: %s", t)
		}
		limit = n
	}
	var found []any
	all := s.all(kind)
	slices.Reverse(all)
	for _, o := range all {
		fits, p := inRange(o, c.form)
		if p != nil {
			return nil, p
		}
		if fits && keep(o) {
			found = append(found, o)
		}
	}
	position := func(param string) (int, *problem) {
		id := c.get(param)
		at := slices.IndexFunc(found, func(o any) bool { return o.(object)["id"] == id })
		if at < 0 {
			return 0, absent(kind, id, param)
		}
		return at, nil
	}
	more := false
	switch {
	case c.get("ending_before") != "":
		at, p := position("ending_before")
		if p != nil {
			return nil, p
		}
		from := max(0, at-limit)
		found, more = found[from:at], from > 0
	case c.get("starting_after") != "":
		at, p := position("starting_after")
		if p != nil {
			return nil, p
		}
		found = found[at+1:]
		fallthrough
	default:
		if len(found) > limit {
			found, more = found[:limit], true
		}
	}
	if found == nil {
		found = []any{}
	}
	return object{"object": "list", "data": found, "has_more": more, "url": "/v1/" + strings.ReplaceAll(kind, ".", "/") + "s"}, nil
}

func inRange(o object, form url.Values) (bool, *problem) {
	at := number(o, "created")
	for _, name := range []string{"created", "created[gt]", "created[gte]", "created[lt]", "created[lte]"} {
		t := form.Get(name)
		if t == "" {
			continue
		}
		n, err := strconv.ParseInt(t, 10, 64)
		if err != nil {
			return false, invalid("parameter_invalid_integer", name, "Invalid integer: %s", t)
		}
		ok := map[string]bool{"created": at == n, "created[gt]": at > n, "created[gte]": at >= n, "created[lt]": at < n, "created[lte]": at <= n}[name]
		if !ok {
			return false, nil
		}
	}
	return true, nil
}
