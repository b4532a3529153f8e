package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLoad(t *testing.T) {
	getenv := func(name string) (string, bool) { return "s3cret", name == "MAIL_PASSWORD" }
	tests := []struct{ name, text, wrong string }{
		{"everything", `
listen = "0.0.0.0:80"
database = "mysql://u@tcp(db:3306)/bursar"
trusted_proxies = ["10.0.0.0/8"]
sites {
  storefront = "https://example.com/"
  portal     = "https://account.example.com"
  admin      = "https://admin.example.com"
}
smtp {
  host     = "mail.example.com"
  password = env("MAIL_PASSWORD")
}
`, ""},
		{"an unknown name tells its line", "listen = \"0.0.0.0:80\"\nlissten = 5\n", "bursar.hcl:2: Unsupported argument"},
		{"a variable that is not set tells its line", "smtp {\n  host = \"a\"\n  password = env(\"NOBODY\")\n}\n", "bursar.hcl:3: "},
		{"a quote that does not end", "listen = \"0.0.0.0:80\n", "bursar.hcl:1: "},
		{"a site with a path", "sites {\n storefront = \"https://e.com/shop\"\n portal = \"https://a.e.com\"\n admin = \"https://b.e.com\"\n}\n", "storefront is"},
		{"two sites on one host", "sites {\n storefront = \"https://e.com\"\n portal = \"https://e.com\"\n admin = \"https://b.e.com\"\n}\n", "the same host"},
		{"an environment that does not exist", `environment = "prod"`, `write "production" or "test"`},
		{"a database of another kind", `database = "postgres://x"`, "neither"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "bursar.hcl")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := Load(path, getenv)
			if tt.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wrong) {
					t.Fatalf("%v does not say %q", err, tt.wrong)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.Storefront != "https://example.com" || c.SMTP.Port != 587 || c.SMTP.Password.Reveal() != "s3cret" || !c.Secure() || !filepath.IsAbs(c.Data) || c.DSN() != "mysql://u@tcp(db:3306)/bursar" {
				t.Errorf("%+v", c)
			}
		})
	}
	if c, err := Load("", getenv); err != nil || c.DSN() != "sqlite:data/bursar.db" || c.Secure() {
		t.Errorf("without a file: %+v, %v", c, err)
	}
}
