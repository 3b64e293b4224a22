# make demo    set up, build, import the published transmission pairs, report on them, and serve pages (ONCE=1: no pages)
# make demo-two-cities  two nodes that ask each other: pages of Zhengzhou and Luoyang
# make test    set up and run every test, on SQLite and on a PostgreSQL of its own
# make screenshots  pictures of every page into docs/screenshots
# make lint    format, clippy, documentation
# make prove   the full counts; prints what docs/proofs/ keeps
# make bench   speed and memory; prints the curve
# make bench-lists   every list, search and board on PostgreSQL with 1,000,000 people (PEOPLE=…), for every role
# make bench-epi     surveillance statistics against the R packages, both in one run
# make bench-scans   scans of place codes a second, one a request and in batches
# make bench-trace   tracing beside DuckDB and PostgreSQL, CPU time and ratios
# make bench-policy  comparing and replaying packs, one new fact, a graded area, assess, over a city of 1,000,000
# make bench-lab     HL7 messages, the due list, registrations and results of a round (TUBES=…)
# make bench-fence   the fence on five seeds, beside the naive rule and shapely

SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: bench-lab demo-two-cities bench-scans bench-policy bench-lists demo screenshots test lint prove bench bench-epi bench-trace bench-fence setup

CARGO ?= cargo
NEXTEST := $(shell command -v cargo-nextest 2>/dev/null)

demo:
	@scripts/demo.sh

setup:
	@scripts/setup.sh

test: setup
ifdef NEXTEST
	scripts/postgres.sh $(CARGO) nextest run --workspace --no-fail-fast
else
	scripts/postgres.sh $(CARGO) test --workspace --no-fail-fast
endif
	$(CARGO) test --workspace --doc --quiet
	scripts/e2e.sh

screenshots:
	scripts/e2e.sh screenshots

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --quiet
	scripts/check-rooms.sh

prove: setup
	scripts/prove.sh

bench:
	scripts/bench.sh

bench-lists:
	scripts/bench_lists.sh

bench-epi:
	scripts/bench_epi.sh

bench-scans:
	scripts/bench_scans.sh

bench-lab:
	scripts/bench_lab.sh

bench-trace:
	scripts/bench_trace.sh

bench-fence:
	scripts/bench_fence.sh

bench-policy:
	scripts/bench_policy.sh

demo-two-cities:
	$(CARGO) build --quiet
	./target/debug/sizao demo two-cities --out demo/two-cities
