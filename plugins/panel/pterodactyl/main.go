// Pterodactyl sells game servers of a Pterodactyl panel, 1.x (read in the source of 1.11.8 and of the panel's own WHMCS
// module, 2026-11-20). It uses both of the panel's APIs: the application API makes and changes servers and users by an
// application key, the client API switches power and reads meters by the account key of a root administrator.
//
// A server carries our Service as its external_id, a user our customer's ID: that is how the answer to a lost request is
// found again. Start at panel.go, then create.go.
package main

import "github.com/ezscale/bursar/sdk"

func main() { sdk.Serve(New) }
