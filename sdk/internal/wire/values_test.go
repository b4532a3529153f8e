package wire_test

import (
	"slices"
	"testing"

	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/internal/wire"
	"github.com/ezscale/bursar/sdk/secret"
)

func TestASecretAddressIsHiddenWhereOnlyItsPathIsTold(t *testing.T) {
	var hook, key secret.Value
	var plain string
	f := form.Form{form.Secret(&hook, "hook", "Hook"), form.Secret(&key, "key", "Key"), form.Text(&plain, "plain", "Plain")}
	address := "https://chat.example/api/webhooks/7/a-token-of-many-letters"
	secrets := wire.Secrets(f, form.Values{"hook": {address}, "key": {"k3y"}, "plain": {"shown"}})
	for text, want := range map[string]string{
		"POST " + address: "POST ***",
		"POST /api/v10/webhooks/7/a-token-of-many-letters": "POST /api/v10/webhooks/7/***",
		"shown webhooks": "shown webhooks",
	} {
		if have := wire.Mask(text, secrets); have != want {
			t.Errorf("%q becomes %q, want %q", text, have, want)
		}
	}
	if slices.Contains(secrets, "webhooks") {
		t.Error("a word of the path is taken for a secret")
	}
}
