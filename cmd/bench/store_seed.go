package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	_ "github.com/go-sql-driver/mysql" // the server's databases are made and dropped with it

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
)

// newDatabase makes an empty database on a server and says how to drop it.
func newDatabase(ctx context.Context, server, name string) (dsn string, drop func() error, err error) {
	base := strings.TrimPrefix(server[:strings.LastIndex(server, "/")+1], "mysql://")
	admin, err := sql.Open("mysql", base)
	if err != nil {
		return "", nil, err
	}
	defer admin.Close()
	for _, q := range []string{"DROP DATABASE IF EXISTS `" + name + "`", "CREATE DATABASE `" + name + "`"} {
		if _, err := admin.ExecContext(ctx, q); err != nil {
			return "", nil, err
		}
	}
	return "mysql://" + base + name, func() error {
		admin, err := sql.Open("mysql", base)
		if err != nil {
			return err
		}
		defer admin.Close()
		_, err = admin.ExecContext(context.WithoutCancel(ctx), "DROP DATABASE `"+name+"`")
		return err
	}, nil
}

// copies multiplies what one customer has.
type copies struct{ db *db.DB }

// record is a row as it was read, with the columns in the order of the table.
type record struct {
	table   string
	columns []string
	values  []any
	at      map[string]int
}

func (r record) with(change map[string]any) []any {
	row := append([]any(nil), r.values...)
	for column, v := range change {
		row[r.at[column]] = v
	}
	return row
}

func (c copies) read(ctx context.Context, table, column string, id any) (r record, err error) {
	rows, err := c.db.Read(ctx).QueryContext(ctx, "SELECT * FROM "+table+" WHERE "+column+" = ? LIMIT 1", id)
	if err != nil {
		return r, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return r, err
	}
	r = record{table: table, values: make([]any, len(types)), at: map[string]int{}}
	to := make([]any, len(types))
	for i, t := range types {
		r.columns, r.at[t.Name()], to[i] = append(r.columns, t.Name()), i, &r.values[i]
	}
	if !rows.Next() {
		return r, fmt.Errorf("%s has no row of %v: %w", table, id, rows.Err())
	}
	if err := rows.Scan(to...); err != nil {
		return r, err
	}
	for i, t := range types {
		switch v := r.values[i].(type) {
		case []byte:
			r.values[i] = string(v)
		case time.Time:
			if t.DatabaseTypeName() == "DATE" {
				r.values[i] = v.Format(time.DateOnly)
			}
		}
	}
	return r, nil
}

// copiesAtOnce is how many customers are written in one transaction.
const copiesAtOnce = 500

// make writes n more customers with a service each, like those given.
func (c copies) make(ctx context.Context, cus ids.Customer, sub ids.Subscription, n int) error {
	var from []record
	for _, of := range []struct {
		table, column string
		id            any
	}{{"customers", "id", cus}, {"subscriptions", "id", sub}, {"subscription_items", "subscription_id", sub}, {"obligations", "subscription_id", sub}} {
		r, err := c.read(ctx, of.table, of.column, of.id)
		if err != nil {
			return err
		}
		from = append(from, r)
	}
	for done := 0; done < n; {
		size := min(copiesAtOnce, n-done)
		rows := make([][][]any, len(from))
		for i := range size {
			no := done + i + 2
			cus, sub := string(ids.New[ids.Customer]()), string(ids.New[ids.Subscription]())
			mail := fmt.Sprintf("jana%d@example.com", no)
			for t, change := range []map[string]any{
				{"id": cus, "number_no": no + 1_000_000, "last_name": fmt.Sprintf("Sommer%d", no), "email": mail, "search_text": fmt.Sprintf("jana sommer%d %s", no, mail)},
				{"id": sub, "customer_id": cus},
				{"id": string(ids.New[ids.Item]()), "subscription_id": sub},
				{"id": string(ids.New[ids.Obligation]()), "subscription_id": sub},
			} {
				rows[t] = append(rows[t], from[t].with(change))
			}
		}
		err := c.db.Tx(ctx, func(ctx context.Context) error {
			for t, r := range from {
				if err := c.db.InsertRows(ctx, r.table, r.columns, rows[t]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		done += size
	}
	return nil
}
