# Needs Rust, Python 3.11 with pip, and make. Everything else goes into target/, .venv/, .venv-spark/ and .demo/.
TARGET := $(or $(CARGO_TARGET_DIR),target)
PYTHON ?= python3

.PHONY: help demo test interop notebooks lint build clean

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## see it work: a sandbox of both vendors, a sync, the first queries
	cargo run --release --locked -- demo

test: .venv/ready ## unit, property and integration tests, then the lake in DuckDB, Polars, pandas and the notebooks
	cargo test --locked
	cargo build --locked
	TICKETLAKE_BIN="$(abspath $(TARGET))/debug/ticketlake" .venv/bin/python -m pytest tests/lake

interop: .venv-spark/ready ## the lake in Spark, which is large and needs Java 17
	cargo build --locked
	TICKETLAKE_BIN="$(abspath $(TARGET))/debug/ticketlake" .venv-spark/bin/python tests/interop/spark.py

notebooks: .venv/ready ## run the notebooks on the demo's lake (make demo) and keep what they show
	@test -f .demo/lake/views.sql || { echo "there is no .demo/lake yet: run make demo first"; exit 1; }
	.venv/bin/python notebooks/refresh.py

lint: ## formatting and clippy, warnings denied
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings

build: ## the program: target/release/ticketlake
	cargo build --release --locked

clean: ## remove what was made
	cargo clean
	rm -rf .venv .venv-spark .demo

# Without its own pip the environment also comes up where Python lacks ensurepip.
.venv/ready: tests/lake/requirements.txt notebooks/requirements.txt
	$(PYTHON) -m venv --clear --without-pip .venv
	$(PYTHON) -m pip --python .venv/bin/python install --quiet --disable-pip-version-check $(addprefix -r ,$^)
	touch $@

.venv-spark/ready: tests/interop/requirements.txt
	$(PYTHON) -m venv --clear --without-pip .venv-spark
	$(PYTHON) -m pip --python .venv-spark/bin/python install --quiet --disable-pip-version-check -r $<
	touch $@
