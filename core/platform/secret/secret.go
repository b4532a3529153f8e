// Package secret owns how secrets are kept in the database: sealed with a key that is not there, and bound
// to the column they belong to, so that a value copied to another row does not open. A secret in memory is
// sdk/secret's Value. Start at Box.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// KeySize is the length of a master key in bytes.
const KeySize = 32

// ErrSealed is a value that cannot be opened: another key, another column or changed bytes.
var ErrSealed = errors.New("sealed value cannot be opened")

// Box seals and opens with AES-256-GCM. It may be used by many goroutines.
type Box struct {
	id   string // of the key that seals
	keys map[string]cipher.AEAD
	mac  []byte // makes tokens; of the key that seals
}

// New makes a box that seals with key and also opens what older keys sealed. Every key has KeySize bytes.
func New(key []byte, older ...[]byte) (*Box, error) {
	b := &Box{keys: map[string]cipher.AEAD{}}
	for i, k := range append([][]byte{key}, older...) {
		if len(k) != KeySize {
			return nil, fmt.Errorf("master key of %d bytes, want %d", len(k), KeySize)
		}
		block, err := aes.NewCipher(k)
		if err != nil {
			return nil, fmt.Errorf("master key: %w", err)
		}
		gcm, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("master key: %w", err)
		}
		sum := sha256.Sum256(append([]byte("bursar key id:"), k...))
		id := hex.EncodeToString(sum[:4])
		b.keys[id] = gcm
		if i == 0 {
			b.id = id
			derived := sha256.Sum256(append([]byte("bursar tokens:"), k...))
			b.mac = derived[:]
		}
	}
	return b, nil
}

// Seal closes a value. The associated data names its place as "table:id:column"; Open wants the same.
// An empty value is sealed too, so that nobody sees which are empty.
func (b *Box) Seal(ad string, plain []byte) (string, error) {
	sealed := b.keys[b.id].Seal(nil, nil, plain, []byte(ad))
	return "b1." + b.id + "." + base64.RawURLEncoding.EncodeToString(sealed), nil
}

// Open opens what Seal closed. Error: ErrSealed.
func (b *Box) Open(ad, sealed string) ([]byte, error) {
	parts := strings.Split(sealed, ".")
	if len(parts) != 3 || parts[0] != "b1" {
		return nil, fmt.Errorf("open %s: %w: no sealed value", ad, ErrSealed)
	}
	gcm, ok := b.keys[parts[1]]
	if !ok {
		return nil, fmt.Errorf("open %s: %w: sealed with key %s, which is not given", ad, ErrSealed, parts[1])
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", ad, ErrSealed)
	}
	plain, err := gcm.Open(nil, nil, raw, []byte(ad))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", ad, ErrSealed)
	}
	return plain, nil
}

// Token is a secret of 43 letters that only this key can make, the same for the same place: for links that are mailed more
// than once. With another master key it is another.
func (b *Box) Token(ad string) string {
	h := hmac.New(sha256.New, b.mac)
	h.Write([]byte(ad))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// Stale says whether a value was sealed with an older key and should be sealed again.
func (b *Box) Stale(sealed string) bool { return !strings.HasPrefix(sealed, "b1."+b.id+".") }

// SealJSON seals a value as JSON.
func (b *Box) SealJSON(ad string, value any) (string, error) {
	plain, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("seal %s: %w", ad, err)
	}
	return b.Seal(ad, plain)
}

// OpenJSON opens what SealJSON closed. Text that is empty leaves the value alone: nothing was ever sealed.
func (b *Box) OpenJSON(ad, sealed string, into any) error {
	if sealed == "" {
		return nil
	}
	plain, err := b.Open(ad, sealed)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(plain, into); err != nil {
		return fmt.Errorf("open %s: %w", ad, err)
	}
	return nil
}

// LoadKey reads the master key from a file of hexadecimal text, and makes the file, for its owner only, if
// there is none. Error: the file can be read by others or holds no key.
func LoadKey(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeKey(path); err != nil {
			return nil, fmt.Errorf("make master key: %w", err)
		}
		info, err = os.Stat(path)
	}
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("master key %s can be read by others: its mode is %o, want 600", path, info.Mode().Perm())
	}
	text, err := readKey(path)
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) != KeySize {
		return nil, fmt.Errorf("master key %s is not %d bytes in hexadecimal", path, KeySize)
	}
	return key, nil
}

// readKey waits a moment for a file that another process has just made and not filled yet.
func readKey(path string) (string, error) {
	for try := 0; ; try++ {
		text, err := os.ReadFile(path)
		if err != nil || len(text) > 0 || try == 20 {
			return string(text), err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// makeKey writes a key unless another process was faster. A key is never overwritten.
func makeKey(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	key := make([]byte, KeySize)
	rand.Read(key)
	_, err = f.WriteString(hex.EncodeToString(key) + "\n")
	return errors.Join(err, f.Sync(), f.Close())
}
