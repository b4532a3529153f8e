package auth

import (
	"context"
	"runtime"
	"strings"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
)

// params are those that OWASP names first for argon2id. Source: OWASP Password Storage Cheat Sheet, read 2026-11-23.
var params = &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// nobody is a hash made with the same params that no password has: whoever is unknown costs as much as anybody else.
const nobody = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// hasher makes and compares hashes, as many at once as there are processors: each takes 19 MiB.
type hasher struct{ slots chan struct{} }

func newHasher() hasher { return hasher{slots: make(chan struct{}, runtime.NumCPU())} }

func (h hasher) hash(ctx context.Context, password string) (out string, err error) {
	err = h.in(ctx, func() error {
		out, err = argon2id.CreateHash(password, params)
		return err
	})
	return out, err
}

// matches compares. A hash of "" is that of an account without a password, which nothing matches.
func (h hasher) matches(ctx context.Context, password, hash string) (ok bool, err error) {
	none := hash == ""
	if none {
		hash = nobody
	}
	err = h.in(ctx, func() error {
		ok, err = argon2id.ComparePasswordAndHash(password, hash)
		return err
	})
	return ok && !none, err
}

func (h hasher) in(ctx context.Context, work func() error) error {
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return errTooBusy.Because(ctx.Err())
	}
	defer func() { <-h.slots }()
	return work()
}

// checkPassword is the rule for new passwords. Length is what counts; old ones are not asked again.
func checkPassword(password, email string) error {
	switch n := utf8.RuneCountInString(password); {
	case n < 10:
		return errShort
	case n > 200:
		return errLong
	case strings.EqualFold(strings.TrimSpace(password), email):
		return errOwn
	}
	return nil
}
