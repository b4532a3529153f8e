package view

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/flosch/pongo2/v6"

	"github.com/ezscale/bursar/core/base/clock"
)

// Options of an engine.
type Options struct {
	Themes []fs.FS        // the child theme first, the default theme last
	Clock  clock.Clock    // what time pages believe it is
	Zone   *time.Location // of the business; UTC if nil
	Key    []byte         // signs what is told over a redirect, 32 bytes; flashes are left out without it
	Secure bool           // cookies only over TLS
}

// Engine draws the templates of one chain of themes. It is safe for many goroutines.
type Engine struct {
	opts   Options
	set    *pongo2.TemplateSet
	chain  chain
	assets *assets
	words  map[string]map[string]string // locale, then English, then translation

	compile  sync.Mutex
	compiled sync.Map // name → *pongo2.Template
}

// New reads the themes. It fails on templates that include each other, on names that are not fixed, and on
// translations that are not JSON objects of texts.
func New(o Options) (*Engine, error) {
	if len(o.Themes) == 0 || o.Clock == nil {
		return nil, errors.New("view: themes and a clock are needed")
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	registerFilters()
	e := &Engine{opts: o, chain: chain{o.Themes}, words: map[string]map[string]string{}}
	if err := e.chain.check(); err != nil {
		return nil, err
	}
	var err error
	if e.assets, err = readAssets(o.Themes); err != nil {
		return nil, err
	}
	if err := e.readWords(); err != nil {
		return nil, err
	}
	e.set = pongo2.NewSet("theme", e.chain)
	if err := e.set.BanTag("ssi"); err != nil {
		return nil, err
	}
	return e, nil
}

// Check compiles every template, so that a mistake in a theme is found at the start and not by a customer.
func (e *Engine) Check() error {
	for _, theme := range e.opts.Themes {
		err := fs.WalkDir(theme, ".", func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				if err == nil && (file == "assets" || file == "lang") {
					return fs.SkipDir
				}
				return err
			}
			if ext := path.Ext(file); ext != ".html" && ext != ".txt" {
				return nil
			}
			_, err = e.template(file)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Has says whether a theme has a template.
func (e *Engine) Has(name string) bool {
	level, _, _ := split(e.chain.Abs("", name))
	return level < len(e.opts.Themes)
}

// Draw executes a template with a page struct or any other documented struct as "page". A template that
// panics is an error. A nil reader reads English in UTC.
func (e *Engine) Draw(template string, page any, reader *Reader) (out []byte, err error) {
	t, err := e.template(template)
	if err != nil {
		return nil, err
	}
	if reader == nil {
		reader = e.Reader("en", nil)
	}
	defer func() {
		if p := recover(); p != nil {
			out, err = nil, fmt.Errorf("template %s panics: %v\n%s", template, p, debug.Stack())
		}
	}()
	out, err = t.ExecuteBytes(pongo2.Context{"page": page, "L": reader})
	if err != nil {
		return nil, fmt.Errorf("template %s: %w", template, err)
	}
	return out, nil
}

func (e *Engine) template(name string) (*pongo2.Template, error) {
	if t, ok := e.compiled.Load(name); ok {
		return t.(*pongo2.Template), nil
	}
	e.compile.Lock()
	defer e.compile.Unlock()
	if t, ok := e.compiled.Load(name); ok {
		return t.(*pongo2.Template), nil
	}
	t, err := e.set.FromFile(e.chain.Abs("", name))
	if err != nil {
		return nil, fmt.Errorf("template %s: %w", name, err)
	}
	e.compiled.Store(name, t)
	return t, nil
}

// readWords merges lang/<locale>.json of all themes, the child's last.
func (e *Engine) readWords() error {
	for i := len(e.opts.Themes) - 1; i >= 0; i-- {
		files, err := fs.Glob(e.opts.Themes[i], "lang/*.json")
		if err != nil {
			return err
		}
		for _, file := range files {
			text, err := fs.ReadFile(e.opts.Themes[i], file)
			if err != nil {
				return err
			}
			words := map[string]string{}
			if err := json.NewDecoder(bytes.NewReader(text)).Decode(&words); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			locale := strings.TrimSuffix(path.Base(file), ".json")
			if e.words[locale] == nil {
				e.words[locale] = map[string]string{}
			}
			for k, v := range words {
				e.words[locale][k] = v
			}
		}
	}
	return nil
}

// Reader is someone who reads pages: language, zone, and what time it is for them. Templates call it L.
type Reader struct {
	Locale string
	Zone   *time.Location
	Now    time.Time
	words  map[string]string
	money  formatter
}

// Reader makes a reader of a locale such as "de-AT"; nil is the zone of the business.
func (e *Engine) Reader(locale string, zone *time.Location) *Reader {
	if locale == "" {
		locale = "en"
	}
	if zone == nil {
		zone = e.opts.Zone
	}
	words := e.words[locale]
	if words == nil {
		language, _, _ := strings.Cut(locale, "-")
		words = e.words[language]
	}
	return &Reader{Locale: locale, Zone: zone, Now: e.opts.Clock.Now().In(zone), words: words, money: formatterOf(locale)}
}

// Say answers the translation of an English text, or the text.
func (r *Reader) Say(english string) string {
	if r != nil {
		if s, ok := r.words[english]; ok && s != "" {
			return s
		}
	}
	return english
}
