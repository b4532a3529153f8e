package dunning

import "context"

func (s store) held(ctx context.Context, subject string) ([]Held, error) {
	where, args := "released_at IS NULL", []any{}
	if subject != "" {
		where, args = where+" AND subject_id = ?", append(args, subject)
	}
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT id, subject_id, what, from_on, until_on, reason, actor FROM holds WHERE `+where+` ORDER BY id DESC LIMIT 200`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Held
	for rows.Next() {
		var h Held
		if err := rows.Scan(&h.ID, &h.Subject, &h.What, &h.From, &h.Until, &h.Reason, &h.Actor); err != nil {
			return nil, err
		}
		out = append(out, h)
	}
	return out, rows.Err()
}
