// Package fill gives every field of a struct a value of its own, so that the test of a conversion shows each field that is
// not carried over, or is carried into another. A field added later is filled too. Only tests use it.
package fill

import (
	"fmt"
	"net/http"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/ezscale/bursar/sdk/money"
	"github.com/ezscale/bursar/sdk/secret"
)

// New is a filled T: the same one each time.
func New[T any](t testing.TB) T {
	t.Helper()
	var v T
	f := filler{t: t}
	f.fill(reflect.ValueOf(&v).Elem())
	return v
}

type filler struct {
	t testing.TB
	n int
}

func (f *filler) next() int { f.n++; return f.n }

// whole are types that are one value, as far as a conversion is concerned.
func (f *filler) whole(v any) any {
	switch v.(type) {
	case time.Time:
		return time.UnixMicro(1_700_000_000_000_000 + int64(f.next())).UTC()
	case time.Duration:
		return time.Duration(f.next()) * time.Millisecond
	case secret.Value:
		return secret.New(fmt.Sprintf("secret %d", f.next()))
	case money.Amount:
		return money.Of(-int64(f.next()), string([]byte{'A', 'A' + byte(f.n/26%26), 'A' + byte(f.n%26)}))
	case money.Rate:
		return money.PPM(int64(f.next()))
	case netip.Prefix:
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(f.next())}), 32)
	case http.Header:
		return http.Header{http.CanonicalHeaderKey(fmt.Sprintf("header-%d", f.next())): {fmt.Sprint(f.next()), fmt.Sprint(f.next())}}
	case []byte:
		return []byte(fmt.Sprintf("bytes %d", f.next()))
	}
	return nil
}

func (f *filler) fill(v reflect.Value) {
	f.t.Helper()
	if w := f.whole(v.Interface()); w != nil {
		v.Set(reflect.ValueOf(w))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d", f.next()))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(f.next()))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			f.fill(v.Field(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			f.fill(key)
			f.fill(value)
			v.SetMapIndex(key, value)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			f.fill(v.Index(i))
		}
	default:
		f.t.Fatalf("the test cannot fill a %s", v.Type())
	}
}

// Same fails unless what came over the wire is what was meant.
func Same(t testing.TB, what string, have, want any) {
	t.Helper()
	if !reflect.DeepEqual(have, want) {
		t.Errorf("%s\n  have %+v\n  want %+v", what, have, want)
	}
}
