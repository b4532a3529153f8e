package sim

import (
	"bytes"
	"encoding"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"time"
	"unsafe"
)

// A memory is written as JSON that keeps what JSON alone would lose: which pointers and maps are the same, the type in an
// interface, keys that are no texts. Fields that nobody outside their package may see are read and set all the same: this
// is a simulator's own memory, and asking each vendor to copy it field by field would be forgotten with the next field.

// dynamic are the types that an interface may hold.
var dynamic = []reflect.Type{
	reflect.TypeFor[string](), reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[int64](), reflect.TypeFor[float64](),
	reflect.TypeFor[map[string]any](), reflect.TypeFor[[]any](), reflect.TypeFor[map[string]string](), reflect.TypeFor[[]string](), reflect.TypeFor[[]map[string]any](), reflect.TypeFor[time.Time](), reflect.TypeFor[json.Number](),
}

// typed is a value in an interface.
type typed struct {
	T string `json:"t"`
	V any    `json:"v"`
}

// shared is a pointer or a map with its content, again the one that was written before.
type (
	shared struct {
		N int `json:"n"`
		V any `json:"v"`
	}
	again struct {
		N int `json:"n"`
	}
)

var textual = reflect.TypeFor[encoding.TextMarshaler]()

// remember writes variables, given as pointers.
func remember(memory map[string]any) ([]byte, error) {
	w := writer{numbers: map[unsafe.Pointer]int{}}
	out := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(memory)) { // in an order, so that what is shared is in the same place each time
		v, err := w.value(reflect.ValueOf(memory[name]).Elem())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out[name] = v
	}
	return json.Marshal(out)
}

type writer struct{ numbers map[unsafe.Pointer]int }

func (w writer) value(v reflect.Value) (any, error) {
	if v.Kind() != reflect.Pointer && v.Kind() != reflect.Interface && v.Type().Implements(textual) {
		text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
		return string(text), err
	}
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool(), nil
	case reflect.String:
		return v.String(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return v.Uint(), nil
	case reflect.Float32, reflect.Float64:
		return v.Float(), nil
	case reflect.Interface:
		if v.IsNil() {
			return nil, nil
		}
		if !slices.Contains(dynamic, v.Elem().Type()) {
			return nil, fmt.Errorf("a %s in an interface", v.Elem().Type())
		}
		inner, err := w.value(v.Elem())
		return typed{v.Elem().Type().String(), inner}, err
	case reflect.Slice, reflect.Array:
		return w.list(v)
	case reflect.Pointer, reflect.Map:
		return w.shared(v)
	case reflect.Struct:
		return w.fields(v)
	}
	return nil, fmt.Errorf("a %s", v.Type())
}

