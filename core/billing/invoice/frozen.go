package invoice

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/ezscale/bursar/core/base/period"
)

// An issued document carries the SHA-256 of its canonical JSON: one object without spaces, its members
// always all there and in the order in which appendInvoice writes them, which is that of the columns.
// Days are "2027-01-31" or "", times microseconds since 1970, explain records the text that is stored.
// Lines come by number, taxes by group and code (bytes). What may change after issue is left out (status,
// paid, credited, written off, disputed, settled, version, pay token; live_to and credited of a line).
// The two parties count by the hashes of their snapshots, whose bodies are canonical in the same way.
// A new column is added at the end, and only if it is not empty: hashes that are stored stay true.

// freeze makes the hash of an issued document. It answers buf for the next.
func freeze(buf []byte, inv *Invoice, lines []Line, taxes []Tax) (hash string, _ []byte) {
	buf = appendInvoice(buf[:0], inv, lines, taxes)
	return sum(buf), buf
}

func sum(text []byte) string {
	raw := sha256.Sum256(text)
	var out [2 * sha256.Size]byte
	hex.Encode(out[:], raw[:])
	return string(out[:])
}

func appendInvoice(b []byte, inv *Invoice, lines []Line, taxes []Tax) []byte {
	b = appendText(append(b, `{"id":`...), string(inv.ID))
	b = appendText(append(b, `,"customer":`...), string(inv.Customer))
	b = appendText(append(b, `,"kind":`...), inv.Kind)
	b = appendText(append(b, `,"currency":`...), inv.Currency)
	b = appendText(append(b, `,"series":`...), string(inv.series))
	b = appendText(append(b, `,"bucket":`...), inv.bucket)
	b = appendInt(append(b, `,"no":`...), inv.no)
	b = appendText(append(b, `,"number":`...), inv.Number)
	b = appendDay(append(b, `,"issued":`...), inv.Issued)
	b = appendDay(append(b, `,"due":`...), inv.Due)
	b = appendText(append(b, `,"ladder":`...), string(inv.Ladder))
	b = appendInt(append(b, `,"net":`...), inv.Net)
	b = appendInt(append(b, `,"tax":`...), inv.Tax)
	b = appendInt(append(b, `,"rounding":`...), inv.Rounding)
	b = appendInt(append(b, `,"total":`...), inv.Total)
	b = appendText(append(b, `,"base":`...), inv.Base)
	b = appendInt(append(b, `,"rate":`...), inv.RatePico)
	b = appendText(append(b, `,"seller":`...), inv.seller)
	b = appendText(append(b, `,"buyer":`...), inv.buyer)
	b = appendInt(append(b, `,"created":`...), inv.Created.UnixMicro())
	b = append(b, `,"lines":[`...)
	for i := range lines {
		b = appendLine(comma(b, i), &lines[i])
	}
	b = append(b, `],"taxes":[`...)
	for i := range taxes {
		b = appendTax(comma(b, i), &taxes[i])
	}
	return append(b, `]}`...)
}

func appendLine(b []byte, l *Line) []byte {
	b = appendText(append(b, `{"id":`...), string(l.ID))
	b = appendInt(append(b, `,"no":`...), int64(l.No))
	b = appendText(append(b, `,"kind":`...), l.Kind)
	b = appendText(append(b, `,"text":`...), l.Text)
	b = appendText(append(b, `,"subscription":`...), string(l.Subscription))
	b = appendText(append(b, `,"obligation":`...), string(l.Obligation))
	b = appendText(append(b, `,"owner":`...), l.Owner)
	b = appendDay(append(b, `,"from":`...), l.From)
	b = appendDay(append(b, `,"to":`...), l.To)
	b = appendInt(append(b, `,"qty":`...), l.QtyMicro)
	b = appendInt(append(b, `,"unit":`...), l.Unit)
	b = appendInt(append(b, `,"per":`...), l.Per)
	b = appendInt(append(b, `,"list":`...), l.List)
	b = appendInt(append(b, `,"discount":`...), l.Discount)
	b = appendInt(append(b, `,"net":`...), l.Net)
	b = appendInt(append(b, `,"tax":`...), l.Tax)
	b = appendText(append(b, `,"group":`...), l.Group)
	b = strconv.AppendBool(append(b, `,"defer":`...), l.Defer)
	b = appendText(append(b, `,"explain":`...), l.Explain)
	return append(b, '}')
}

func appendTax(b []byte, t *Tax) []byte {
	b = appendText(append(b, `{"group":`...), t.Group)
	b = appendText(append(b, `,"code":`...), t.Code)
	b = appendText(append(b, `,"category":`...), t.Category)
	b = appendInt(append(b, `,"rate":`...), t.RatePPM)
	b = strconv.AppendBool(append(b, `,"compound":`...), t.Compound)
	b = appendInt(append(b, `,"base":`...), t.Base)
	b = appendInt(append(b, `,"tax":`...), t.Tax)
	return append(b, '}')
}

