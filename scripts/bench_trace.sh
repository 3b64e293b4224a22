#!/usr/bin/env bash
# Speed and memory of tracing beside DuckDB and PostgreSQL, on the same ledger and in the same run.
#   scripts/bench_trace.sh [--rows N,N...] [--no-postgres] [--keep FOLDER]
# The ledger and the other engines' queries come from the folder that SIZAO_REFERENCE names; without it only our own figures are
# printed, on a ledger of the same structure.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --quiet --release -p sizao-presence --example bench_trace
if [ -z "${SIZAO_REFERENCE:-}" ]; then
    echo "SIZAO_REFERENCE is not set: our own ledger, no other engine"
    exec target/release/examples/bench_trace --rows "${ROWS:-10000000}" --runs 15
fi
venv=target/bench-trace-python
if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -c 'import duckdb, numpy, psycopg, pyarrow' 2>/dev/null; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet numpy==2.4.6 pyarrow duckdb 'psycopg[binary]'
fi
case " $* " in
    *" --no-postgres "*) exec "$venv/bin/python" scripts/bench_trace.py "$@" ;;
    *) exec scripts/postgres.sh "$venv/bin/python" scripts/bench_trace.py "$@" ;;
esac
