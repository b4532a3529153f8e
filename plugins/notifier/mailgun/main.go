// Mailgun hands mails over through Mailgun's HTTP API, v3 (read in Mailgun's OpenAPI of 2026-07-09 and mailgun-go v5). It
// mails, finds by the events API what became of a lost answer, and hears of bounces and complaints by webhook.
//
// A mail carries our operation twice: as v:op, which comes back with every event, and as Message-Id op@domain, by which the
// events can be searched. Start at mailgun.go, then mail.go and webhook.go.
package main

import "github.com/ezscale/bursar/sdk"

func main() { sdk.Serve(New) }
