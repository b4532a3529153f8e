package invoice

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ezscale/bursar/core/base/period"
)

func TestLifeIsWhatTheTradeExpects(t *testing.T) {
	if err := life.Check(Drafted); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"draft discard discarded", "draft issue open", "draft issue_free paid", "draft propose proforma",
		"open count open", "open credit open", "open reopen open", "open settle paid", "open void void", "open write_off uncollectible",
		"paid credit paid", "paid reopen open",
		"proforma discard discarded", "proforma issue open", "proforma issue_free paid",
		"uncollectible count uncollectible", "uncollectible credit uncollectible", "uncollectible reopen open", "uncollectible settle paid", "uncollectible void void",
	}
	var got []string
	life.Walk(func(status Status, action Action, next Status, ok bool) {
		if ok {
			got = append(got, fmt.Sprintf("%s %s %s", status, action, next))
		}
	})
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Fatalf("got\n%q\nwant\n%q", got, want)
	}
}

func TestLabelFollowsAmountsAndDays(t *testing.T) {
	due := period.Date(2027, 3, 31)
	tests := []struct {
		name string
		inv  Invoice
		day  period.Day
		want string
	}{
		{"open until the due day is over", Invoice{Status: Opened, Total: 100, Due: due}, due, "open"},
		{"overdue the day after", Invoice{Status: Opened, Total: 100, Due: due}, due.Add(1), "overdue"},
		{"partly paid", Invoice{Status: Opened, Total: 100, Paid: 1, Due: due}, due, "partly_paid"},
		{"partly paid and late is overdue", Invoice{Status: Opened, Total: 100, Paid: 1, Due: due}, due.Add(1), "overdue"},
		{"paid late is paid", Invoice{Status: Paid, Total: 100, Paid: 100, Due: due}, due.Add(9), "paid"},
		{"credited in part is paid", Invoice{Status: Paid, Total: 100, Paid: 40, Credited: 60}, due, "paid"},
		{"credited whole is refunded", Invoice{Status: Paid, Total: 100, Credited: 100}, due, "refunded"},
		{"over nothing is paid", Invoice{Status: Paid}, due, "paid"},
		{"disputed", Invoice{Status: Paid, Total: 100, Paid: 100, Disputed: 100}, due, "disputed"},
		{"written off", Invoice{Status: Uncollectible, Total: 100, WrittenOff: 100, Due: due}, due.Add(90), "written_off"},
		{"void", Invoice{Status: Void, Total: 100, Credited: 100}, due, "void"},
		{"pro-forma", Invoice{Status: Proforma, Total: 100, Due: due}, due.Add(3), "proforma"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Label(tt.inv, tt.day); got != tt.want {
				t.Errorf("%s, not %s", got, tt.want)
			}
		})
	}
}
