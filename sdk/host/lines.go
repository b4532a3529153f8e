package host

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/internal/wire"
)

// Line is one line of a plugin's log, cut to size. Secrets of its settings are masked by the SDK in the plugin; what an
// author prints past the logger is not.
type Line struct {
	Level    hclog.Level
	Instance string // "" when the line is about none
	Message  string
	Args     []any // pairs, sorted by name
}

// Mask replaces secrets in a text, as the SDK does in logs and faults.
func Mask(text string, secrets []string) string { return wire.Mask(text, secrets) }

// Bounds of a plugin's log.
const (
	lineBytes     = 4 << 10
	linesASecond  = 100
	argumentBytes = 500
)

// lines turns what a program writes into Lines.
type lines struct {
	give func(Line)

	mu      sync.Mutex
	second  time.Time
	count   int
	dropped int
	panics  bool
	text    string // of the last line that was more than a note
}

func newLines(give func(Line)) *lines { return &lines{give: give} }

// read takes lines until the end; what is longer than a line may be is dropped, never held.
func (l *lines) read(from io.Reader) {
	r := bufio.NewReaderSize(from, lineBytes)
	for rest := false; ; {
		line, more, err := r.ReadLine()
		if err != nil {
			return
		}
		if !rest {
			l.add(line)
		}
		rest = more
	}
}

// stray is a writer for what is printed past the log.
func (l *lines) stray() io.Writer {
	var mu sync.Mutex
	var part []byte
	return writer(func(b []byte) {
		mu.Lock()
		defer mu.Unlock()
		for line := range bytes.Lines(b) {
			if len(part) < lineBytes {
				part = append(part, line[:min(len(line), lineBytes-len(part))]...)
			}
			if bytes.HasSuffix(line, []byte("\n")) {
				l.add(bytes.TrimRight(part, "\r\n"))
				part = nil
			}
		}
	})
}

type writer func([]byte)

func (w writer) Write(b []byte) (int, error) {
	w(b)
	return len(b), nil
}

// add gives one line on, unless there are too many in this second.
func (l *lines) add(raw []byte) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return
	}
	line := parse(raw)
	l.mu.Lock()
	defer l.mu.Unlock()
	if line.Level == hclog.NoLevel {
		line.Level = hclog.Info
		if l.panics = l.panics || strings.HasPrefix(line.Message, "panic: ") || strings.HasPrefix(line.Message, "fatal error: "); l.panics {
			line.Level = hclog.Error
		}
		if l.text == "" || !l.panics {
			l.text = line.Message
		}
	} else if line.Level >= hclog.Warn {
		l.text = line.Message
	}
	if now := time.Now(); now.Sub(l.second) >= time.Second {
		if l.dropped > 0 {
			l.give(Line{Level: hclog.Warn, Message: fmt.Sprintf("%d lines were too many and are left out", l.dropped)})
		}
		l.second, l.count, l.dropped = now, 0, 0
	}
	if l.count++; l.count > linesASecond {
		l.dropped++
		return
	}
	l.give(line)
}

// last is what the program said last of what matters: why it ended, mostly.
func (l *lines) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fault.Cut(l.text, argumentBytes)
}

// parse reads hclog's JSON; anything else is a message of no level.
func parse(raw []byte) Line {
	var all map[string]any
	if err := json.Unmarshal(raw, &all); err != nil || all["@message"] == nil {
		return Line{Level: hclog.NoLevel, Message: printable(string(raw), lineBytes)}
	}
	word := func(name string) string {
		s, _ := all[name].(string)
		delete(all, name)
		return s
	}
	line := Line{Level: hclog.LevelFromString(word("@level")), Message: printable(word("@message"), lineBytes), Instance: printable(word("instance"), 30)}
	if line.Level == hclog.NoLevel {
		line.Level = hclog.Info
	}
	word("@module")
	word("@timestamp")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		line.Args = append(line.Args, printable(name, 40), printable(fmt.Sprint(all[name]), argumentBytes))
	}
	return line
}

// printable keeps a text on one line.
func printable(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r < ' ' || r == 0x7f:
			return -1
		}
		return r
	}, text)
	return fault.Cut(text, most)
}
