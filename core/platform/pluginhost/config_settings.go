package pluginhost

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
)

// settings reads one object of settings. env() and file() are known in it and nowhere else.
func (r *reader) settings(attr *hclsyntax.Attribute, where string) (out []Setting) {
	if attr == nil {
		return nil
	}
	object, ok := attr.Expr.(*hclsyntax.ObjectConsExpr)
	if !ok {
		r.problem(attr.SrcRange.Start.Line, where, `settings are an object: settings = { url = "https://…", token = env("TOKEN") }.`)
		return nil
	}
	for _, item := range object.Items {
		line := item.KeyExpr.Range().Start.Line
		key, diags := item.KeyExpr.Value(nil)
		if diags.HasErrors() || key.Type() != cty.String {
			r.problem(line, where, "the name of a setting is a word.")
			continue
		}
		s := Setting{Name: key.AsString(), Line: line, Literal: len(item.ValueExpr.Variables()) == 0 && !calls(item.ValueExpr)}
		v, diags := item.ValueExpr.Value(&hcl.EvalContext{Functions: r.functions()})
		if diags.HasErrors() {
			r.problem(line, where, s.Name+": "+because(diags))
			continue
		}
		values, err := canonical(v)
		if err != nil {
			r.problem(line, where, s.Name+": "+err.Error())
			continue
		}
		s.Values = values
		out = append(out, s)
	}
	return out
}

// calls says whether an expression is or holds a call of env or file.
func calls(e hclsyntax.Expression) bool {
	found := false
	hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		if _, ok := n.(*hclsyntax.FunctionCallExpr); ok {
			found = true
		}
		return nil
	})
	return found
}

// functions are what settings may call.
func (r *reader) functions() map[string]function.Function {
	text := []function.Parameter{{Name: "name", Type: cty.String}}
	of := func(read func(string) (string, error)) function.Function {
		return function.New(&function.Spec{
			Params: text, Type: function.StaticReturnType(cty.String),
			Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
				v, err := read(args[0].AsString())
				return cty.StringVal(v), err
			},
		})
	}
	return map[string]function.Function{
		"env": of(func(name string) (string, error) {
			v, ok := r.getenv(name)
			if !ok {
				return "", fmt.Errorf("the environment variable %s is not set", name)
			}
			return v, nil
		}),
		"file": of(func(path string) (string, error) {
			text, err := os.ReadFile(resolve(r.dir, path))
			if errors.Is(err, os.ErrNotExist) {
				return "", fmt.Errorf("the file %s does not exist", path)
			}
			if err != nil {
				return "", fmt.Errorf("the file %s cannot be read: %v", path, errors.Unwrap(err))
			}
			return strings.TrimRight(string(text), "\r\n"), nil
		}),
	}
}

// because is the reason of an evaluation that failed, in our words.
func because(diags hcl.Diagnostics) string {
	for _, d := range diags {
		if d.Summary == "Error in function call" {
			_, reason, found := strings.Cut(d.Detail, "failed: ")
			if found {
				return strings.TrimSuffix(reason, ".") + "."
			}
		}
		if d.Summary == "Call to unknown function" {
			return "only env(\"NAME\") and file(\"PATH\") can be called here."
		}
		if d.Summary == "Variables not allowed" {
			return "a text wants quotes."
		}
	}
	return diags[0].Summary + ": " + diags[0].Detail
}

// canonical is a value as the text that forms hold. An object becomes key=value lines, sorted.
func canonical(v cty.Value) ([]string, error) {
	switch t := v.Type(); {
	case v.IsNull():
		return nil, nil
	case t.IsPrimitiveType():
		s, err := convert.Convert(v, cty.String)
		if err != nil {
			return nil, errors.New("this value has no text form.")
		}
		return []string{s.AsString()}, nil
	case t.IsTupleType() || t.IsListType() || t.IsSetType():
		out := []string{}
		for _, item := range v.AsValueSlice() {
			one, err := canonical(item)
			if err != nil || len(one) != 1 {
				return nil, errors.New("a list holds texts and numbers only.")
			}
			out = append(out, one[0])
		}
		return out, nil
	case t.IsObjectType() || t.IsMapType():
		out := []string{}
		for key, item := range v.AsValueMap() {
			one, err := canonical(item)
			if err != nil || len(one) != 1 {
				return nil, errors.New("an object holds texts and numbers only.")
			}
			out = append(out, key+"="+one[0])
		}
		slices.Sort(out)
		return out, nil
	}
	return nil, errors.New("this wants a text, a number, true or false, a list or an object.")
}

// hint names what was probably meant, or what there is.
func hint(word string, known ...string) string {
	best, far := "", 3
	for _, k := range known {
		if d := levenshtein.Distance(word, k, nil); d < far {
			best, far = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf(" Did you mean %q?", best)
	}
	return " Known: " + strings.Join(known, ", ") + "."
}
