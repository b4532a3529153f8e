package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// object is anything as it goes over the wire.
type object = map[string]any

// request is one call of the API.
type request struct {
	w http.ResponseWriter
	r *http.Request
}

// answer sends JSON; nil sends no body.
func (q *request) answer(status int, body any) {
	if body == nil {
		q.w.WriteHeader(status)
		return
	}
	q.w.Header().Set("Content-Type", "application/json")
	q.w.WriteHeader(status)
	_ = json.NewEncoder(q.w).Encode(body)
}

func (q *request) data(status int, body any) { q.answer(status, object{"data": body}) }

// missing is a record that does not exist: the only 404 with msg.
func (q *request) missing(what string) { q.answer(404, object{"msg": what + " not found"}) }

// wrong is a validation that failed, or a server that cannot be placed.
func (q *request) wrong(format string, args ...any) {
	q.answer(422, object{"errors": []string{fmt.Sprintf(format, args...)}})
}

func (q *request) locked() {
	q.answer(423, object{"msg": "The server is currently locked by another task."})
}

// number is one of the path's; -1 if it is none.
func (q *request) number(name string) int64 {
	n, err := strconv.ParseInt(q.r.PathValue(name), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// read reads a body, strictly. It answers the request itself if the body is no good.
func (q *request) read(into any) bool {
	if q.r.ContentLength == 0 {
		return true
	}
	d := json.NewDecoder(q.r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		q.wrong("The body is not valid: %v", err)
		return false
	}
	return true
}

// page sends a part of a list with Laravel's envelope.
func page[T any](q *request, list []T, show func(T) object) {
	size, number := 20, 1
	if n, err := strconv.Atoi(q.r.FormValue("results")); err == nil && n >= 1 && n <= 200 {
		size = n
	}
	if n, err := strconv.Atoi(q.r.FormValue("page")); err == nil && n >= 1 {
		number = n
	}
	last := max((len(list)+size-1)/size, 1)
	from := min((number-1)*size, len(list))
	to := min(from+size, len(list))
	data := []object{}
	for _, one := range list[from:to] {
		data = append(data, show(one))
	}
	at := func(n int) any {
		if n < 1 || n > last {
			return nil
		}
		return fmt.Sprintf("http://%s/api/v1%s?page=%d", q.r.Host, q.r.URL.Path, n)
	}
	q.answer(200, object{
		"current_page": number, "data": data, "first_page_url": at(1), "from": from + 1, "last_page": last, "last_page_url": at(last), "links": []any{},
		"next_page_url": at(number + 1), "path": q.r.URL.Path, "per_page": size, "prev_page_url": at(number - 1), "to": to, "total": len(list),
	})
}

// all sends a list that is not paged.
func all[T any](q *request, list []T, show func(T) object) {
	data := []object{}
	for _, one := range list {
		data = append(data, show(one))
	}
	q.data(200, data)
}
