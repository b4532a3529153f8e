package migrations

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

func TestRender(t *testing.T) {
	const source = "-- {{instant}} and {{nonsense}} are explained here\n-- +goose Up\nCREATE TABLE a (\n  id {{autoid}},\n  at {{instant}},\n  name {{text 80}} NOT NULL\n){{tail}};\n"
	tests := map[Dialect]string{
		SQLite: "-- +goose Up\nCREATE TABLE a (\n  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,\n  at DATETIME,\n  name VARCHAR(80) CHECK (length(`name`) <= 80) NOT NULL\n);\n",
		MySQL:  "-- +goose Up\nCREATE TABLE a (\n  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,\n  at DATETIME(6),\n  name VARCHAR(80) NOT NULL\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;\n",
	}
	for d, want := range tests {
		got, err := Render(source, d)
		if err != nil || got != want {
			t.Errorf("%s: %v\n%s", d, err, got)
		}
		if _, err := Render("CREATE TABLE a (b {{instnat}});", d); err == nil {
			t.Errorf("%s: a misspelled word was rendered", d)
		}
	}
}

func TestPairs(t *testing.T) {
	source := fstest.MapFS{
		"0001_a.sql":        {Data: []byte("both")},
		"0002_b.sqlite.sql": {Data: []byte("lite")},
		"0002_b.mysql.sql":  {Data: []byte("my")},
	}
	for d, want := range map[Dialect]string{SQLite: "lite", MySQL: "my"} {
		out, err := render(source, d)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := fs.ReadFile(out, "0002_b.sql"); err != nil || string(text) != want {
			t.Errorf("%s: %q, %v", d, text, err)
		}
		if names, err := fs.Glob(out, "*.sql"); err != nil || strings.Join(names, " ") != "0001_a.sql 0002_b.sql" {
			t.Errorf("%s: %v, %v", d, names, err)
		}
	}
	source["0002_b.sql"] = &fstest.MapFile{Data: []byte("both")}
	if _, err := render(source, MySQL); err == nil {
		t.Error("two sources for one migration were taken")
	}
}

func TestEveryMigrationRendersForBoth(t *testing.T) {
	for _, d := range []Dialect{SQLite, MySQL} {
		out, err := For(d)
		if err != nil {
			t.Fatal(err)
		}
		if err := fstest.TestFS(out, "0001_foundation.sql"); err != nil {
			t.Fatal(err)
		}
	}
}
