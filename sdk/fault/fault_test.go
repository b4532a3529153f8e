package fault_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ezscale/bursar/sdk/fault"
)

func TestKindOf(t *testing.T) {
	declined := fault.New(fault.Declined, "out_of_stock", "Sold out.")
	tests := []struct {
		name string
		err  error
		want fault.Kind
	}{
		{"nil has no kind", nil, ""},
		{"a stranger is internal", io.EOF, fault.Internal},
		{"a fault has its own", declined, fault.Declined},
		{"a wrapped one too", fmt.Errorf("create: %w", declined), fault.Declined},
		{"the outer of two counts", fault.New(fault.Unknown, "x", "").Because(declined), fault.Unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := fault.KindOf(tt.err); got != tt.want {
				t.Errorf("have %q, want %q", got, tt.want)
			}
		})
	}
}

func TestCopiesLeaveTheSentinelAlone(t *testing.T) {
	sentinel := fault.New(fault.Invalid, "bad", "Bad.")
	made := sentinel.Because(io.EOF).On("url").Retry(time.Second)
	if sentinel.Field != "" || sentinel.After != 0 || sentinel.Detail != "" {
		t.Error("the sentinel changed")
	}
	if !errors.Is(made, sentinel) || !errors.Is(made, io.EOF) || made.Detail != "EOF" || made.Field != "url" || made.After != time.Second {
		t.Errorf("lost something: %#v", made)
	}
	if errors.Is(made, fault.New(fault.Invalid, "other", "")) || errors.Is(made, fault.New(fault.Declined, "bad", "")) {
		t.Error("matches another kind or code")
	}
}

func TestEveryKindHasASentence(t *testing.T) {
	for _, k := range []fault.Kind{fault.Invalid, fault.NotFound, fault.Conflict, fault.Forbidden, fault.Declined, fault.Unavailable, fault.Unknown, fault.Unsupported, fault.Internal} {
		if fault.New(k, "x", "").Sentence() == "" {
			t.Errorf("%s says nothing", k)
		}
		if fault.New(k, "x", "Mine.").Sentence() != "Mine." {
			t.Errorf("%s drops its text", k)
		}
	}
}

func TestCutNeverSplitsACharacter(t *testing.T) {
	for n := range 12 {
		if got := fault.Cut("a€b€c", n); !utf8.ValidString(got) || len(got) > n || !strings.HasPrefix("a€b€c", got) {
			t.Errorf("%d: %q", n, got)
		}
	}
}
