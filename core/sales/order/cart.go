package order

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
)

// Bounds of a cart: whoever has none can make as many as he likes.
const (
	cartLines             = 50
	cartBytes             = 64 << 10
	tokenLeast, tokenMost = 22, 200 // 22 letters of base64 are 128 bits
)

// Cart is what a visitor has put together. It holds no prices: they are asked for each time.
type Cart struct {
	ID       ids.Cart
	Customer ids.Customer // "" for a guest
	Currency string
	Lines    []Line
	Coupon   string // as it was typed
	Updated  time.Time
}

// Line is one product in a cart.
type Line struct {
	Key     string                `json:"key"` // names the line in the cart
	Product ids.Product           `json:"product"`
	Cycle   period.Cycle          `json:"cycle"`
	Options map[ids.Option]string `json:"options,omitempty"` // ID of the choice, or the quantity, or 1
	Label   string                `json:"label,omitempty"`   // what the customer calls it, usually the host name
}

// content is a cart as its column holds it.
type content struct {
	Lines  []Line `json:"lines"`
	Coupon string `json:"coupon,omitempty"`
}

// NewToken draws the secret by which a visitor's browser names its cart. Only its hash is stored.
func NewToken() string {
	var raw [24]byte
	rand.Read(raw[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Cart reads the cart of a token; the zero Cart if there is none.
func (s *Service) Cart(ctx context.Context, token string) (Cart, error) {
	if len(token) < tokenLeast || len(token) > tokenMost {
		return Cart{}, nil
	}
	c, err := s.store.cart(ctx, hash(token))
	if err != nil {
		return Cart{}, fmt.Errorf("read cart: %w", err)
	}
	return c, nil
}

// SaveCart keeps a cart whole, in place of the one of the same token. Whether anything in it can be bought is
// asked when it is priced. Error: ErrCart for a token that can be guessed or a cart that is too large.
func (s *Service) SaveCart(ctx context.Context, token string, c Cart) error {
	if err := c.check(token); err != nil {
		return err
	}
	c.ID, c.Updated = ids.New[ids.Cart](), s.clock.Now()
	if err := s.store.putCart(ctx, hash(token), c); err != nil {
		return fmt.Errorf("save cart: %w", err)
	}
	return nil
}

func (c Cart) check(token string) error {
	refuse := func(format string, args ...any) error { return ErrCart.Because(fmt.Errorf(format, args...)) }
	switch {
	case len(token) < tokenLeast || len(token) > tokenMost:
		return refuse("a token of %d letters", len(token))
	case len(c.Lines) > cartLines:
		return refuse("%d lines", len(c.Lines))
	case len(c.Currency) > 3 || utf8.RuneCountInString(c.Coupon) > 100:
		return refuse("currency %.10q, a coupon of %d letters", c.Currency, len(c.Coupon))
	}
	seen := map[string]bool{}
	for _, l := range c.Lines {
		if l.Key == "" || seen[l.Key] || !l.Cycle.IsValid() || utf8.RuneCountInString(l.Label) > 120 || len(l.Options) > 100 {
			return refuse("line %.40q", l.Key)
		}
		seen[l.Key] = true
	}
	return nil
}

// DropCart forgets the cart of a token. None is no error.
func (s *Service) DropCart(ctx context.Context, token string) error {
	if err := s.store.dropCart(ctx, hash(token)); err != nil {
		return fmt.Errorf("drop cart: %w", err)
	}
	return nil
}

// PurgeCarts forgets carts that nobody has touched since a time. It answers how many.
func (s *Service) PurgeCarts(ctx context.Context, before time.Time) (int64, error) {
	n, err := s.store.purgeCarts(ctx, before)
	if err != nil {
		return n, fmt.Errorf("purge carts: %w", err)
	}
	return n, nil
}
