//go:build tools

// Package tools pins the linter, so that go.sum knows it. Nothing here is built into the product.
package tools

import _ "honnef.co/go/tools/cmd/staticcheck"
