# Needs Rust, Python 3.11 with pip, and make. Everything else goes into target/, .venv/, .venv-spark/, .venv-airflow/ and .demo/.
TARGET := $(or $(CARGO_TARGET_DIR),target)
PYTHON ?= python3

.PHONY: help demo test interop airflow s3 azure notebooks lint build bench browser clean

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## see it work: a sandbox of both vendors, a sync, the first queries
	cargo run --release --locked -- demo

test: .venv/ready browser ## unit, property and integration tests, then the lake in DuckDB, Polars, pandas and the notebooks
	cargo test --locked
	TICKETLAKE_BIN="$(abspath $(TARGET))/debug/ticketlake" .venv/bin/python -m pytest tests/lake

interop: .venv-spark/ready ## the lake in Spark, which is large and needs Java 17
	cargo test --locked --no-run
	TICKETLAKE_BIN="$(abspath $(TARGET))/debug/ticketlake" .venv-spark/bin/python tests/interop/spark.py

airflow: .venv-airflow/ready ## the README's recipe for Airflow, run by Airflow, which is large; needs jq
	cargo test --locked --no-run
	TICKETLAKE_BIN="$(abspath $(TARGET))/debug/ticketlake" .venv-airflow/bin/python tests/interop/dag.py

notebooks: .venv/ready ## run the notebooks on the demo's lake (make demo) and keep what they show
	@test -f .demo/lake/views.sql || { echo "there is no .demo/lake yet: run make demo first"; exit 1; }
	.venv/bin/python notebooks/refresh.py

lint: ## formatting and clippy, warnings denied
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings

build: ## the program: target/release/ticketlake
	cargo build --release --locked

bench: build $(TARGET)/bench/ready ## speed, memory and size beside others, a table; options in BENCH="…"
	$(PYTHON) tests/bench --binary $(TARGET)/release/ticketlake --work $(TARGET)/bench $(BENCH)

# These check conditions before they write, not while: enough for one writer after another.
S3S := $(TARGET)/tools/bin/s3s-fs
AZURITE := $(TARGET)/tools/node_modules/.bin/azurite-blob
s3: .venv/ready $(S3S) ## every test that can, on a lake in an object store of another make
	cargo test --locked --no-run
	CHECK_LAKE=bucket CHECK_STORE_SERVER="$(abspath $(S3S)) --host {host} --port {port} --access-key {account} --secret-key {secret} {folder}/store" \
	  TICKETLAKE_BIN="$(abspath $(TARGET))/debug/ticketlake" .venv/bin/python -m pytest tests/lake $(STORE)

azure: .venv/ready $(AZURITE) ## the same on Azure's emulator; needs npm
	cargo test --locked --no-run
	CHECK_LAKE=bucket CHECK_STORE=az CHECK_STORE_SERVER="$(abspath $(AZURITE)) --silent --skipApiVersionCheck --blobHost {host} --blobPort {port} --location {folder}/store" \
	  TICKETLAKE_BIN="$(abspath $(TARGET))/debug/ticketlake" .venv/bin/python -m pytest tests/lake $(STORE)

$(S3S):
	cargo install s3s-fs --version 0.14.1 --features binary --locked --root $(TARGET)/tools --target-dir $(TARGET)/tools/target

$(AZURITE):
	npm install --prefix $(TARGET)/tools --no-audit --no-fund azurite@3.37.0

clean: ## remove what was made
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
