# Needs Rust, Python 3.11 with pip, and make. Everything else goes into target/, .venv/, .venv-spark/, .venv-airflow/ and .demo/.
TARGET := $(or $(CARGO_TARGET_DIR),target)
PYTHON ?= python3

# One pytest worker for each core. Each starts with its own half of the tests, so that fixtures of a module are made once.
PYTEST := .venv/bin/python -m pytest tests/lake -n auto --dist worksteal

.PHONY: help demo check test interop airflow s3 azure notebooks lint build bench browser clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## a sandbox of both vendors, a sync and the first queries
	cargo run --release --locked -- demo

lint: ## formatting and clippy, with warnings as errors
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings

check: lint ## formatting, clippy and the Rust tests: some minutes
	cargo test --locked

test: check .venv/ready browser ## everything that CI runs: check, then the program and its lake in pytest; CHECK_SEEDS=N for more seeds
	TICKETLAKE_BIN="$(abspath $(TARGET))/debug/ticketlake" $(PYTEST)

interop: .venv-spark/ready ## read the lake with Spark; needs Java 17 and a large download
	cargo test --locked --no-run
	TICKETLAKE_BIN="$(abspath $(TARGET))/debug/ticketlake" .venv-spark/bin/python tests/interop/spark.py

airflow: .venv-airflow/ready ## run the README's Airflow recipe in Airflow; needs jq and a large download
	cargo test --locked --no-run
	TICKETLAKE_BIN="$(abspath $(TARGET))/debug/ticketlake" .venv-airflow/bin/python tests/interop/dag.py

notebooks: .venv/ready ## run the notebooks on the demo's lake (make demo) and save their output
	@test -f .demo/lake/views.sql || { echo "there is no .demo/lake yet: run make demo first"; exit 1; }
	.venv/bin/python notebooks/refresh.py

build: ## build target/release/ticketlake
	cargo build --release --locked

bench: build $(TARGET)/bench/ready ## compare speed, memory and size with DuckDB and dlt; options in BENCH="…"
	$(PYTHON) tests/bench --binary $(TARGET)/release/ticketlake --work $(TARGET)/bench $(BENCH)

# These check conditions before they write, not while: enough for one writer after another.
S3S := $(TARGET)/tools/bin/s3s-fs
AZURITE := $(TARGET)/tools/node_modules/.bin/azurite-blob
s3: .venv/ready $(S3S) ## the lake tests on another S3 server; a selection in STORE="…"
	cargo test --locked --no-run
	CHECK_LAKE=bucket CHECK_STORE_SERVER="$(abspath $(S3S)) --host {host} --port {port} --access-key {account} --secret-key {secret} {folder}/store" \
	  TICKETLAKE_BIN="$(abspath $(TARGET))/debug/ticketlake" $(PYTEST) $(STORE)

azure: .venv/ready $(AZURITE) ## the lake tests on Azure's emulator; needs npm; a selection in STORE="…"
	cargo test --locked --no-run
	CHECK_LAKE=bucket CHECK_STORE=az CHECK_STORE_SERVER="$(abspath $(AZURITE)) --silent --skipApiVersionCheck --blobHost {host} --blobPort {port} --location {folder}/store" \
	  TICKETLAKE_BIN="$(abspath $(TARGET))/debug/ticketlake" $(PYTEST) $(STORE)

$(S3S):
	cargo install s3s-fs --version 0.14.1 --features binary --locked --root $(TARGET)/tools --target-dir $(TARGET)/tools/target

$(AZURITE):
	npm install --prefix $(TARGET)/tools --no-audit --no-fund azurite@3.37.0

clean: ## remove everything that was built
	cargo clean
	rm -rf .venv .venv-spark .venv-airflow .demo

# Where the rivals cannot be installed, the program is measured alone.
$(TARGET)/bench/ready: tests/bench/requirements.txt
	$(PYTHON) -m venv --clear --without-pip $(TARGET)/bench/venv
	$(PYTHON) -m pip --python $(TARGET)/bench/venv/bin/python install --quiet --disable-pip-version-check -r $< \
	  && touch $@ || echo "without DuckDB and dlt"

# The page of `report` is looked at in a real browser. Where none is and none can be had, its tests say so and are skipped.
BROWSERS := chromium chromium-browser google-chrome google-chrome-stable
browser:
	@for name in "$${CHROMIUM:-}" $(BROWSERS); do command -v "$$name" >/dev/null 2>&1 && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; fi \
	|| echo 'no Chromium could be installed: the tests of the report page are skipped'

# Everything is pinned, so nothing is looked for. Without its own pip the environment also comes up where Python lacks ensurepip.
.venv/ready: tests/lake/requirements.txt notebooks/requirements.txt
	$(PYTHON) -m venv --clear --without-pip .venv
	$(PYTHON) -m pip --python .venv/bin/python install --quiet --disable-pip-version-check --no-deps $(addprefix -r ,$^)
	$(PYTHON) -m pip --python .venv/bin/python check
	@# the oldest DuckDB that reads a lake, beside the newest
	$(PYTHON) -m pip --python .venv/bin/python install --quiet --disable-pip-version-check --no-deps --target .venv/duckdb-1.4 duckdb==1.4.5
	touch $@

.venv-spark/ready: tests/interop/requirements.txt
	$(PYTHON) -m venv --clear --without-pip .venv-spark
	$(PYTHON) -m pip --python .venv-spark/bin/python install --quiet --disable-pip-version-check -r $<
	touch $@

.venv-airflow/ready: tests/interop/airflow.requirements.txt
	$(PYTHON) -m venv --clear --without-pip .venv-airflow
	$(PYTHON) -m pip --python .venv-airflow/bin/python install --quiet --disable-pip-version-check --no-deps -r $<
	$(PYTHON) -m pip --python .venv-airflow/bin/python check
	touch $@
