package invoice

import (
	"context"
	"strings"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/db"
)

// openOf hides the status from SQLite's planner, which would read every open invoice of the shop to have them in order.
func (s store) openOf(ctx context.Context, c ids.Customer) ([]Invoice, error) {
	return all(s.db.Read(ctx).QueryContext(ctx, "SELECT "+columns+" FROM invoices WHERE customer_id = ? AND COALESCE(status, '') = 'open' ORDER BY due_on, number_no, id", string(c)))
}

func (s store) dunnable(ctx context.Context, p DunPage) ([]Invoice, error) {
	where, args := "status = 'open' AND due_on <= ?", []any{p.DueBefore}
	if !p.AfterDue.IsZero() {
		where, args = where+" AND due_on >= ? AND (due_on > ? OR id > ?)", append(args, p.AfterDue, p.AfterDue, string(p.AfterID))
	}
	return all(s.db.Read(ctx).QueryContext(ctx, "SELECT "+columns+" FROM invoices WHERE "+where+" ORDER BY due_on, id LIMIT ?", append(args, p.Limit)...))
}

// sorts are the orders that may be asked for. A day may be NULL, which both databases put first.
var sorts = map[string]struct {
	day  string // column, "" for none
	desc bool
}{
	"newest": {"", true},
	"oldest": {"", false},
	"due":    {"due_on", false},
	"issued": {"issued_on", true},
}

// list pages by the key of the order asked for.
func (s store) list(ctx context.Context, f Filter) (Page, error) {
	if f.Sort == "" {
		f.Sort = "newest"
	}
	sort, ok := sorts[f.Sort]
	if !ok {
		return Page{}, errSort
	}
	where, args := f.where()
	page := Page{}
	if !f.Bare {
		if err := s.sums(ctx, &page, where, args); err != nil {
			return Page{}, err
		}
	}
	if f.After != "" {
		cond, values, err := after(f.After, sort.day, sort.desc)
		if err != nil {
			return Page{}, err
		}
		where, args = where+" AND "+cond, append(args, values...)
	}
	order := "id"
	if sort.day != "" {
		order = sort.day + ", id"
	}
	if sort.desc {
		order = strings.ReplaceAll(order, ",", " DESC,") + " DESC"
	}
	limit := f.Limit
	if limit <= 0 || limit > 200 {
		limit = 50
	}
	// Only keys are sorted: SQLite would carry every column of every invoice of a customer through its sorter.
	var err error
	page.List, err = all(s.db.Read(ctx).QueryContext(ctx, "SELECT "+columns+" FROM invoices JOIN (SELECT id AS found FROM invoices WHERE "+where+" ORDER BY "+order+" LIMIT ?) page ON found = id ORDER BY "+order, append(args, limit+1)...))
	if err != nil {
		return Page{}, err
	}
	if len(page.List) > limit {
		page.List = page.List[:limit]
		last := &page.List[limit-1]
		switch sort.day {
		case "":
			page.Next = string(last.ID)
		case "due_on":
			page.Next = last.Due.String() + "," + string(last.ID)
		default:
			page.Next = last.Issued.String() + "," + string(last.ID)
		}
	}
	return page, nil
}

// sums counts the whole filter.
func (s store) sums(ctx context.Context, page *Page, where string, args []any) error {
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT currency, COUNT(*), SUM(total_minor), SUM(CASE WHEN status = 'open' THEN total_minor - paid_minor - credited_minor - written_off_minor ELSE 0 END)
		FROM invoices WHERE `+where+` GROUP BY currency ORDER BY currency`, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var sum Sum
		if err := rows.Scan(&sum.Currency, &sum.Count, &sum.Total, &sum.Open); err != nil {
			return err
		}
		page.Total += sum.Count
		page.Sums = append(page.Sums, sum)
	}
	return rows.Err()
}

func (f Filter) where() (string, []any) {
	where, args := []string{"1 = 1"}, []any{}
	and := func(cond string, values ...any) { where, args = append(where, cond), append(args, values...) }
	if f.Customer != "" {
		and("customer_id = ?", string(f.Customer))
	}
	if len(f.Statuses) > 0 {
		texts := make([]string, len(f.Statuses))
		for i, st := range f.Statuses {
			texts[i] = string(st)
		}
		list, values := db.In(texts)
		and("status IN "+list, values...)
	}
	if f.Kind != "" {
		and("kind = ?", f.Kind)
	}
	if f.Currency != "" {
		and("currency = ?", f.Currency)
	}
	if !f.Overdue.IsZero() {
		and("status = 'open' AND due_on < ?", f.Overdue)
	}
	if !f.From.IsZero() {
		and("issued_on >= ?", f.From)
	}
	if !f.To.IsZero() {
		and("issued_on < ?", f.To)
	}
	if q := strings.TrimSpace(f.Query); q != "" {
		and("(LOWER(number) LIKE ? ESCAPE '!' OR id = ? OR customer_id = ?)", db.Contains(strings.ToLower(q)), q, q)
	}
	return strings.Join(where, " AND "), args
}

// after is the condition for the rows behind a cursor: an ID, or a day (which may be none) and an ID.
func after(cursor, column string, desc bool) (string, []any, error) {
	dayText, id, found := strings.Cut(cursor, ",")
	if column == "" {
		id, found = cursor, true
	}
	if _, err := ids.Parse[ids.Invoice](id); err != nil || !found {
		return "", nil, errCursor
	}
	more := " > ?"
	if desc {
		more = " < ?"
	}
	if column == "" {
		return "id" + more, []any{id}, nil
	}
	day, err := period.ParseDay(dayText)
	if err != nil {
		return "", nil, errCursor
	}
	behind := "id" + more
	switch {
	case day.IsZero() && desc: // NULL comes last
		return "(" + column + " IS NULL AND " + behind + ")", []any{id}, nil
	case day.IsZero():
		return "(" + column + " IS NOT NULL OR " + behind + ")", []any{id}, nil
	case desc:
		return "(" + column + more + " OR " + column + " IS NULL OR (" + column + " = ? AND " + behind + "))", []any{day, day, id}, nil
	}
	return "(" + column + more + " OR (" + column + " = ? AND " + behind + "))", []any{day, day, id}, nil
}
