package invoice

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/period"
)

// TestFrozenHashesStayTrue fails when the canonical JSON changes: stored hashes would no longer fit.
func TestFrozenHashesStayTrue(t *testing.T) {
	day := period.Date(2027, 3, 10)
	inv := Invoice{ID: "inv_1", Customer: "cus_1", Kind: "renewal", Currency: "EUR", Number: "INV-2027-000001", Issued: day, Due: day.Add(14), Net: 1000, Tax: 200, Total: 1200,
		Base: "EUR", RatePico: 1_000_000_000_000, Created: time.Date(2027, 3, 10, 9, 0, 0, 0, time.UTC), series: "ser_1", bucket: "2027", no: 1, seller: "aa", buyer: "bb"}
	lines := []Line{{ID: "lin_1", No: 1, Kind: "recurring", Text: "a \"b\" \\ \x01 ü", From: day, To: day.Add(31), QtyMicro: 1_000_000, Unit: 1000, Per: 1, List: 1000, Net: 1000, Tax: 200, Group: "std", Defer: true, Explain: `{"v":1}`}}
	taxes := []Tax{{Group: "std", Code: "VAT20", Category: "S", RatePPM: 200_000, Base: 1000, Tax: 200}}
	const want = `{"id":"inv_1","customer":"cus_1","kind":"renewal","currency":"EUR","series":"ser_1","bucket":"2027","no":1,"number":"INV-2027-000001","issued":"2027-03-10","due":"2027-03-24","ladder":"",` +
		`"net":1000,"tax":200,"rounding":0,"total":1200,"base":"EUR","rate":1000000000000,"seller":"aa","buyer":"bb","created":1804669200000000,` +
		`"lines":[{"id":"lin_1","no":1,"kind":"recurring","text":"a \"b\" \\ \u0001 ü","subscription":"","obligation":"","owner":"","from":"2027-03-10","to":"2027-04-10","qty":1000000,"unit":1000,"per":1,` +
		`"list":1000,"discount":0,"net":1000,"tax":200,"group":"std","defer":true,"explain":"{\"v\":1}"}],"taxes":[{"group":"std","code":"VAT20","category":"S","rate":200000,"compound":false,"base":1000,"tax":200}]}`
	got := appendInvoice(nil, &inv, lines, taxes)
	if string(got) != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
	var any map[string]any
	if err := json.Unmarshal(got, &any); err != nil {
		t.Fatal(err)
	}
	hash, buf := freeze(nil, &inv, lines, taxes)
	inv.Status, inv.Paid, inv.Credited, inv.WrittenOff, inv.Disputed, inv.Version, inv.payHash, inv.Settled = Paid, 1, 2, 3, 4, 5, "x", inv.Created
	lines[0].LiveTo, lines[0].Credited, lines[0].CreditedTax = day, 6, 7
	if again, _ := freeze(buf, &inv, lines, taxes); again != hash {
		t.Fatal("what may change counts")
	}
}

func TestSnapshotsReadBack(t *testing.T) {
	p := Party{Name: "A \"B\" & Ü\n", Lines: []string{"one", "\ttwo"}, Email: "a@b", Country: "DE", TaxID: "DE1", TaxProof: "checked", Locale: "de"}
	snap, _ := p.snapshot(nil)
	var got Party
	if err := json.Unmarshal([]byte(snap.body), &got); err != nil {
		t.Fatal(err)
	}
	if want := (Party{"A \"B\" & Ü ", []string{"one", " two"}, "a@b", "DE", "DE1", "checked", "de"}); !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v", got)
	}
	if again, _ := got.snapshot(nil); again != snap {
		t.Fatal("the same party has two snapshots")
	}
}

func TestWhatIsKnownIsBounded(t *testing.T) {
	var k known
	for i := range 3 * knownMost {
		k.add([]snapshot{{hash: fmt.Sprint(i)}})
		if i%1000 == 0 && !k.has("0") { // what is asked for again and again stays
			t.Fatalf("forgotten after %d", i)
		}
	}
	if n := len(k.young) + len(k.old); n > 2*knownMost || k.has("1") || !k.has(fmt.Sprint(3*knownMost-1)) {
		t.Fatalf("%d are remembered", n)
	}
}
