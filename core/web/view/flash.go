package view

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

const flashCookie = "flash"

// Tell shows a sentence once, on the next page of this browser. It travels in a signed cookie that lives a
// minute; the text is at most 300 bytes. kind is Note, Good, Soon or Bad.
func Tell(c echo.Context, kind, text string) {
	s := siteOf(c)
	if s == nil || len(s.engine.opts.Key) == 0 {
		return
	}
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "")
	}
	value := base64.RawURLEncoding.EncodeToString([]byte(kind + "\n" + text))
	c.SetCookie(&http.Cookie{Name: flashCookie, Value: value + "." + s.engine.sign(value), Path: "/", MaxAge: 60,
		HttpOnly: true, Secure: s.engine.opts.Secure, SameSite: http.SameSiteLaxMode})
}

func (e *Engine) sign(value string) string {
	mac := hmac.New(sha256.New, e.opts.Key)
	mac.Write([]byte("flash\n" + value))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18])
}

// told takes what was told on the way here, once.
func (e *Engine) told(c echo.Context) []Flash {
	k, err := c.Cookie(flashCookie)
	if err != nil || k.Value == "" || len(e.opts.Key) == 0 {
		return nil
	}
	c.SetCookie(&http.Cookie{Name: flashCookie, Path: "/", MaxAge: -1, HttpOnly: true, Secure: e.opts.Secure, SameSite: http.SameSiteLaxMode})
	value, sum, _ := strings.Cut(k.Value, ".")
	if !hmac.Equal([]byte(sum), []byte(e.sign(value))) {
		return nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		return nil
	}
	kind, text, _ := strings.Cut(string(raw), "\n")
	switch kind {
	case Note, Good, Soon, Bad:
		return []Flash{{kind, text}}
	}
	return nil
}
