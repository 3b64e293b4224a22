#!/usr/bin/env bash
# Walks through the pages in Chromium against a demonstration of its own. Installs what it needs, where it may.
#   scripts/e2e.sh              the walk, the sentinel sites on the same node, then loop, laboratory and assists
#   scripts/e2e.sh loop         round the loop: arrival, measure, visits, appeals, release; a device without a network
#   scripts/e2e.sh arrivals     announced, checked, a slip, a second checkpoint without a network, measure, tests, release
#   scripts/e2e.sh tracing      a case's file: contacts found, confirmed, entered by keyboard; place codes
#   scripts/e2e.sh assists      two cities with a node each: requests between them
#   scripts/e2e.sh sentinel     sentinel sites and signals at phone size
#   scripts/e2e.sh laboratory   desks, laboratory, pools, tests due, rounds, self-tests
#   scripts/e2e.sh screenshots  pictures into docs/screenshots
set -euo pipefail
cd "$(dirname "$0")/.."
missing=()
command -v chromium >/dev/null || missing+=(chromium)
command -v npm >/dev/null || missing+=(npm)
fc-list 2>/dev/null | grep -qi "Noto Sans CJK" || missing+=(fonts-noto-cjk)
if [ ${#missing[@]} -gt 0 ]; then
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
    elif [ -n "${CI:-}" ]; then
        echo "The walk in the browser needs: ${missing[*]}" >&2
        exit 1
    else
        echo "not run: the walk in the browser needs ${missing[*]}"
        exit 0
    fi
fi
[ -d e2e/node_modules/jsqr ] || (cd e2e && npm ci --silent --no-fund --no-audit)
cargo build --quiet
what="${1:-walk}"
case "$what" in loop | arrivals | laboratory) PEOPLE="${PEOPLE:-400}" ;; esac
folder=$(mktemp -d)
if [ "$what" = assists ]; then
    ./target/debug/sizao demo two-cities --out "$folder/two" --listen 127.0.0.1:0 --other 127.0.0.1:0 >"$folder/out" 2>"$folder/told" &
    node=$!
    trap 'kill "$node" 2>/dev/null; wait "$node" 2>/dev/null || true; rm -rf "$folder"' EXIT
    for _ in $(seq 120); do
        [ "$(grep -c "Serving at" "$folder/out")" != 2 ] || break
        kill -0 "$node" 2>/dev/null || { cat "$folder/told" >&2; exit 1; }
        sleep 1
    done
    SIZAO_URL=$(grep "Zhengzhou" "$folder/told" | grep -o 'http://[0-9.]*:[0-9]*')
    SIZAO_OTHER=$(grep "Luoyang" "$folder/told" | grep -o 'http://[0-9.]*:[0-9]*')
    SIZAO_DEMO_PASSWORD=$(grep -o 'demo-[0-9a-f]*$' "$folder/told" | head -1)
    export SIZAO_URL SIZAO_OTHER SIZAO_DEMO_PASSWORD
    node e2e/assists.mjs
    exit
fi
./target/debug/sizao demo pages --people "${PEOPLE:-3000}" --out "$folder/demo" --listen 127.0.0.1:0 >"$folder/out" 2>"$folder/told" &
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
if [ "$what" = loop ] || [ "$what" = arrivals ]; then
    # Days go by: the walk starts the node itself, each time at a later moment.
    kill "$node" && wait "$node" || true
    SIZAO_BIN=./target/debug/sizao SIZAO_STORE="$folder/demo/sizao.db" node "e2e/$what.mjs"
    exit
fi
# A second node without any account, for the set-up by one-time link.
./target/debug/sizao --store "$folder/empty.db" init >/dev/null
./target/debug/sizao --store "$folder/empty.db" serve --listen 127.0.0.1:0 >"$folder/empty" 2>"$folder/empty-log" &
empty=$!
stop() { kill "$node" "$empty" 2>/dev/null; wait "$node" "$empty" 2>/dev/null || true; rm -rf "$folder"; }
for _ in $(seq 60); do grep -q "/setup/" "$folder/empty" && break; sleep 1; done
SIZAO_SETUP=$(grep -o 'http://.*/setup/.*' "$folder/empty")
export SIZAO_SETUP
node "e2e/$what.mjs"
[ -z "${1:-}" ] || exit 0
node e2e/sentinel.mjs
stop
trap - EXIT
for next in loop laboratory assists; do "$0" "$next"; done
