package secret

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBox(t *testing.T) {
	old, now := bytes.Repeat([]byte{1}, KeySize), bytes.Repeat([]byte{2}, KeySize)
	before, err := New(old)
	if err != nil {
		t.Fatal(err)
	}
	both, err := New(now, old)
	if err != nil {
		t.Fatal(err)
	}
	only, _ := New(now)
	sealed, err := before.Seal("tokens:1:value", []byte("canary"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(sealed, "canary") || strings.Contains(sealed, "Y2FuYXJ5") {
		t.Fatalf("%s shows the secret", sealed)
	}
	again, _ := before.Seal("tokens:1:value", []byte("canary"))
	if again == sealed {
		t.Error("two seals of one value are equal")
	}
	if plain, err := both.Open("tokens:1:value", sealed); err != nil || string(plain) != "canary" {
		t.Errorf("older key: %q, %v", plain, err)
	}
	if !both.Stale(sealed) || before.Stale(sealed) {
		t.Error("stale is wrong")
	}
	flipped := []byte(sealed)
	flipped[len(flipped)-3] ^= 1
	for name, open := range map[string]func() ([]byte, error){
		"another place":      func() ([]byte, error) { return both.Open("tokens:2:value", sealed) },
		"another key":        func() ([]byte, error) { return only.Open("tokens:1:value", sealed) },
		"changed bytes":      func() ([]byte, error) { return both.Open("tokens:1:value", string(flipped)) },
		"no sealed value":    func() ([]byte, error) { return both.Open("tokens:1:value", "plain") },
		"bad encoding":       func() ([]byte, error) { return both.Open("tokens:1:value", strings.Replace(sealed, ".", ".", 1)+"!") },
		"shorter than a tag": func() ([]byte, error) { return before.Open("x", "b1."+before.id+".AAAA") },
	} {
		if plain, err := open(); !errors.Is(err, ErrSealed) {
			t.Errorf("%s: %q, %v", name, plain, err)
		}
	}
	if _, err := New(now[:16]); err == nil {
		t.Error("a short key was taken")
	}
}

func TestJSON(t *testing.T) {
	box, _ := New(bytes.Repeat([]byte{3}, KeySize))
	sealed, err := box.SealJSON("a:b:c", map[string]string{"user": "root"})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := box.OpenJSON("a:b:c", sealed, &got); err != nil || got["user"] != "root" {
		t.Errorf("%v, %v", got, err)
	}
	if err := box.OpenJSON("a:b:c", "", &got); err != nil || got["user"] != "root" {
		t.Errorf("nothing sealed: %v, %v", got, err)
	}
	if err := box.OpenJSON("a:b:d", sealed, &got); !errors.Is(err, ErrSealed) {
		t.Errorf("another place: %v", err)
	}
}

func TestLoadKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "master.key")
	key, err := LoadKey(path)
	if err != nil || len(key) != KeySize {
		t.Fatalf("%d bytes, %v", len(key), err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
	if again, err := LoadKey(path); err != nil || !bytes.Equal(again, key) {
		t.Errorf("second read differs: %v", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(path); err == nil {
		t.Error("a key that others can read was taken")
	}
	short := filepath.Join(t.TempDir(), "short")
	if err := os.WriteFile(short, []byte("abcd\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(short); err == nil {
		t.Error("a short key was taken")
	}
}

func TestTokensAreTheSameForOnePlaceAndKey(t *testing.T) {
	one, err := New(bytes.Repeat([]byte{1}, KeySize))
	if err != nil {
		t.Fatal(err)
	}
	two, err := New(bytes.Repeat([]byte{2}, KeySize))
	if err != nil {
		t.Fatal(err)
	}
	a := one.Token("invoices:inv_1:pay")
	if len(a) != 43 || a != one.Token("invoices:inv_1:pay") || a == one.Token("invoices:inv_2:pay") || a == two.Token("invoices:inv_1:pay") {
		t.Fatal(a)
	}
}
