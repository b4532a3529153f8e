package sim

import "fmt"

// problem is an error answer. Early ones were refused before anything ran, so
// Stripe keeps no idempotent result for them.
type problem struct {
	status int
	body   object
	early  bool
}

func (p *problem) document() object { return object{"error": p.body} }

func refuse(status int, kind, code, message string) *problem {
	body := object{"type": kind, "message": message}
	if code != "" {
		body["code"] = code
		body["doc_url"] = "https://stripe.com/docs/error-codes/" + code
	}
	return &problem{status: status, body: body}
}

func invalid(code, param, format string, args ...any) *problem {
	p := refuse(400, "invalid_request_error", code, fmt.Sprintf(format, args...))
	if param != "" {
		p.body["param"] = param
	}
	p.early = true
	return p
}

func missing(param string) *problem {
	return invalid("parameter_missing", param, "Missing required param: %s.", param)
}

// absent is how Stripe says that an ID is not known: 404 when the ID is in the
// address, 400 when it is in a parameter.
func absent(kind, id, param string) *problem {
	p := invalid("resource_missing", param, "No such %s: '%s'", kind, id)
	p.status = 404
	if param != "id" && param != "" {
		p.status = 400
	}
	return p
}

// state refuses what an object's state does not allow; such answers are
// remembered under the idempotency key.
func state(code, format string, args ...any) *problem {
	p := invalid(code, "", format, args...)
	p.early = false
	return p
}

// cardError is the 402 of a refused card.
func cardError(code, decline, message string) *problem {
	p := refuse(402, "card_error", code, message)
	if decline != "" {
		p.body["decline_code"] = decline
	}
	return p
}
