// Stripe takes cards on Stripe's hosted checkout page and charges saved ones
// without the customer. It speaks API version 2023-10-16 through stripe-go v76
// (docs.stripe.com/api, read 2026-11-20), whatever version the account shows
// in its dashboard.
//
// Every object made here carries metadata op, our operation's ID: that is how
// an answer that was lost is found again, by lists, which are current, and not
// by search, which lags. Start at gateway.go, then visit.go and charge.go.
package main

import "github.com/ezscale/bursar/sdk"

func main() { sdk.Serve(New) }
