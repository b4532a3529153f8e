package view

import (
	"compress/gzip"
	"net/http"
	"sync"

	"github.com/labstack/echo/v4"
)

// Key names a page that is the same for everybody. Version changes with the data behind it.
type Key struct{ Path, Query, Currency, Lang, Theme, Version string }

// KeyOf fills in path, language and scheme of a request; the caller adds currency, version, and of the query
// what the page depends on.
func KeyOf(c echo.Context) Key {
	k := Key{Path: c.Request().URL.Path, Theme: Scheme(c)}
	if s := siteOf(c); s != nil {
		k.Lang = s.locale(c)
	}
	return k
}

// Cache keeps drawn pages, compressed too, by Key. It is for pages of the storefront seen by nobody in
// particular: they hold no token, name or flash. Safe for many goroutines.
type Cache struct {
	limit int

	mu      sync.Mutex // one page is drawn at a time, so that a new version is not drawn by every visitor at once
	entries sync.Map   // Key → *cached
	count   int
}

type cached struct {
	body, gzip []byte
	etag       string
}

// NewCache makes a cache of at most limit pages; when it is full it starts anew.
func NewCache(limit int) *Cache { return &Cache{limit: limit} }

// Serve answers with the page of a key, and calls build only if it is not there: which template, and the page
// struct. A build that fails keeps nothing.
func (k *Cache) Serve(c echo.Context, key Key, build func() (template string, page any, err error)) error {
	if v, ok := k.entries.Load(key); ok {
		return k.answer(c, v.(*cached))
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if v, ok := k.entries.Load(key); ok {
		return k.answer(c, v.(*cached))
	}
	template, page, err := build()
	if err != nil {
		return err
	}
	s := siteOf(c)
	p, ok := page.(pager)
	if s == nil || !ok {
		return &mistake{"a cached page needs the middleware of a site and a pointer to a page struct"}
	}
	s.fill(c, p.common())
	p.common().RequestID, p.common().Clock = "", ""
	body, err := s.draw(template, page, p.common())
	if err != nil {
		return err
	}
	v := &cached{body: body, gzip: zip(body, gzip.BestCompression), etag: etagOf(body)}
	if k.count >= k.limit {
		k.entries.Clear()
		k.count = 0
	}
	k.entries.Store(key, v)
	k.count++
	return k.answer(c, v)
}

func (k *Cache) answer(c echo.Context, v *cached) error {
	c.Response().Header().Set("Cache-Control", "private, no-cache")
	return send(c, http.StatusOK, "text/html; charset=utf-8", v.etag, v.body, v.gzip)
}
