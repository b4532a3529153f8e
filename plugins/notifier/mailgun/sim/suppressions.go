package sim

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// The suppression lists of a domain, as they are called in addresses.
const (
	bounces      = "bounces"
	complaints   = "complaints"
	unsubscribes = "unsubscribes"
)

// entry is one address of a list.
type entry struct {
	Address   string   `json:"address"`
	Code      string   `json:"code,omitempty"`
	Error     string   `json:"error,omitempty"`
	Tags      []string `json:"tags,omitempty"`
	CreatedAt string   `json:"created_at"`
}

func (v *vendor) list(domain, list string) map[string]entry {
	key := domain + " " + list
	if v.suppressed[key] == nil {
		v.suppressed[key] = map[string]entry{}
	}
	return v.suppressed[key]
}

func (v *vendor) suppress(domain, list, address string, e entry) {
	e.CreatedAt = v.now().Format(time.RFC1123)
	v.list(domain, list)[strings.ToLower(address)] = e
}

// refusal is why a mail to a suppressed address fails.
type refusal struct{ reason, text string }

func (v *vendor) isSuppressed(domain, address string) (refusal, bool) {
	for list, why := range map[string]refusal{
		bounces:      {"suppress-bounce", "Not delivering to previously bounced address"},
		complaints:   {"suppress-complaint", "Not delivering to a user who marked your messages as spam"},
		unsubscribes: {"suppress-unsubscribe", "Not delivering to unsubscribed address"},
	} {
		if _, ok := v.list(domain, list)[strings.ToLower(address)]; ok {
			return why, true
		}
	}
	return refusal{}, false
}

type handler = func(http.ResponseWriter, *http.Request, string)

func (v *vendor) listSuppressed(list string) handler {
	return func(w http.ResponseWriter, r *http.Request, domain string) {
		items := []entry{}
		for _, e := range v.list(domain, list) {
			items = append(items, e)
		}
		slices.SortFunc(items, func(a, b entry) int { return strings.Compare(a.Address, b.Address) })
		here := v.address(r, "/v3/"+domain+"/"+list)
		answer(w, http.StatusOK, map[string]any{"items": items, "paging": map[string]string{"first": here, "next": here + "?page=next", "previous": here, "last": here}})
	}
}

func (v *vendor) addSuppressed(list string) handler {
	return func(w http.ResponseWriter, r *http.Request, domain string) {
		if err := r.ParseMultipartForm(1 << 20); err != nil && r.ParseForm() != nil || r.FormValue("address") == "" {
			say(w, http.StatusBadRequest, "Missing mandatory parameter: address")
			return
		}
		v.suppress(domain, list, r.FormValue("address"), entry{Address: r.FormValue("address"), Code: r.FormValue("code"), Error: r.FormValue("error")})
		say(w, http.StatusOK, "1 addresses have been added to the "+list+" table")
	}
}

func (v *vendor) showSuppressed(list string) handler {
	return func(w http.ResponseWriter, r *http.Request, domain string) {
		if e, ok := v.list(domain, list)[strings.ToLower(r.PathValue("address"))]; ok {
			answer(w, http.StatusOK, e)
			return
		}
		say(w, http.StatusNotFound, "Address not found in "+list+" table")
	}
}

func (v *vendor) dropSuppressed(list string) handler {
	return func(w http.ResponseWriter, r *http.Request, domain string) {
		at := strings.ToLower(r.PathValue("address"))
		if _, ok := v.list(domain, list)[at]; !ok {
			say(w, http.StatusNotFound, "Address not found in "+list+" table")
			return
		}
		delete(v.list(domain, list), at)
		answer(w, http.StatusOK, map[string]string{"message": "The address has been removed", "address": r.PathValue("address")})
	}
}
