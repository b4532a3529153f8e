package wire

import (
	"io"
	"net/http"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
)

// Handshake keeps a plugin from being started by hand, and says which protocol it speaks. It is no secret.
var Handshake = plugin.HandshakeConfig{ProtocolVersion: 1, MagicCookieKey: "BURSAR_PLUGIN", MagicCookieValue: "v1"}

// PluginName is the only name in go-plugin's table.
const PluginName = "bursar"

// EgressVariable names the Unix socket by which a plugin reaches the network.
const EgressVariable = "BURSAR_EGRESS"

// World is what surrounds a plugin: the host's in a process of its own, a test's in its conformance suite.
type World struct {
	Log  io.Writer // JSON lines of hclog
	HTTP func(instance string, log hclog.Logger) *http.Client
	Now  func() time.Time
	// Overdue, if set, is told of a call that still runs well after its deadline: it costs a program its life.
	Overdue func(instance string)
}

// overdueAfter is how long after its deadline a call may still run.
const overdueAfter = 5 * time.Second
