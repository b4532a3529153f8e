package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/ezscale/bursar/sdk/fault"
)

// Limits of bodies, beside the size that the route bounds.
const (
	maxDepth = 32
	maxText  = 20_000 // letters
)

var (
	errDeep   = fault.New(fault.Invalid, "body_too_deep", "The body has too many levels.")
	errLong   = fault.New(fault.Invalid, "text_too_long", "This text is too long.")
	errTwice  = fault.New(fault.Invalid, "field_twice", "This field is there twice.")
	errNoJSON = fault.New(fault.Invalid, "body_unreadable", "The body is not JSON.")
)

// checkJSON reads a body once before anything is made of it: how deep it is, how long its texts are, and that no field
// is there twice, where one reader would take the first and another the last.
func checkJSON(body []byte) error {
	if len(body) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := checkValue(d, "", 0); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errNoJSON
	}
	return nil
}

func checkValue(d *json.Decoder, path string, depth int) error {
	tok, err := d.Token()
	if err != nil {
		return errNoJSON.Because(err)
	}
	if text, ok := tok.(string); ok && utf8.RuneCountInString(text) > maxText {
		return errLong.On(fault.Cut(path, 200))
	}
	begin, ok := tok.(json.Delim)
	if !ok {
		return nil
	}
	if depth == maxDepth {
		return errDeep
	}
	seen := map[string]bool{} // folded: Go takes Price for price
	for n := 0; d.More(); n++ {
		at := fmt.Sprintf("%s[%d]", path, n)
		if begin == '{' {
			tok, err := d.Token()
			if err != nil {
				return errNoJSON.Because(err)
			}
			name, _ := tok.(string)
			at = strings.TrimPrefix(path+"."+name, ".")
			if seen[strings.ToLower(name)] {
				return errTwice.On(fault.Cut(at, 200))
			}
			seen[strings.ToLower(name)] = true
		}
		if err := checkValue(d, at, depth+1); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil { // the end of it
		return errNoJSON.Because(err)
	}
	return nil
}
