#!/bin/sh
# Makes the Go of every .proto below this folder. Wants protoc (Debian: protobuf-compiler) and Go; the two protoc plugins
# are built here, at the versions that tools/go.mod pins, into a folder that goes away afterwards.
set -eu
cd "$(dirname "$0")"
command -v protoc >/dev/null || { echo "protoc is missing: apt-get install protobuf-compiler" >&2; exit 1; }
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
(cd ../../tools && go build -o "$bin/" google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc)
PATH="$bin:$PATH" protoc -I . \
	--go_out=. --go_opt=paths=source_relative \
	--go-grpc_out=. --go-grpc_opt=paths=source_relative \
	$(find bursar -name '*.proto' | sort)
