#!/usr/bin/env bash
# Tests the JSON API of a demonstration node against its own document, with every check and with ids that are there.
#   scripts/schemathesis.sh             EXAMPLES=20 for each operation, SEED=1; fails on the first failure found
set -euo pipefail
cd "$(dirname "$0")/.."
tool=target/schemathesis
if [ ! -x "$tool/bin/schemathesis" ]; then
    if ! python3 -m venv "$tool" 2>/dev/null || ! "$tool/bin/pip" install --quiet --disable-pip-version-check schemathesis==4.32.5; then
        rm -rf "$tool"
        if [ -n "${CI:-}" ]; then
            echo "schemathesis could not be installed (python3-venv and PyPI are needed)" >&2
            exit 1
        fi
        echo "not run: schemathesis could not be installed (python3-venv and PyPI are needed)"
        exit 0
    fi
fi
cargo build --quiet
folder=$(mktemp -d)
./target/debug/sizao demo pages --people "${PEOPLE:-2000}" --out "$folder/demo" --listen 127.0.0.1:0 >"$folder/out" 2>"$folder/told" &
node=$!
stop() { kill "$node" 2>/dev/null && wait "$node" 2>/dev/null || true; rm -rf "$folder"; }
trap stop EXIT
for _ in $(seq 600); do
    grep -q "Serving at" "$folder/out" && break
    kill -0 "$node" 2>/dev/null || { cat "$folder/told" >&2; exit 1; }
    sleep 1
done
SIZAO_URL=$(grep -o 'http://[0-9.]*:[0-9]*' "$folder/out" | head -1)
SIZAO_DEMO_PASSWORD=$(grep -o 'demo-[0-9a-f]*$' "$folder/told" | head -1)
export SIZAO_URL SIZAO_DEMO_PASSWORD
"$tool/bin/python" scripts/schemathesis.py "$tool/bin/schemathesis" "$folder"
