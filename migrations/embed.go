// Package migrations owns the schema: SQL files in one portable source, embedded and rendered for SQLite or
// MySQL. The words that differ between the two are explained at the top of 0001_foundation.sql. A file
// NNNN_name.sqlite.sql and its pair NNNN_name.mysql.sql stand where the two must differ in more.
// Applying them belongs to core/data/db. A migration that was released is never edited.
package migrations

import (
	"embed"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Dialect is a database to render for.
type Dialect string

// The dialects. MySQL is also MariaDB.
const (
	SQLite Dialect = "sqlite"
	MySQL  Dialect = "mysql"
)

//go:embed *.sql
var sources embed.FS

// words of the portable source, besides {{text N}}.
var words = map[Dialect]*strings.Replacer{
	SQLite: strings.NewReplacer(
		"{{autoid}}", "INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL",
		"{{instant}}", "DATETIME", // with (6) the driver would no longer answer a time
		"{{longtext}}", "TEXT",
		"{{bytes}}", "BLOB",
		"{{tail}}", "",
	),
	MySQL: strings.NewReplacer(
		"{{autoid}}", "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY",
		"{{instant}}", "DATETIME(6)",
		"{{longtext}}", "LONGTEXT",
		"{{bytes}}", "LONGBLOB",
		"{{tail}}", " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin",
	),
}

var humanText = regexp.MustCompile(`(\w+)(\s+)\{\{text (\d+)\}\}`)

// Render puts the words of one database into a portable source. Error: a word is unknown.
func Render(source string, d Dialect) (string, error) {
	text := "$1${2}VARCHAR($3)"
	if d == SQLite { // it would store more than fits, silently
		text += " CHECK (length(`$1`) <= $3)"
	}
	// The notes at the top explain the words by name; they are not part of the schema.
	var lines []string
	for line := range strings.Lines(source) {
		if !strings.HasPrefix(line, "--") || strings.HasPrefix(line, "-- +goose") {
			lines = append(lines, line)
		}
	}
	out := words[d].Replace(humanText.ReplaceAllString(strings.Join(lines, ""), text))
	if i := strings.Index(out, "{{"); i >= 0 {
		return "", fmt.Errorf("unknown word %.20q", out[i:])
	}
	return out, nil
}

// For is the schema of one database as goose reads it: a folder of NNNN_name.sql files.
func For(d Dialect) (fs.FS, error) { return render(sources, d) }

func render(source fs.FS, d Dialect) (fs.FS, error) {
	names, err := fs.Glob(source, "*.sql")
	if err != nil {
		return nil, err
	}
	out := folder{}
	for _, name := range names {
		text, err := fs.ReadFile(source, name)
		if err != nil {
			return nil, err
		}
		bare := strings.TrimSuffix(name, ".sql")
		if only := strings.TrimPrefix(path.Ext(bare), "."); only != "" {
			if only != string(SQLite) && only != string(MySQL) {
				return nil, fmt.Errorf("migration %s: unknown database %q", name, only)
			}
			if only != string(d) {
				continue
			}
			bare = strings.TrimSuffix(bare, "."+only)
		}
		if _, twice := out[bare+".sql"]; twice {
			return nil, fmt.Errorf("migration %s: there is a portable file of that number too", name)
		}
		rendered, err := Render(string(text), d)
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", name, err)
		}
		out[bare+".sql"] = rendered
	}
	return out, nil
}

// folder is a folder of texts in memory.
type folder map[string]string

func (f folder) Open(name string) (fs.File, error) {
	if name == "." {
		return &file{info: info{name: name, dir: true}, entries: f.list()}, nil
	}
	text, ok := f[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &file{info: info{name: name, size: int64(len(text))}, Reader: strings.NewReader(text)}, nil
}

func (f folder) list() []fs.DirEntry {
	var all []fs.DirEntry
	for name, text := range f {
		all = append(all, fs.FileInfoToDirEntry(info{name: name, size: int64(len(text))}))
	}
	slices.SortFunc(all, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return all
}

type file struct {
	*strings.Reader
	info    info
	entries []fs.DirEntry
}

func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *file) Close() error               { return nil }

func (f *file) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		n = len(f.entries)
	} else if len(f.entries) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(f.entries))
	out := f.entries[:n]
	f.entries = f.entries[n:]
	return out, nil
}

type info struct {
	name string
	size int64
	dir  bool
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.dir }
func (i info) Sys() any           { return nil }
func (i info) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}
