package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"time"
)

// Class is a kind of thing that may be tried only so often.
type Class string

// The classes that are counted in the database, over all nodes.
const (
	SignInAccount Class = "signin_account" // keyed by mail address
	SignInAddress Class = "signin_address" // keyed by network address
	Code          Class = "code"           // codes and mailed links
	Register      Class = "register"
	Ticket        Class = "ticket"
)

// limit is how many in a window that opens with the first.
type limit struct {
	hits   int64
	window time.Duration
}

var limits = map[Class]limit{
	SignInAccount: {10, 15 * time.Minute},
	SignInAddress: {30, 15 * time.Minute},
	Code:          {20, time.Hour},
	Register:      {10, time.Hour},
	Ticket:        {10, time.Hour},
}

// Throttle counts one more try of a class by a key, such as an address. Call it before the work and outside of a
// transaction that may be undone. What is refused is not counted, so it ends by itself.
//
// Error: ErrThrottled, with After.
func (s *Service) Throttle(ctx context.Context, class Class, key string) error {
	l, ok := limits[class]
	if !ok {
		return errClass.Because(fmt.Errorf("%q", class))
	}
	now := s.wall.Now()
	since, err := s.store.hit(ctx, bucket(class, key), l, now)
	if err != nil {
		return fmt.Errorf("throttle %s: %w", class, err)
	}
	if !since.IsZero() {
		return ErrThrottled.Retry(max(since.Add(l.window).Sub(now), time.Second))
	}
	return nil
}

// forgive takes a try back: it was the owner's.
func (s *Service) forgive(ctx context.Context, class Class, key string) error {
	return s.store.forgive(ctx, bucket(class, key))
}

// bucket hashes the key: addresses of people are nobody's to read in a table of numbers.
func bucket(class Class, key string) string {
	sum := sha256.Sum256([]byte(key))
	return string(class) + ":" + hex.EncodeToString(sum[:])
}

// Network is what tries are counted by for a network address: itself, or for IPv6 its /64, which is one household's.
func Network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if a = a.Unmap(); a.Is4() {
		return a.String()
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}
