package secret_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"

	"github.com/ezscale/bursar/sdk/secret"
)

func TestNoWayOfPrintingRevealsASecret(t *testing.T) {
	type wrapped struct{ Token secret.Value }
	w := wrapped{secret.New("hunter2")}
	inJSON, _ := json.Marshal(w)
	inXML, _ := xml.Marshal(w)
	for _, got := range []string{
		fmt.Sprint(w), fmt.Sprintf("%v %+v %#v %s %q %x", w, w, w, w.Token, w.Token, w.Token), fmt.Sprint(&w), string(inJSON), string(inXML),
	} {
		if strings.Contains(got, "hunter2") || strings.Contains(got, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("printed: %s", got)
		}
	}
	if w.Token.Reveal() != "hunter2" || w.Token.IsZero() || !w.Token.Equal(secret.New("hunter2")) || w.Token.Equal(secret.New("hunter3")) {
		t.Error("the value is not what was put in")
	}
}
