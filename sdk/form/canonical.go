package form

import (
	"errors"
	"fmt"
	"math/big"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ezscale/bursar/sdk/money"
)

var (
	namePattern   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
	domainPattern = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)
	bytesPattern  = regexp.MustCompile(`^([0-9]+)(?:\.([0-9]{1,3}))?\s*([kKMGTP]?)(i?)B?$`)
)

func pattern(re2 string) (*regexp.Regexp, error) { return regexp.Compile(`^(?:` + re2 + `)$`) }

// canonical checks values of the field and writes them as they are stored.
func (s Spec) canonical(values []string) ([]string, error) {
	switch s.Kind {
	case KindMany, KindList, KindPairs:
	default:
		if len(values) != 1 {
			return nil, errors.New("only one value is possible")
		}
	}
	out := make([]string, 0, len(values))
	for _, v := range values {
		c, err := s.one(v)
		if err != nil {
			return nil, err
		}
		if err := s.matches(c); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	switch s.Kind {
	case KindPairs:
		slices.Sort(out)
		for i := 1; i < len(out); i++ {
			key, _, _ := strings.Cut(out[i], "=")
			if strings.HasPrefix(out[i-1], key+"=") {
				return nil, fmt.Errorf("%q comes twice", key)
			}
		}
	case KindMany:
		out = s.inOrder(out)
	}
	return out, s.within(out)
}

// one checks a single entry.
func (s Spec) one(v string) (string, error) {
	limit := 1000
	if s.Kind == KindLong || s.Kind == KindSecret {
		limit = 64_000
	}
	if !utf8.ValidString(v) || len(v) > limit {
		return "", fmt.Errorf("at most %d bytes of text", limit)
	}
	if s.Kind != KindLong && s.Kind != KindSecret {
		v = strings.TrimSpace(v)
		if strings.ContainsFunc(v, unicode.IsControl) {
			return "", errors.New("line breaks and control characters are not possible")
		}
	}
	switch s.Kind {
	case KindURL:
		return address(v)
	case KindEmail:
		a, err := mail.ParseAddress(v)
		if err != nil || a.Address != v {
			return "", errors.New("this is no e-mail address")
		}
	case KindDomain:
		v = strings.TrimSuffix(strings.ToLower(v), ".")
		if !domainPattern.MatchString(v) || len(v) > 253 {
			return "", errors.New("this is no domain name")
		}
	case KindOne, KindMany:
		at := slices.IndexFunc(s.Options, func(c Choice) bool { return c.Value == v && !c.Off })
		if at < 0 && !s.Remote {
			return "", fmt.Errorf("%q is not among the choices", v)
		}
	case KindBool:
		b, err := strconv.ParseBool(v)
		if err != nil && v != "on" {
			return "", errors.New("true or false")
		}
		return strconv.FormatBool(b || v == "on"), nil
	case KindInt:
		n, err := whole(v)
		if err != nil {
			return "", errors.New("this is no whole number")
		}
		return strconv.FormatInt(n, 10), nil
	case KindBytes:
		return size(v)
	case KindDuration:
		d, err := time.ParseDuration(v)
		if err != nil {
			return "", errors.New("this is no duration, such as 90s or 1h30m")
		}
		return d.String(), nil
	case KindMoney:
		a, err := amount(v)
		if err != nil {
			return "", errors.New("this is no amount, such as 19.99 EUR")
		}
		return a.String(), nil
	case KindPairs:
		key, value, found := strings.Cut(v, "=")
		key = strings.TrimSpace(key)
		if !found || key == "" {
			return "", errors.New("each entry is key=value")
		}
		return key + "=" + strings.TrimSpace(value), nil
	case KindText, KindLong, KindSecret, KindList:
	default:
		return "", fmt.Errorf("this host does not know fields of kind %q", s.Kind)
	}
	return v, nil
}

func (s Spec) matches(v string) error {
	if s.Match == "" {
		return nil
	}
	re, err := pattern(s.Match)
	if err != nil || !re.MatchString(v) {
		return errors.New("this does not have the expected form")
	}
	return nil
}

// within checks Between.
func (s Spec) within(values []string) error {
	if !s.Ranged {
		return nil
	}
	n := int64(len(values))
	what := func(n int64) string { return strconv.FormatInt(n, 10) }
	switch s.Kind {
	case KindInt, KindBytes:
		n, _ = whole(values[0])
	case KindDuration:
		d, _ := time.ParseDuration(values[0])
		n, what = int64(d), func(n int64) string { return time.Duration(n).String() }
	case KindMoney:
		a, _ := amount(values[0])
		n, what = a.Minor(), func(n int64) string { return money.Of(n, a.Currency()).String() }
	case KindMany, KindList, KindPairs:
		what = func(n int64) string { return fmt.Sprintf("%d entries", n) }
	default:
		n = int64(utf8.RuneCountInString(values[0]))
		what = func(n int64) string { return fmt.Sprintf("%d characters", n) }
	}
	if n < s.Low || n > s.High {
		return fmt.Errorf("between %s and %s", what(s.Low), what(s.High))
	}
	return nil
}

// inOrder sorts choices as the options are listed, drops doubles, and keeps unlisted (remote) ones at the end.
func (s Spec) inOrder(values []string) []string {
	var out []string
	for _, c := range s.Options {
		if slices.Contains(values, c.Value) {
			out = append(out, c.Value)
		}
	}
	for _, v := range values {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

func address(v string) (string, error) {
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return "", errors.New("this is no address, such as https://panel.example.com")
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return "", errors.New("the address has no user, query or fragment")
	}
	u.Host = strings.ToLower(u.Host)
	return strings.TrimRight(u.String(), "/"), nil
}

// Hosts are the "host:port" of the form's URL fields, by which an instance's grants follow its settings.
func (f Form) Hosts(v Values) []string {
	var out []string
	for _, field := range f {
		u, err := url.Parse(v.Get(field.spec.Name))
		if field.spec.Kind != KindURL || err != nil || u.Hostname() == "" {
			continue
		}
		port := u.Port()
		if port == "" {
			port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
		}
		host := u.Hostname()
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		out = append(out, host+":"+port)
	}
	return out
}

func whole(v string) (int64, error) { return strconv.ParseInt(v, 10, 64) }

// size reads bytes with a unit: decimal (5 GB), or binary where an i says so (5 GiB).
func size(v string) (string, error) {
	m := bytesPattern.FindStringSubmatch(v)
	if m == nil {
		return "", errors.New("this is no size, such as 500 GB")
	}
	base := int64(1000)
	if m[4] != "" {
		base = 1024
	}
	power := int64(strings.Index("KMGTP", strings.ToUpper(m[3])) + 1)
	if m[3] == "" {
		power = 0
	}
	unit := new(big.Int).Exp(big.NewInt(base), big.NewInt(power), nil)
	n, _ := new(big.Int).SetString(m[1]+m[2], 10)
	n.Mul(n, unit)
	n, rest := n.QuoRem(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(len(m[2]))), nil), new(big.Int))
	if !n.IsInt64() || rest.Sign() != 0 {
		return "", errors.New("this is no whole number of bytes")
	}
	return n.String(), nil
}

func amount(v string) (money.Amount, error) {
	decimal, currency, _ := strings.Cut(v, " ")
	if len(currency) != 3 || strings.ToUpper(currency) != currency {
		return money.Amount{}, money.ErrFormat
	}
	return money.Parse(decimal, currency)
}
