#!/usr/bin/env bash
# The fence on seeds 1-5 beside the naive rule, and its geometry beside shapely's. Needs SIZAO_REFERENCE and Python 3.
#   SEEDS="1 2" CONFIG=harder.json make bench-fence
set -euo pipefail
cd "$(dirname "$0")/.."
: "${SIZAO_REFERENCE:?names the folder of the reference data}"
work=${WORK:-$(mktemp -d)}
[ -n "${WORK:-}" ] || trap 'rm -rf "$work"' EXIT
cargo build --release --quiet -p sizao
[ -x "$work/venv/bin/python" ] || python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet numpy scipy "shapely>=2"

"$work/venv/bin/python" scripts/bench_fence.py target/release/sizao "$work" ${SEEDS:-1 2 3 4 5}
