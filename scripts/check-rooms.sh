#!/usr/bin/env bash
# The rooms of the house: arrows only point down, and each room meets only what its work needs.
set -euo pipefail
cd "$(dirname "$0")/.."
fail=0
deps() { sed -n '/^\[dependencies\]/,/^\[/p' "crates/$1/Cargo.toml" | grep -oE '^[a-z0-9_-]+' || true; }
allow() { # room, then the rooms it may import
    local room=$1; shift
    for found in $(deps "$room" | sed -n 's/^sizao-//p'); do
        case " $* " in *" $found "*) ;; *) echo "crates/$room imports $found: arrows only point down"; fail=1 ;; esac
    done
}
never() { # room, then crates it never meets
    local room=$1; shift
    for word in "$@"; do
        if deps "$room" | grep -qx "$word"; then echo "crates/$room depends on $word: it may not"; fail=1; fi
    done
}
allow model
allow policy model
allow presence model
allow epi model
allow drill model policy presence epi
allow interop model
allow store model
allow warehouse model
allow app model policy presence epi drill interop store warehouse
allow server app model
for room in model policy presence epi; do never "$room" tokio sqlx axum; done
never interop tokio sqlx axum
never store axum
never warehouse tokio sqlx axum
for room in model policy presence epi drill interop store app; do never "$room" parquet arrow; done
never app axum sqlx
never server sqlx
if grep -rnE 'AssertSqlSafe' crates --include='*.rs' | grep -vE '^crates/(store/|[a-z]+/tests/)'; then echo "built SQL text outside the store"; fail=1; fi
exit $fail
