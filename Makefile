# Index of what can be done here; `make help` lists it. Everything is quick when nothing changed.
CARGO ?= cargo
# Everything that the binary can have; daily work (`cargo test`) does without the store's heavy crates.
FEATURES := --features throughline/cloud,store-lake/cloud,throughline/clickhouse,throughline/profile,pipeline/heap-profile,throughline/ballista,store-lake/ballista
BIN := $(shell $(CARGO) metadata --no-deps --format-version 1 --offline 2>/dev/null | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
FUZZ_SECONDS ?= 60

.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

demo: ui examples ## build everything and show a small contact centre at http://127.0.0.1:7717
	$(CARGO) run -q -p throughline $(FEATURES) -- demo $(DEMO)

ui: ## build the page that the binary embeds
	scripts/build-ui.sh

examples: ## install what the example services need, inside their folders
	scripts/setup-examples.sh

test: ## everything that has to hold; installs what it needs
	scripts/setup-test.sh
	$(MAKE) ui check
	$(CARGO) test --workspace $(FEATURES)
	cd web && npm run --silent check && npm run --silent test && npm run --silent e2e && REAL=1 npm run --silent e2e
	cd libs/node && npm run --silent check && npm run --silent test
	cd libs/python && .venv/bin/python -m unittest discover -q -s tests -t .
	cd examples/node-service && npm run --silent test
	cd examples/genesys-python && .venv/bin/python -m unittest discover -q -b -s tests -t .

check: ## formatting, lints
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets $(FEATURES),throughline/heap-profile -- -D warnings

deny: ## licences, bans and sources by cargo-deny; builds the tool at first use
	scripts/deny.sh

bench: ## figures of the guide's configuration; PEER=/path/to/otelcol measures that one too
	$(CARGO) build --release -p throughline -p sim
	scripts/install-locked.sh crates/store-lake/tests/engines
	$(MAKE) ui
	@# All of them, also after a limit was missed.
	status=0; \
	$(BIN)/release/throughline-bench run --sut $(BIN)/release/throughline $(BENCH) || status=1; \
	$(BIN)/release/throughline-bench sip --sut $(BIN)/release/throughline $(BENCH_SIP) || status=1; \
	$(CARGO) bench -q -p throughline-sdk --bench hop || status=1; \
	MALLOC_TRIM_THRESHOLD_=1048576 MALLOC_MMAP_THRESHOLD_=1048576 $(CARGO) bench -q -p pipeline --bench tail_sampling || status=1; \
	$(CARGO) bench -q -p ingest-genesys --bench to_spans || status=1; \
	$(CARGO) bench -q -p throughline-sip --bench invite || status=1; \
	MALLOC_TRIM_THRESHOLD_=1048576 MALLOC_MMAP_THRESHOLD_=1048576 $(CARGO) bench -q -p store-lake --bench peers || status=1; \
	$(CARGO) bench -q -p store-lake --bench hour || status=1; \
	(cd web && npm run --silent bench) || status=1; \
	exit $$status

prove: ## long runs of what the tests run short; figures in docs/proofs
	GENESYS_CALLS=4000 GENESYS_CONCURRENT=2000 GENESYS_SPEED=10 GENESYS_REQUESTS_PER_MINUTE=300 GENESYS_RECONCILE=20 \
	GENESYS_POLL_MS=60000 GENESYS_PATIENCE=3600 \
	$(CARGO) test --release -p ingest-genesys --test receiver -- --nocapture nothing_is_missing
	GENESYS_MENDED=2000 GENESYS_PATIENCE=900 \
	$(CARGO) test --release -p ingest-genesys --test receiver -- --nocapture is_mended
	$(CARGO) build --release -p throughline $(FEATURES)
	THROUGHLINE_BIN=$(BIN)/release/throughline GENESYS_PROBES=300 GENESYS_CONCURRENT=2000 \
	$(CARGO) test --release -p e2e --test genesys_latency -- --nocapture
	JOURNAL_SEEDS=20000 $(CARGO) test --release -p pipeline --lib journal::log
	LAKE_SEEDS=2000 $(CARGO) test --release -p store-lake --lib lake::tests
	KILLS=1000 $(CARGO) test --release -p store-lake --test kill
	KILLS=200 $(CARGO) test --release -p store-lake --features cloud --test bucket
	THROUGHLINE_BIN=$(BIN)/release/throughline INGEST_SECONDS=3600 INGEST_RATE=25000 INGEST_P99_MS=50 \
	$(CARGO) test --release -p e2e --test ingest -- --nocapture
	THROUGHLINE_BIN=$(BIN)/release/throughline JOURNAL_KILLS=200 JOURNAL_OUTAGE_SECONDS=600 JOURNAL_PATIENCE=3600 \
	$(CARGO) test --release -p e2e --test journal -- --nocapture --test-threads 1
	THROUGHLINE_BIN=$(BIN)/release/throughline scripts/small-disk.sh \
	$(CARGO) test --release -p e2e --test journal -- --nocapture a_full_disk
	THROUGHLINE_BIN=$(BIN)/release/throughline SIP_TRANSFERS=1000 \
	$(CARGO) test --release -p e2e --test sip_edge -- --nocapture all_at_once
	ulimit -n 16384 && THROUGHLINE_BIN=$(BIN)/release/throughline SOAK_SECONDS=3600 SOAK_RATE=500 SOAK_ENDLESS=100000 \
	FORGED=100000 FLOOD=1000000 HUGE=5000 HALF_OPEN=3000 MUTATED=200000 \
	$(CARGO) test --release -p e2e --test sip_soak -- --nocapture --test-threads 1

fuzz: ## every fuzz target for FUZZ_SECONDS (60)
	scripts/fuzz.sh $(FUZZ_SECONDS)

.PHONY: help demo ui examples test check deny bench prove fuzz
