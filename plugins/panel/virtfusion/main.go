// VirtFusion sells virtual servers of a VirtFusion control server, by its "Global API" v1. Sources, read 2026-11-20: the
// vendor's API documentation (generations 6.2 and 7) and the published modules of EZSCALE, Upmind and Blesta; what only
// those modules know is marked so where it is used.
//
// A server there has no field for our ID before it is built, so a creation is two steps: allocate, then build with the
// subscription's ID as its name. What is 200, 201 or 204 differs by version, so any 2xx is believed only after a look.
// Start at panel.go, then create.go.
package main

import "github.com/ezscale/bursar/sdk"

func main() { sdk.Serve(New) }
