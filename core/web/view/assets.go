package view

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"
)

// assetPath is where built files are served, on every site.
const assetPath = "/assets/"

// assets are the built files of a chain of themes, in memory, by the name in their address.
type assets struct {
	files map[string]asset
	theme string // address of the child's stylesheet, "" without one
}

type asset struct {
	body, gzip []byte
	kind, etag string
}

// assetURLs knows the address of each built file, for the filters, which are one for the process.
var assetURLs sync.Map

func assetURL(name string) string {
	if u, ok := assetURLs.Load(name); ok {
		return u.(string)
	}
	return assetPath + name
}

// spriteURL is kept apart from the map because a page asks for it dozens of times.
func iconSVG(name, class string) string {
	if class != "" {
		class = " " + class
	}
	return `<svg class="icon` + html.EscapeString(class) + `" aria-hidden="true"><use href="` + assetURL("icons.svg") + `#i-` + html.EscapeString(name) + `"/></svg>`
}

// readAssets loads assets/dist of the default theme by its manifest and the assets of child themes. A default
// theme that was not built has no files: pages then come without style.
func readAssets(themes []fs.FS) (*assets, error) {
	a := &assets{files: map[string]asset{}}
	base := themes[len(themes)-1]
	names := map[string]string{}
	if text, err := fs.ReadFile(base, "assets/dist/manifest.json"); err == nil {
		if err := json.Unmarshal(text, &names); err != nil {
			return nil, fmt.Errorf("assets/dist/manifest.json: %w", err)
		}
	}
	for name, hashed := range names {
		body, err := fs.ReadFile(base, "assets/dist/"+hashed)
		if err != nil {
			return nil, err
		}
		a.add(name, hashed, body)
	}
	for i := len(themes) - 2; i >= 0; i-- {
		err := fs.WalkDir(themes[i], "assets", func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				if d == nil { // no such folder
					return nil
				}
				return err
			}
			body, err := fs.ReadFile(themes[i], file)
			if err != nil {
				return err
			}
			name := strings.TrimPrefix(file, "assets/")
			sum := sha256.Sum256(body)
			ext := path.Ext(name)
			hashed := strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:4]) + ext
			if name == "theme.css" {
				a.theme = assetPath + hashed
			}
			a.add(name, hashed, body)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *assets) add(name, hashed string, body []byte) {
	f := asset{body: body, kind: mime.TypeByExtension(path.Ext(name)), etag: etagOf(body)}
	switch path.Ext(name) {
	case ".woff2":
		f.kind = "font/woff2"
	case ".js":
		f.kind = "text/javascript; charset=utf-8"
	}
	if f.kind == "" {
		f.kind = "application/octet-stream"
	}
	if path.Ext(name) != ".woff2" {
		f.gzip = zip(body, gzip.BestCompression)
	}
	a.files[hashed] = f
	assetURLs.Store(name, assetPath+hashed)
}

// Assets serves GET and HEAD of /assets/*. The address of a file holds a hash of its content, so browsers keep it for a year.
func (e *Engine) Assets(c echo.Context) error {
	f, ok := e.assets.files[strings.TrimPrefix(c.Request().URL.Path, assetPath)]
	if !ok {
		return echo.ErrNotFound
	}
	h := c.Response().Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	return send(c, http.StatusOK, f.kind, f.etag, f.body, f.gzip)
}

// send answers bytes that may be known to the browser already and may exist compressed.
func send(c echo.Context, status int, kind, etag string, body, zipped []byte) error {
	h, req := c.Response().Header(), c.Request()
	if len(zipped) > 0 {
		h.Set("Vary", "Accept-Encoding")
		if strings.Contains(req.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			body = zipped
			etag = strings.TrimSuffix(etag, `"`) + `-gz"`
		}
	}
	h.Set("ETag", etag)
	if match := req.Header.Get("If-None-Match"); match != "" && strings.Contains(match, etag) {
		h.Del("Content-Encoding")
		return c.NoContent(http.StatusNotModified)
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Content-Type", kind)
	c.Response().WriteHeader(status)
	if req.Method == http.MethodHead {
		return nil
	}
	_, err := c.Response().Write(body)
	return err
}

func etagOf(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + hex.EncodeToString(sum[:8]) + `"`
}

func zip(body []byte, level int) []byte {
	var buf bytes.Buffer
	w, err := gzip.NewWriterLevel(&buf, level)
	if err != nil {
		return nil
	}
	if _, err := w.Write(body); err != nil || w.Close() != nil || buf.Len() >= len(body) {
		return nil
	}
	return buf.Bytes()
}
