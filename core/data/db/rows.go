package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Bounds of one statement: SQLite takes 32,766 parameters, MySQL's smallest usual packet is 16 MiB.
const (
	maxParams = 30_000
	maxBytes  = 4 << 20
)

// InsertRows writes many rows with as few statements as their size allows. Every row has a value for each
// column. Call it in a transaction if all or none must be written.
//
// Errors: IsDuplicate, with the rows of earlier statements written.
func (d *DB) InsertRows(ctx context.Context, table string, columns []string, rows [][]any) error {
	return d.insert(ctx, table, columns, rows, "")
}

// Upsert says how to write rows of which some may exist.
type Upsert struct {
	Table   string
	Columns []string
	Keys    []string // columns of the primary key or of the unique index that may be met
	Set     []string // columns that are replaced in a row that exists
	Add     []string // columns of numbers that the new value is added to; with neither, the old row stays
	Rows    [][]any
}

// Upsert writes rows, or changes those that exist. Two rows of one set must not have the same keys.
func (d *DB) Upsert(ctx context.Context, u Upsert) error {
	var set []string
	for _, c := range u.Set {
		if d.mysql() {
			set = append(set, fmt.Sprintf("`%s` = VALUES(`%s`)", c, c))
		} else {
			set = append(set, fmt.Sprintf("`%s` = excluded.`%s`", c, c))
		}
	}
	for _, c := range u.Add {
		if d.mysql() {
			set = append(set, fmt.Sprintf("`%s` = `%s` + VALUES(`%s`)", c, c, c))
		} else {
			set = append(set, fmt.Sprintf("`%s` = `%s`.`%s` + excluded.`%s`", c, u.Table, c, c))
		}
	}
	if err := check(slices.Concat(u.Keys, u.Set, u.Add)...); err != nil {
		return err
	}
	if len(u.Keys) == 0 {
		return fmt.Errorf("upsert into %s without keys", u.Table)
	}
	var tail string
	switch {
	case !d.mysql() && len(set) == 0:
		tail = fmt.Sprintf(" ON CONFLICT (`%s`) DO NOTHING", strings.Join(u.Keys, "`,`"))
	case !d.mysql():
		tail = fmt.Sprintf(" ON CONFLICT (`%s`) DO UPDATE SET %s", strings.Join(u.Keys, "`,`"), strings.Join(set, ", "))
	case len(set) == 0: // INSERT IGNORE would also hide values that do not fit
		tail = fmt.Sprintf(" ON DUPLICATE KEY UPDATE `%s` = `%s`", u.Keys[0], u.Keys[0])
	default:
		tail = " ON DUPLICATE KEY UPDATE " + strings.Join(set, ", ")
	}
	return d.insert(ctx, u.Table, u.Columns, u.Rows, tail)
}

func (d *DB) insert(ctx context.Context, table string, columns []string, rows [][]any, tail string) error {
	if err := check(append([]string{table}, columns...)...); err != nil {
		return err
	}
	if len(columns) == 0 || len(columns) > maxParams {
		return fmt.Errorf("insert into %s: %d columns", table, len(columns))
	}
	head := fmt.Sprintf("INSERT INTO `%s` (`%s`) VALUES ", table, strings.Join(columns, "`,`"))
	one := "(?" + strings.Repeat(",?", len(columns)-1) + ")"
	for len(rows) > 0 {
		n, size := 0, 0
		for n < len(rows) && (n+1)*len(columns) <= maxParams {
			if len(rows[n]) != len(columns) {
				return fmt.Errorf("insert into %s: a row of %d values for %d columns", table, len(rows[n]), len(columns))
			}
			size += width(rows[n])
			if n > 0 && size > maxBytes {
				break
			}
			n++
		}
		args := make([]any, 0, n*len(columns))
		for _, row := range rows[:n] {
			args = append(args, row...)
		}
		query := head + one + strings.Repeat(","+one, n-1) + tail
		if _, err := d.Write(ctx).ExecContext(ctx, query, args...); err != nil {
			return fmt.Errorf("insert %d rows into %s: %w", n, table, err)
		}
		rows = rows[n:]
	}
	return nil
}

// Sum is what an UPDATE sets a number to that Summed answers: an expression such as "next_no + ?".
func (d *DB) Sum(expression string) string {
	if d.mysql() {
		return "LAST_INSERT_ID(" + expression + ")"
	}
	return expression
}

// Summed runs an UPDATE of one row and answers the number that it set with Sum: nobody can come between. ok is false if
// it found no row.
func (d *DB) Summed(ctx context.Context, column, update string, args ...any) (sum int64, ok bool, err error) {
	if d.mysql() {
		res, err := d.Write(ctx).ExecContext(ctx, update, args...)
		if err != nil {
			return 0, false, err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return 0, false, err
		}
		sum, err = res.LastInsertId()
		return sum, err == nil, err
	}
	if err := check(column); err != nil {
		return 0, false, err
	}
	err = d.Write(ctx).QueryRowContext(ctx, update+" RETURNING `"+column+"`", args...).Scan(&sum)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return sum, err == nil, err
}

// Numbers reads a column of whole numbers.
func (d *DB) Numbers(ctx context.Context, query string, args ...any) (out []int64, err error) {
	rows, err := d.Read(ctx).QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, rows.Err()
}

// width is about how many bytes a row takes in a statement.
func width(row []any) int {
	size := 0
	for _, v := range row {
		switch v := v.(type) {
		case string:
			size += len(v) + 4
		case []byte:
			size += 2*len(v) + 4
		case fmt.Stringer:
			size += len(v.String()) + 4
		default:
			size += 32
		}
	}
	return size
}

// check keeps everything but plain names out of the text of a statement.
func check(names ...string) error {
	for _, name := range names {
		if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			return fmt.Errorf("%q is no name of a table or column", name)
		}
	}
	return nil
}

// In is the list of a condition `column IN `+list, with its arguments. No values give a list that nothing is in.
// Lists over 10,000 values are better read in chunks (slices.Chunk).
func In[T any](values []T) (list string, args []any) {
	if len(values) == 0 {
		return "(NULL)", nil
	}
	args = make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	return "(?" + strings.Repeat(",?", len(values)-1) + ")", args
}

// Contains is the argument of `column LIKE ? ESCAPE '!'` that finds text anywhere, whatever signs it has.
// SQLite ignores the case of ASCII letters, MySQL does not: fold both sides before.
func Contains(text string) string { return "%" + escape(text) + "%" }

// StartsWith is the argument of `column LIKE ? ESCAPE '!'` that finds what starts with text.
func StartsWith(text string) string { return escape(text) + "%" }

func escape(text string) string {
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(text)
}
