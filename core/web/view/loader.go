package view

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// maxDepth is how deep templates may include or extend each other.
const maxDepth = 12

// chain looks templates up in a list of themes, the child first. A resolved name is "<level>:<path>", so that
// "base:layout/portal.html" in a file of level 0 means the same path of level 1 or below.
type chain struct{ themes []fs.FS }

// Abs answers the resolved name. A path is always from the root of a theme; nothing leads out of it.
func (c chain) Abs(base, name string) string {
	if _, _, ok := split(name); ok {
		return name
	}
	from := 0
	if rest, ok := strings.CutPrefix(name, "base:"); ok {
		name = rest
		if level, _, ok := split(base); ok {
			from = level + 1
		}
	}
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	for level := from; level < len(c.themes); level++ {
		if info, err := fs.Stat(c.themes[level], name); err == nil && info.Mode().IsRegular() {
			return strconv.Itoa(level) + ":" + name
		}
	}
	return strconv.Itoa(len(c.themes)) + ":" + name // Get says that it is missing
}

// Get opens a resolved name. Lines that hold nothing but a tag leave nothing behind: the space before a tag at the
// beginning of a line goes, and the line's end after one. The engine's own options for that change the compiled
// template with each use, and take the space before tags within lines as well. Texts of mails keep their lines: Mail
// leaves out what is empty.
func (c chain) Get(name string) (io.Reader, error) {
	text, err := c.read(name)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(name, ".txt") {
		return bytes.NewReader(text), nil
	}
	text = indents.ReplaceAll(text, []byte("{%"))
	return bytes.NewReader(bytes.ReplaceAll(text, []byte("%}\n"), []byte("%}"))), nil
}

var indents = regexp.MustCompile(`(?m)^[ \t]+\{%`)

func (c chain) read(name string) ([]byte, error) {
	level, file, ok := split(name)
	if !ok || level >= len(c.themes) {
		return nil, fmt.Errorf("no theme has the template %s", file)
	}
	return fs.ReadFile(c.themes[level], file)
}

func split(name string) (level int, file string, ok bool) {
	head, file, found := strings.Cut(name, ":")
	level, err := strconv.Atoi(head)
	return level, file, found && err == nil
}

var (
	lead  = regexp.MustCompile(`\{%-?\s*(include|extends|import|ssi)\s+([^\s%]+)`)
	fixed = regexp.MustCompile(`^"([^"]+)"$`)
)

// check refuses what the engine itself would follow without end: templates that include each other in a
// circle, and includes whose name is computed. It reads every template of every theme.
func (c chain) check() error {
	done := map[string]bool{}
	for level, theme := range c.themes {
		err := fs.WalkDir(theme, ".", func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				if err == nil && file == "assets" {
					return fs.SkipDir
				}
				return err
			}
			if ext := path.Ext(file); ext != ".html" && ext != ".txt" {
				return nil
			}
			return c.follow(strconv.Itoa(level)+":"+file, nil, done)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (c chain) follow(name string, way []string, done map[string]bool) error {
	for _, w := range way {
		if w == name {
			return fmt.Errorf("templates include each other: %s", strings.Join(append(way, name), ", "))
		}
	}
	if len(way) >= maxDepth {
		return fmt.Errorf("templates deeper than %d: %s", maxDepth, strings.Join(way, ", "))
	}
	text, err := c.read(name)
	if err != nil {
		return fmt.Errorf("template %s used by %v: %w", name, way, err)
	}
	if done[name] && len(way) == 0 {
		return nil
	}
	done[name] = true
	for _, m := range lead.FindAllSubmatch(text, -1) {
		if string(m[1]) == "ssi" {
			return fmt.Errorf("template %s uses ssi", name)
		}
		to := fixed.FindSubmatch(m[2])
		if to == nil {
			return fmt.Errorf("template %s: the name after %s must be a text in quotes", name, m[1])
		}
		if err := c.follow(c.Abs(name, string(to[1])), append(way[:len(way):len(way)], name), done); err != nil {
			return err
		}
	}
	return nil
}
