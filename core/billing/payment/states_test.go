package payment

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ezscale/bursar/core/base/states"
)

// walked is a table as text, to be compared with what the trade expects.
func walked[S, A ~string](t *testing.T, table states.Table[S, A], start ...S) string {
	t.Helper()
	if err := table.Check(start...); err != nil {
		t.Error(err)
	}
	var out []string
	table.Walk(func(s S, a A, next S, ok bool) {
		if ok {
			out = append(out, fmt.Sprintf("%s+%s=%s", s, a, next))
		}
	})
	return strings.Join(out, " ")
}

func TestLives(t *testing.T) {
	tests := []struct{ name, got, want string }{
		{"attempts", walked(t, attemptLife, Planned),
			"declined+succeed=succeeded expired+succeed=succeeded parked+decline=declined parked+succeed=succeeded " +
				"planned+cancel=expired planned+send=sent planned+succeed=succeeded " +
				"sent+decline=declined sent+expire=expired sent+lose=unknown sent+refuse=declined sent+resend=sent sent+succeed=succeeded sent+wait=waiting " +
				"unknown+decline=declined unknown+expire=expired unknown+park=parked unknown+resend=sent unknown+succeed=succeeded unknown+wait=waiting " +
				"waiting+decline=declined waiting+expire=expired waiting+succeed=succeeded"},
		{"payments", walked(t, life, StatusPending),
			"captured+return=failed held+release=captured pending+capture=captured pending+fail=failed pending+hold=held"},
		{"refunds", walked(t, refundLife, RefundRequested),
			"done+refuse=refused refused+done=done requested+done=done requested+send=sent sent+done=done sent+lose=unknown sent+refuse=refused unknown+done=done unknown+refuse=refused"},
		{"disputes", walked(t, disputeLife, DisputeInquiry),
			"answered+lose=lost answered+win=won inquiry+drop=won inquiry+open=open open+accept=lost open+answer=answered open+lose=lost open+win=won won+lose=lost"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.got != tt.want {
				t.Errorf("have %s\nwant %s", tt.got, tt.want)
			}
		})
	}
}
