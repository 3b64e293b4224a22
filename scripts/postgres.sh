#!/usr/bin/env bash
# Runs a command with a PostgreSQL of its own: in a temporary folder, on a port that the kernel chose, gone afterwards.
#   scripts/postgres.sh COMMAND [ARGUMENT...]      sets SIZAO_TEST_POSTGRES for the command
# SIZAO_POSTGRES_OPTIONS are further options of the server, such as "-c shared_buffers=2GB".
set -euo pipefail

find_bin() {
    local dir
    for dir in "$(pg_config --bindir 2>/dev/null || true)" /usr/lib/postgresql/*/bin /usr/local/pgsql/bin; do
        [ -x "$dir/initdb" ] && echo "$dir" && return
    done
    return 1
}

if ! bin=$(find_bin); then
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql >/dev/null
        bin=$(find_bin)
    else
        echo "PostgreSQL is not installed: install the package 'postgresql' and run this again." >&2
        exit 1
    fi
fi

folder=$(mktemp -d)
as=()
if [ "$(id -u)" = 0 ]; then
    id postgres >/dev/null 2>&1 || useradd --system postgres
    chown postgres "$folder"
    as=(runuser -u postgres --)
fi
stop() { "${as[@]}" "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; rm -rf "$folder"; }
trap stop EXIT

cd "$folder"
"${as[@]}" "$bin/initdb" -D "$folder/data" -U sizao -A trust -E UTF8 --no-locale --no-sync >/dev/null
for attempt in 1 2 3 4 5; do
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    if "${as[@]}" "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" \
        -o "-p $port -k $folder -c listen_addresses=127.0.0.1 -c max_connections=200 ${SIZAO_POSTGRES_OPTIONS:-}" start >/dev/null; then
        break
    fi
    [ "$attempt" = 5 ] && { cat "$folder/log" >&2; exit 1; }
done
cd - >/dev/null
SIZAO_TEST_POSTGRES="postgres://sizao@127.0.0.1:$port/postgres" SIZAO_TEST_POSTGRES_DATA="$folder/data" "$@"
