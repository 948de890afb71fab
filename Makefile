# The commands of this project; CI calls the same ones. `make help` lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help

export CARGO_TARGET_DIR ?= $(CURDIR)/target
# Where tests keep screenshots and logs of what they started.
export BONGHWA_ARTEFACTS ?= $(CARGO_TARGET_DIR)/artefacts
# Tests that lack a component name it here.
export BONGHWA_SKIPPED ?= $(CARGO_TARGET_DIR)/skipped.txt

NEXTEST := $(shell cargo nextest --version >/dev/null 2>&1 && echo yes)
ifeq ($(NEXTEST),yes)
  RUN_TESTS = cargo nextest run --workspace --no-fail-fast
else
  RUN_TESTS = cargo test --workspace --no-fail-fast
endif

.PHONY: help run build image ui test test-full soak lint fmt bench bench-logs bench-micro fuzz clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

run: build ## build everything and start it on http://127.0.0.1:9090 with its data under ./data
	@$(CARGO_TARGET_DIR)/release/bonghwa $(ARGS)

build: ui ## the release binary with the web interface inside: target/release/bonghwa
	cargo build --release -p app --bin bonghwa

# Larger images are a mistake.
IMAGE_MOST_BYTES := 41943040
IMAGE ?= bonghwa:latest

image: ui ## the images, FROM scratch and without a registry: bonghwa:latest, bonghwa:cadvisor, bonghwa:node-exporter
	scripts/static.sh release
	scripts/image.sh $(CARGO_TARGET_DIR)/static/release/bonghwa $(IMAGE)
	@test $$(docker image inspect --format '{{.Size}}' $(IMAGE)) -le $(IMAGE_MOST_BYTES) || \
		{ echo "the image is larger than $(IMAGE_MOST_BYTES) bytes"; exit 1; }

ui/node_modules/.stamp: ui/package-lock.json
	cd ui && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

ui: ui/node_modules/.stamp ## build the web interface into ui/dist
	cd ui && npm run --silent build

lint: ui/node_modules/.stamp ## formatting, clippy, interface lint and types
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cd ui && npm run --silent check

test: ui lint ## everything that proves a change; what a missing component skips is named
	@scripts/reference.sh
	@scripts/python.sh
	@scripts/node.sh
	@mkdir -p $(BONGHWA_ARTEFACTS) && rm -f $(BONGHWA_SKIPPED)
	scripts/static.sh debug
	cargo build -p app --bin bonghwa
	$(RUN_TESTS)
	@sort -u $(BONGHWA_SKIPPED) 2>/dev/null || true

test-full: export BONGHWA_CRASH_SEEDS ?= 5000
test-full: export BONGHWA_SOAK_SECONDS ?= 900
test-full: export BONGHWA_FLOOD_SERIES ?= 1000000
test-full: export NEXTEST_PROFILE ?= full
test-full: test ## the same with thousands of crashes and flipped bits, a longer soak, a flood of a million series

soak: build ## an hour of everything at once, kill -9 and full disks included, and a verdict (SOAK_SECONDS=3600)
	BONGHWA_BIN=$(CARGO_TARGET_DIR)/release/bonghwa BONGHWA_SOAK_SECONDS=$${SOAK_SECONDS:-3600} \
		cargo test -p tests --test soak -- --nocapture

bench: build ## ingest, size, memory and queries beside Debian's prometheus and victoria-metrics
	@scripts/reference.sh
	@scripts/test-image.sh || echo 'skipped: no Docker engine, no idle measurement'
	cargo run --release -p bench -- $(ARGS)

bench-logs: build ## logs in, size, memory and queries beside VictoriaLogs and Loki (ARGS="--victoria-logs PATH --loki PATH")
	cargo run --release -p bench -- --parts logs --memory-mib $${MEMORY_MIB:-4096} --repeats $${REPEATS:-5} $(ARGS)

bench-micro: ## criterion benchmarks of codecs, labels, postings and window functions
	cargo bench -p tsdb --bench codecs --bench postings -- $(ARGS)
	cargo bench -p query --bench windows -- $(ARGS)

fuzz: ## each fuzz target for a minute (SECONDS_EACH=60)
	@scripts/fuzz.sh $${SECONDS_EACH:-60}

fmt: ## format everything
	cargo fmt --all
	cd ui && npx prettier --write --log-level warn .

clean: ## remove what was built
	cargo clean
	rm -rf ui/dist ui/node_modules
