package ids_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ezscale/bursar/core/base/ids"
)

func TestNewAscends(t *testing.T) {
	last := ids.New[ids.Invoice]()
	for range 10_000 {
		next := ids.New[ids.Invoice]()
		if next <= last {
			t.Fatalf("%s came after %s", next, last)
		}
		last = next
	}
	if len(last) != 30 || !strings.HasPrefix(string(last), "inv_") {
		t.Fatalf("an invoice's ID is %q", last)
	}
}

func TestNewIsUniqueAcrossGoroutines(t *testing.T) {
	const each = 2000
	var all sync.Map
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range each {
				id := ids.New[ids.Order]()
				if _, twice := all.LoadOrStore(id, true); twice {
					t.Errorf("%s was drawn twice", id)
				}
			}
		})
	}
	wg.Wait()
}

func TestParse(t *testing.T) {
	good := ids.New[ids.Invoice]()
	tests := []struct {
		name, text string
		ok         bool
	}{
		{"an invoice's own ID", string(good), true},
		{"nothing", "", false},
		{"the prefix alone", "inv_", false},
		{"another kind", string(ids.New[ids.Order]()), false},
		{"lower case, which would be a second name for one thing", strings.ToLower(string(good)), false},
		{"a letter too many", string(good) + "0", false},
		{"a letter that ULIDs do not have", string(good[:29]) + "U", false},
		{"SQL", "inv_' OR 1=1 --aaaaaaaaaaaaaaa", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			id, err := ids.Parse[ids.Invoice](tt.text)
			if tt.ok && (err != nil || id != good) {
				t.Fatalf("got %q, %v", id, err)
			}
			if !tt.ok && (!errors.Is(err, ids.ErrUnknown) || id != "") {
				t.Fatalf("got %q, %v", id, err)
			}
		})
	}
}

func TestColumns(t *testing.T) {
	id := ids.New[ids.Customer]()
	value, err := id.Value()
	if err != nil || value != string(id) {
		t.Fatalf("value %v, %v", value, err)
	}
	var back ids.Customer
	for _, from := range []any{string(id), []byte(id)} {
		if err := back.Scan(from); err != nil || back != id {
			t.Fatalf("scan %T: %q, %v", from, back, err)
		}
	}
	if err := back.Scan(nil); err != nil || back != "" {
		t.Fatalf("scan NULL: %q, %v", back, err)
	}
	if err := back.Scan(string(ids.New[ids.Order]())); err == nil {
		t.Fatal("an order's ID was read as a customer's")
	}
	if ids.Null(ids.Customer("")) != nil || ids.Null(id) != string(id) {
		t.Fatal("Null")
	}
	if got := ids.Strings([]ids.Customer{id}); !slices.Equal(got, []string{string(id)}) {
		t.Fatal(got)
	}
	text, err := json.Marshal(map[ids.Customer]ids.Customer{id: id})
	if err != nil || string(text) != `{"`+string(id)+`":"`+string(id)+`"}` {
		t.Fatalf("%s, %v", text, err)
	}
}

// TestPrefixes reads the list of kinds: every prefix is given once and an ID fits its column of 30.
func TestPrefixes(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "kinds.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, decl := range file.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		kind := fn.Recv.List[0].Type.(*ast.Ident).Name
		prefix := fn.Body.List[0].(*ast.ReturnStmt).Results[0].(*ast.BasicLit).Value
		if seen[prefix] != "" {
			t.Errorf("%s is the prefix of %s and %s", prefix, seen[prefix], kind)
		}
		if len(prefix) > 5 {
			t.Errorf("%s is too long", prefix)
		}
		seen[prefix] = kind
	}
	if len(seen) < 40 {
		t.Fatalf("only %d kinds were read", len(seen))
	}
}
