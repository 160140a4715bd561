# Needs Rust, Python 3.11 with pip, and make. Everything else goes into target/, .venv/ and .demo/.
TARGET := $(or $(CARGO_TARGET_DIR),target)
PYTHON ?= python3

.PHONY: help demo test lint build bench interop clean

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## see it work: a sandbox of both vendors, a sync, the first queries
	cargo run --release --locked -- demo

test: .venv/ready ## unit, property and integration tests, then the lake read by DuckDB
	cargo test --locked
	TICKETLAKE_BIN="$(abspath $(TARGET))/debug/ticketlake" .venv/bin/python -m pytest tests/lake

lint: ## formatting and clippy, warnings denied
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings

build: ## the program: target/release/ticketlake
	cargo build --release --locked

bench: build $(TARGET)/bench/ready ## speed, memory and size beside others, a table; options in BENCH="…"
	$(PYTHON) tests/bench --binary $(TARGET)/release/ticketlake --work $(TARGET)/bench $(BENCH)

# It checks conditions before it writes, not while: enough for one writer after another.
S3S := $(TARGET)/tools/bin/s3s-fs
interop: .venv/ready $(S3S) ## every test that can, on a lake in an object store of another make
	cargo build --locked
	CHECK_LAKE=bucket CHECK_S3_SERVER="$(abspath $(S3S)) --host {host} --port {port} --access-key {key} --secret-key {secret} {folder}/store" \
	  TICKETLAKE_BIN="$(abspath $(TARGET))/debug/ticketlake" .venv/bin/python -m pytest tests/lake $(INTEROP)

$(S3S):
	cargo install s3s-fs --version 0.14.1 --features binary --locked --root $(TARGET)/tools --target-dir $(TARGET)/tools/target

clean: ## remove what was made
	cargo clean
	rm -rf .venv .demo

# Where the rivals cannot be installed, the program is measured alone.
$(TARGET)/bench/ready: tests/bench/requirements.txt
	$(PYTHON) -m venv --clear --without-pip $(TARGET)/bench/venv
	$(PYTHON) -m pip --python $(TARGET)/bench/venv/bin/python install --quiet --disable-pip-version-check -r $< \
	  && touch $@ || echo "without DuckDB and dlt"

# Without its own pip the environment also comes up where Python lacks ensurepip.
.venv/ready: tests/lake/requirements.txt
	$(PYTHON) -m venv --clear --without-pip .venv
	$(PYTHON) -m pip --python .venv/bin/python install --quiet --disable-pip-version-check -r $<
	touch $@
