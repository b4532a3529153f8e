package invoice

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
)

// store is the SQL of invoices. Writing in sets is in store_sets.go, lists in store_list.go.
type store struct{ db *db.DB }

const columns = `id, customer_id, kind, status, currency, series_id, bucket, number_no, number, issued_on, due_on, ladder_id, net_minor, tax_minor, rounding_minor, total_minor,
	base_currency, rate_pico, seller_snap, buyer_snap, frozen_hash, paid_minor, credited_minor, written_off_minor, disputed_minor, settled_at, pay_token_hash, created_at, version`

type scanner interface{ Scan(...any) error }

func scan(row scanner) (Invoice, error) {
	var inv Invoice
	var bucket, number, base, seller, buyer, frozen, payHash sql.NullString
	var no, rate sql.NullInt64
	var settled sql.NullTime
	err := row.Scan(&inv.ID, &inv.Customer, &inv.Kind, &inv.Status, &inv.Currency, &inv.series, &bucket, &no, &number, &inv.Issued, &inv.Due, &inv.Ladder, &inv.Net, &inv.Tax, &inv.Rounding, &inv.Total,
		&base, &rate, &seller, &buyer, &frozen, &inv.Paid, &inv.Credited, &inv.WrittenOff, &inv.Disputed, &settled, &payHash, &inv.Created, &inv.Version)
	if errors.Is(err, sql.ErrNoRows) {
		return Invoice{}, ErrNotFound
	}
	if err != nil {
		return Invoice{}, err
	}
	inv.bucket, inv.no, inv.Number, inv.Base, inv.RatePico, inv.Settled = bucket.String, no.Int64, number.String, base.String, rate.Int64, settled.Time
	inv.seller, inv.buyer, inv.frozen, inv.payHash = seller.String, buyer.String, frozen.String, payHash.String
	return inv, nil
}

func (s store) one(ctx context.Context, where string, args ...any) (Invoice, error) {
	return scan(s.db.Read(ctx).QueryRowContext(ctx, "SELECT "+columns+" FROM invoices WHERE "+where, args...))
}

func (s store) lock(ctx context.Context, id ids.Invoice) (Invoice, error) {
	return scan(s.db.Write(ctx).QueryRowContext(ctx, "SELECT "+columns+" FROM invoices WHERE id = ?"+s.db.ForUpdate(), string(id)))
}

// lockSet locks in the order of IDs, whatever the order of the set; those that do not exist are left out.
func (s store) lockSet(ctx context.Context, set []ids.Invoice) ([]Invoice, error) {
	var out []Invoice
	for chunk := range slices.Chunk(set, 5000) {
		list, args := db.In(ids.Strings(chunk))
		found, err := all(s.db.Write(ctx).QueryContext(ctx, "SELECT "+columns+" FROM invoices WHERE id IN "+list+" ORDER BY id"+s.db.ForUpdate(), args...))
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

func all(rows *sql.Rows, err error) ([]Invoice, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Invoice
	for rows.Next() {
		inv, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, inv)
	}
	return out, rows.Err()
}

func (s store) many(ctx context.Context, set []ids.Invoice) (map[ids.Invoice]Invoice, error) {
	out := make(map[ids.Invoice]Invoice, len(set))
	for chunk := range slices.Chunk(set, 5000) {
		list, args := db.In(ids.Strings(chunk))
		found, err := all(s.db.Read(ctx).QueryContext(ctx, "SELECT "+columns+" FROM invoices WHERE id IN "+list, args...))
		if err != nil {
			return nil, err
		}
		for _, inv := range found {
			out[inv.ID] = inv
		}
	}
	return out, nil
}

// save writes what may change after an invoice was issued, and nothing else.
func (s store) save(ctx context.Context, inv *Invoice) error {
	return s.update(ctx, inv, `UPDATE invoices SET status = ?, paid_minor = ?, credited_minor = ?, written_off_minor = ?, disputed_minor = ?, settled_at = ?, pay_token_hash = ?,
		version = version + 1 WHERE id = ? AND version = ?`, string(inv.Status), inv.Paid, inv.Credited, inv.WrittenOff, inv.Disputed, settled(inv), null(inv.payHash), string(inv.ID), inv.Version)
}

// saveIssued writes what a saved draft gets when it is issued.
func (s store) saveIssued(ctx context.Context, inv *Invoice) error {
	return s.update(ctx, inv, `UPDATE invoices SET status = ?, series_id = ?, bucket = ?, number_no = ?, number = ?, issued_on = ?, due_on = ?, base_currency = ?, rate_pico = ?,
		seller_snap = ?, buyer_snap = ?, frozen_hash = ?, settled_at = ?, version = version + 1 WHERE id = ? AND version = ? AND number IS NULL`,
		string(inv.Status), string(inv.series), inv.bucket, inv.no, inv.Number, inv.Issued, inv.Due, null(inv.Base), rate(inv), inv.seller, inv.buyer, inv.frozen, settled(inv), string(inv.ID), inv.Version)
}

// update makes sure that one row was written, and counts its version up.
func (s store) update(ctx context.Context, inv *Invoice, query string, args ...any) error {
	res, err := s.db.Write(ctx).ExecContext(ctx, query, args...)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, ErrChanged)
	}
	inv.Version++
	return nil
}

