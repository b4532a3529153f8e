// Command boiler writes core/data/models from a SQLite file that has the schema. The models speak
// MySQL's dialect (backticks, last insert ID), which SQLite understands too, so that one set serves both.
// `make generate` runs it through tools/generate.sh.
package main

import (
	"fmt"
	"os"

	"github.com/volatiletech/sqlboiler/v4/boilingcore"
	"github.com/volatiletech/sqlboiler/v4/drivers"
	sqlite "github.com/volatiletech/sqlboiler/v4/drivers/sqlboiler-sqlite3/driver"
	"github.com/volatiletech/sqlboiler/v4/importers"
)

const name = "bursar"

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: boiler FILE.db FOLDER")
		os.Exit(2)
	}
	if err := generate(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "boiler:", err)
		os.Exit(1)
	}
}

func generate(file, folder string) error {
	drivers.RegisterFromInit(name, both{})
	state, err := boilingcore.New(&boilingcore.Config{
		DriverName:        name,
		DriverConfig:      drivers.Config{"dbname": file, "blacklist": []string{"goose_db_version"}},
		PkgName:           "models",
		OutFolder:         folder,
		NoTests:           true,
		NoHooks:           true,
		NoAutoTimestamps:  true, // times come from the injected clock, in microseconds
		NoDriverTemplates: true, // they hold only an upsert in SQLite's dialect; db.Upsert knows both
		Wipe:              true,
		Imports:           importers.NewDefaultImports(),
		Version:           "4.18.0", // as in go.mod
		Aliases: boilingcore.Aliases{Tables: map[string]boilingcore.TableAlias{"number_series": { // one and many would be one word
			UpSingular: "NumberSeriesRow", DownSingular: "numberSeriesRow", UpPlural: "NumberSeries", DownPlural: "numberSeries",
		}}},
		TypeReplaces: []boilingcore.TypeReplace{day(false), day(true)},
	})
	if err != nil {
		return err
	}
	if err := state.Run(); err != nil {
		return err
	}
	return state.Cleanup()
}

// day makes a DATE column a period.Day, whose zero is NULL: SQLite would store a time.Time with its hours.
func day(nullable bool) boilingcore.TypeReplace {
	return boilingcore.TypeReplace{
		Match:   drivers.Column{DBType: "DATE", Nullable: nullable},
		Replace: drivers.Column{Type: "period.Day", Nullable: nullable},
		Imports: importers.Set{ThirdParty: importers.List{`"github.com/ezscale/bursar/core/base/period"`}},
	}
}

// both reads SQLite and has models written for SQLite and MySQL.
type both struct{ sqlite.SQLiteDriver }

func (b both) Assemble(c drivers.Config) (*drivers.DBInfo, error) {
	info, err := b.SQLiteDriver.Assemble(c)
	if err != nil {
		return nil, err
	}
	info.Dialect = drivers.Dialect{LQ: '`', RQ: '`', UseLastInsertID: true}
	for _, table := range info.Tables {
		for i := range table.Columns {
			if table.Columns[i].Default == "NULL" { // else each insert would read back what it left out
				table.Columns[i].Default = ""
			}
		}
	}
	return info, nil
}

func (b both) Imports() (importers.Collection, error) {
	c, err := b.SQLiteDriver.Imports()
	c.All, c.Singleton, c.TestSingleton = importers.Set{}, nil, nil // needed by the upsert only
	return c, err
}