func appendNote(b []byte, n *CreditNote) []byte {
	b = appendText(append(b, `{"id":`...), string(n.ID))
	b = appendText(append(b, `,"invoice":`...), string(n.Invoice))
	b = appendText(append(b, `,"customer":`...), string(n.Customer))
	b = appendText(append(b, `,"currency":`...), n.Currency)
	b = appendText(append(b, `,"series":`...), string(n.series))
	b = appendText(append(b, `,"bucket":`...), n.bucket)
	b = appendInt(append(b, `,"no":`...), n.no)
	b = appendText(append(b, `,"number":`...), n.Number)
	b = appendDay(append(b, `,"issued":`...), n.Issued)
	b = appendText(append(b, `,"reason":`...), n.Reason)
	b = appendInt(append(b, `,"net":`...), n.Net)
	b = appendInt(append(b, `,"tax":`...), n.Tax)
	b = appendInt(append(b, `,"total":`...), n.Total)
	b = appendInt(append(b, `,"to_receivable":`...), n.ToReceivable)
	b = appendInt(append(b, `,"to_balance":`...), n.ToBalance)
	b = appendText(append(b, `,"cause":`...), n.CauseKey)
	b = append(b, `,"lines":[`...)
	for i := range n.Lines {
		l := &n.Lines[i]
		b = appendText(append(comma(b, i), `{"id":`...), string(l.ID))
		b = appendInt(append(b, `,"no":`...), int64(l.No))
		b = appendText(append(b, `,"line":`...), string(l.Line))
		b = appendInt(append(b, `,"net":`...), l.Net)
		b = appendInt(append(b, `,"tax":`...), l.Tax)
		b = appendInt(append(b, `,"from_deferred":`...), l.FromDeferred)
		b = appendDay(append(b, `,"from":`...), l.From)
		b = appendDay(append(b, `,"to":`...), l.To)
		b = appendText(append(b, `,"explain":`...), l.Explain)
		b = append(b, '}')
	}
	return append(b, `]}`...)
}

// appendParty is the body of a snapshot.
func appendParty(b []byte, p *Party) []byte {
	b = appendText(append(b, `{"name":`...), p.Name)
	b = append(b, `,"lines":[`...)
	for i, l := range p.Lines {
		b = appendText(comma(b, i), l)
	}
	b = appendText(append(b, `],"email":`...), p.Email)
	b = appendText(append(b, `,"country":`...), p.Country)
	b = appendText(append(b, `,"tax_id":`...), p.TaxID)
	b = appendText(append(b, `,"tax_proof":`...), p.TaxProof)
	b = appendText(append(b, `,"locale":`...), p.Locale)
	return append(b, '}')
}

func comma(b []byte, i int) []byte {
	if i > 0 {
		return append(b, ',')
	}
	return b
}

func appendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }

func appendDay(b []byte, d period.Day) []byte {
	b = append(b, '"')
	if !d.IsZero() {
		b = d.Time().AppendFormat(b, "2006-01-02")
	}
	return append(b, '"')
}

// appendText writes a JSON string: quotes, backslashes and control signs escaped, all else as it is.
func appendText(b []byte, text string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, text[from:i]...)
		if c < ' ' {
			const hexDigits = "0123456789abcdef"
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		} else {
			b = append(b, '\\', c)
		}
		from = i + 1
	}
	return append(append(b, text[from:]...), '"')
}

// snapshot is a party to be stored.
type snapshot struct{ hash, body string }

func (p *Party) snapshot(buf []byte) (snapshot, []byte) {
	if p.needsCleaning() {
		cleaned := p.clean()
		p = &cleaned
	}
	buf = appendParty(buf[:0], p)
	return snapshot{sum(buf), string(buf)}, buf
}

// needsCleaning is false for nearly all, which are then not copied.
func (p *Party) needsCleaning() bool {
	for _, text := range [...]string{p.Name, p.Email, p.Country, p.TaxID, p.TaxProof, p.Locale} {
		if !printable(text) {
			return true
		}
	}
	for _, text := range p.Lines {
		if !printable(text) {
			return true
		}
	}
	return p.Locale == ""
}

func printable(text string) bool {
	if len(text) > 190 || !utf8.ValidString(text) {
		return false
	}
	for i := range len(text) {
		if text[i] < ' ' || text[i] == 0x7f {
			return false
		}
	}
	return true
}

// known remembers the snapshots that are certain to be stored: those of committed transactions. It forgets
// the older half when it is full; what is forgotten is written again, which changes nothing.
type known struct {
	mu         sync.Mutex
	young, old map[string]struct{}
}

// knownMost is how many hashes each half holds: some 10 MB in all.
const knownMost = 50_000

func (k *known) has(hash string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.young[hash]; ok {
		return true
	}
	if _, ok := k.old[hash]; !ok {
		return false
	}
	k.put(hash)
	return true
}

func (k *known) add(set []snapshot) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range set {
		k.put(set[i].hash)
	}
}

func (k *known) put(hash string) {
	if k.young == nil || len(k.young) >= knownMost {
		k.old, k.young = k.young, make(map[string]struct{}, 1024)
	}
	k.young[hash] = struct{}{}
}