func settled(inv *Invoice) any {
	if inv.Settled.IsZero() {
		return nil
	}
	return inv.Settled
}

func rate(inv *Invoice) any {
	if inv.Base == "" {
		return nil
	}
	return inv.RatePico
}

// null stores the empty text as NULL.
func null(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// removeDraft makes room for the draft to be written anew. What has a number is never removed.
func (s store) removeDraft(ctx context.Context, id ids.Invoice) error {
	for _, query := range []string{
		"DELETE FROM invoice_lines WHERE invoice_id = ?",
		"DELETE FROM invoice_taxes WHERE invoice_id = ?",
		"DELETE FROM invoices WHERE id = ? AND number IS NULL",
	} {
		if _, err := s.db.Write(ctx).ExecContext(ctx, query, string(id)); err != nil {
			return err
		}
	}
	return nil
}

const lineColumns = `id, invoice_id, no, kind, text, subscription_id, obligation_id, owner_id, service_from, service_to, qty_micro, unit_minor, per, list_minor, discount_minor,
	net_minor, tax_minor, tax_group, defer, explain_json, live_to, credited_minor, credited_tax_minor`

func (s store) lines(ctx context.Context, set []ids.Invoice) (map[ids.Invoice][]Line, error) {
	out := make(map[ids.Invoice][]Line, len(set))
	err := s.each(ctx, "SELECT "+lineColumns+" FROM invoice_lines WHERE invoice_id IN ", " ORDER BY invoice_id, no", set, func(rows *sql.Rows) error {
		var l Line
		var of ids.Invoice
		var owner sql.NullString
		if err := rows.Scan(&l.ID, &of, &l.No, &l.Kind, &l.Text, &l.Subscription, &l.Obligation, &owner, &l.From, &l.To, &l.QtyMicro, &l.Unit, &l.Per, &l.List, &l.Discount,
			&l.Net, &l.Tax, &l.Group, &l.Defer, &l.Explain, &l.LiveTo, &l.Credited, &l.CreditedTax); err != nil {
			return err
		}
		l.Owner = owner.String
		out[of] = append(out[of], l)
		return nil
	})
	return out, err
}

func (s store) taxes(ctx context.Context, set []ids.Invoice) (map[ids.Invoice][]Tax, error) {
	out := make(map[ids.Invoice][]Tax, len(set))
	err := s.each(ctx, "SELECT invoice_id, tax_group, code, category, rate_ppm, compound, base_minor, tax_minor FROM invoice_taxes WHERE invoice_id IN ", "", set, func(rows *sql.Rows) error {
		var t Tax
		var of ids.Invoice
		if err := rows.Scan(&of, &t.Group, &t.Code, &t.Category, &t.RatePPM, &t.Compound, &t.Base, &t.Tax); err != nil {
			return err
		}
		out[of] = append(out[of], t)
		return nil
	})
	for _, list := range out {
		slices.SortFunc(list, compareTaxes) // here and not in SQL: the hash depends on it
	}
	return out, err
}

// each runs a query over a set in chunks, in the transaction of ctx if there is one.
func (s store) each(ctx context.Context, query, tail string, set []ids.Invoice, row func(*sql.Rows) error) error {
	for chunk := range slices.Chunk(set, 5000) {
		list, args := db.In(ids.Strings(chunk))
		rows, err := s.db.Read(ctx).QueryContext(ctx, query+list+tail, args...)
		if err != nil {
			return err
		}
		for rows.Next() {
			if err := row(rows); err != nil {
				rows.Close()
				return err
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
	}
	return nil
}

// snapshots reads bodies by their hashes.
func (s store) snapshots(ctx context.Context, hashes []string) (map[string]string, error) {
	out := make(map[string]string, len(hashes))
	for chunk := range slices.Chunk(hashes, 5000) {
		list, args := db.In(chunk)
		rows, err := s.db.Read(ctx).QueryContext(ctx, "SELECT hash, body FROM snapshots WHERE hash IN "+list, args...)
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			var hash, body string
			if err := rows.Scan(&hash, &body); err != nil {
				rows.Close()
				return nil, err
			}
			out[hash] = body
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// split cuts a column list into names.
func split(list string) []string {
	names := strings.Split(list, ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	return names
}
