// Command schema makes an empty database with the present schema, for the generator of the models.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/ezscale/bursar/core/data/db"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: schema DSN")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "schema:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dsn string) error {
	d, err := db.Open(ctx, db.Config{DSN: dsn})
	if err != nil {
		return err
	}
	if err := d.Migrate(ctx); err != nil {
		d.Close()
		return err
	}
	return d.Close()
}
