# make run        build everything and start the demo: three sites, sample data, simulated vendors
# make test       install what the tests need, then unit, database, conformance and browser tests
# make bench      measure against floors taken in the same run, as JSON lines
# make soak       the long runs: 1,000 kills, 200 rounds
# make generate   models and protocol code anew
# make lint       gofmt, vet, staticcheck, generated code is fresh

GO      ?= go
BUILD   := build
LISTEN  ?= 127.0.0.1:8080
DIR     ?= data/demo
PLUGINS := $(patsubst plugins/%/main.go,%,$(wildcard plugins/*/*/main.go))
BINS    := $(foreach p,$(PLUGINS),$(BUILD)/plugins/$(subst /,-,$(p)))
GOFLAGS_BUILD := -trimpath

.PHONY: run build tools assets plugins test bench soak generate lint clean $(BINS)

run: build
	$(BUILD)/bursar-demo --dir $(DIR) --listen $(LISTEN)

build: tools assets plugins
	$(GO) build $(GOFLAGS_BUILD) -o $(BUILD)/bursar ./cmd/bursar
	$(GO) build $(GOFLAGS_BUILD) -o $(BUILD)/bursar-demo ./cmd/demo

# What building needs and this machine lacks.
tools:
	@.ci/tools build

# Stylesheet, scripts, icons and fonts, built by npm from its lock file and embedded in the binary.
assets: themes/default/assets/dist/manifest.json

themes/node_modules/.package-lock.json: themes/package.json themes/package-lock.json
	cd themes && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

themes/default/assets/dist/manifest.json: themes/node_modules/.package-lock.json $(shell find themes/src themes/default core/web -name '*.css' -o -name '*.js' -o -name '*.mjs' -o -name '*.html' 2>/dev/null | grep -v /dist/)
	cd themes && npm run --silent build
	@touch $@

plugins: $(BINS)

$(BINS): $(BUILD)/plugins/%:
	@mkdir -p $(BUILD)/plugins
	$(GO) build $(GOFLAGS_BUILD) -ldflags '-s -w' -o $@ ./plugins/$(firstword $(subst -, ,$*))/$(patsubst $(firstword $(subst -, ,$*))-%,%,$*)

test: build
	.ci/tools
	.ci/test

bench: build
	.ci/tools
	.ci/bench

soak: build
	.ci/tools
	BURSAR_LONG=1 .ci/test

generate:
	tools/generate.sh
	sdk/proto/generate.sh

lint:
	.ci/lint

clean:
	rm -rf $(BUILD) data/demo
