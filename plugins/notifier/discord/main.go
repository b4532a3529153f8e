// Discord posts into a channel through an incoming webhook of Discord's, API v10 (read in discord/discord-api-docs of
// 2026-08-06 and discord-api-spec of 2026-07-18). The webhook's address is the only credential, and the channel is its.
//
// Discord has no idempotency key and no search: what became of a post whose answer was lost stays Unknown. Start at
// discord.go, then client.go for the limits and embed.go for what a reader sees.
package main

import "github.com/ezscale/bursar/sdk"

func main() { sdk.Serve(New) }