func (w writer) list(v reflect.Value) (any, error) {
	if v.Kind() == reflect.Slice && v.IsNil() {
		return nil, nil
	}
	if v.Type().Elem().Kind() == reflect.Uint8 && v.Kind() == reflect.Slice {
		return base64.StdEncoding.EncodeToString(v.Bytes()), nil
	}
	out := make([]any, v.Len())
	for n := range out {
		var err error
		if out[n], err = w.value(v.Index(n)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (w writer) shared(v reflect.Value) (any, error) {
	if v.IsNil() {
		return nil, nil
	}
	if n, ok := w.numbers[v.UnsafePointer()]; ok {
		return again{n}, nil
	}
	s := shared{N: len(w.numbers) + 1}
	w.numbers[v.UnsafePointer()] = s.N
	if v.Kind() == reflect.Pointer {
		var err error
		s.V, err = w.value(v.Elem())
		return s, err
	}
	pairs := [][2]any{}
	for _, key := range v.MapKeys() {
		held := reflect.New(v.Type().Elem()).Elem() // a map's own value has no address
		held.Set(v.MapIndex(key))
		k, err := w.value(key)
		if err != nil {
			return nil, err
		}
		value, err := w.value(held)
		if err != nil {
			return nil, fmt.Errorf("%v: %w", key, err)
		}
		pairs = append(pairs, [2]any{k, value})
	}
	s.V = pairs
	return s, nil
}

func (w writer) fields(v reflect.Value) (any, error) {
	out := map[string]any{}
	for n := range v.NumField() {
		if !isKept(v.Field(n).Type()) {
			continue
		}
		value, err := w.value(opened(v.Field(n)))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.Type().Field(n).Name, err)
		}
		out[v.Type().Field(n).Name] = value
	}
	return out, nil
}

// isKept leaves out what is no memory.
func isKept(t reflect.Type) bool {
	return t.Kind() != reflect.Func && t.Kind() != reflect.Chan && t.PkgPath() != "sync"
}

// opened is a field that may be read and set, exported or not.
func opened(f reflect.Value) reflect.Value {
	return reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem()
}

var errShape = errors.New("it was written by another version")

// recall sets variables to what remember wrote. What is new since stays as it is.
func recall(text []byte, memory map[string]any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var all map[string]any
	if err := d.Decode(&all); err != nil {
		return err
	}
	r := reader{known: map[string]reflect.Value{}}
	for _, name := range slices.Sorted(maps.Keys(memory)) {
		if v, ok := all[name]; ok {
			if err := r.into(reflect.ValueOf(memory[name]).Elem(), v); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

type reader struct{ known map[string]reflect.Value }

func (r reader) into(to reflect.Value, from any) error {
	if from == nil {
		to.SetZero()
		return nil
	}
	if to.Kind() != reflect.Pointer && to.Kind() != reflect.Interface && to.Type().Implements(textual) {
		text, ok := from.(string)
		u, can := to.Addr().Interface().(encoding.TextUnmarshaler)
		if !ok || !can {
			return errShape
		}
		return u.UnmarshalText([]byte(text))
	}
	switch to.Kind() {
	case reflect.Slice, reflect.Array:
		return r.list(to, from)
	case reflect.Pointer, reflect.Map:
		return r.shared(to, from)
	}
	switch from := from.(type) {
	case bool:
		if to.Kind() == reflect.Bool {
			to.SetBool(from)
			return nil
		}
	case string:
		if to.Kind() == reflect.String {
			to.SetString(from)
			return nil
		}
	case json.Number:
		return number(to, from)
	case map[string]any:
		if to.Kind() == reflect.Interface {
			at := slices.IndexFunc(dynamic, func(t reflect.Type) bool { return t.String() == from["t"] })
			if at < 0 {
				return errShape
			}
			inner := reflect.New(dynamic[at]).Elem()
			err := r.into(inner, from["v"])
			to.Set(inner)
			return err
		}
		if to.Kind() == reflect.Struct {
			return r.fields(to, from)
		}
	}
	return errShape
}

func number(to reflect.Value, from json.Number) (err error) {
	switch to.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		var n int64
		n, err = from.Int64()
		to.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		var n uint64
		n, err = strconv.ParseUint(from.String(), 10, 64)
		to.SetUint(n)
	case reflect.Float32, reflect.Float64:
		var n float64
		n, err = from.Float64()
		to.SetFloat(n)
	default:
		err = errShape
	}
	return err
}

func (r reader) list(to reflect.Value, from any) error {
	if text, ok := from.(string); ok && to.Kind() == reflect.Slice && to.Type().Elem().Kind() == reflect.Uint8 {
		data, err := base64.StdEncoding.DecodeString(text)
		to.SetBytes(data)
		return err
	}
	all, ok := from.([]any)
	if !ok || to.Kind() == reflect.Array && len(all) != to.Len() {
		return errShape
	}
	if to.Kind() == reflect.Slice {
		to.Set(reflect.MakeSlice(to.Type(), len(all), len(all)))
	}
	for n, one := range all {
		if err := r.into(to.Index(n), one); err != nil {
			return err
		}
	}
	return nil
}

func (r reader) shared(to reflect.Value, from any) error {
	s, ok := from.(map[string]any)
	if !ok {
		return errShape
	}
	name := fmt.Sprint(s["n"])
	if known, ok := r.known[name]; ok {
		if known.Type() != to.Type() {
			return errShape
		}
		to.Set(known)
		return nil
	}
	content, ok := s["v"]
	if !ok {
		return errShape
	}
	if to.Kind() == reflect.Pointer {
		made := reflect.New(to.Type().Elem())
		r.known[name] = made
		to.Set(made)
		return r.into(made.Elem(), content)
	}
	made := reflect.MakeMap(to.Type())
	r.known[name] = made
	to.Set(made)
	pairs, ok := content.([]any)
	if !ok {
		return errShape
	}
	for _, one := range pairs {
		pair, ok := one.([]any)
		if !ok || len(pair) != 2 {
			return errShape
		}
		key, value := reflect.New(to.Type().Key()).Elem(), reflect.New(to.Type().Elem()).Elem()
		if err := errors.Join(r.into(key, pair[0]), r.into(value, pair[1])); err != nil {
			return err
		}
		made.SetMapIndex(key, value)
	}
	return nil
}

func (r reader) fields(to reflect.Value, from map[string]any) error {
	for n := range to.NumField() {
		value, ok := from[to.Type().Field(n).Name]
		if !ok || !isKept(to.Field(n).Type()) {
			continue
		}
		if err := r.into(opened(to.Field(n)), value); err != nil {
			return fmt.Errorf("%s: %w", to.Type().Field(n).Name, err)
		}
	}
	return nil
}
