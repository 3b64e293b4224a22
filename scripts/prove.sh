#!/usr/bin/env bash
# The full counts. Each section runs one command and prints it with the commit and the figures that it gave.
#   scripts/prove.sh                 every section
#   scripts/prove.sh durability      this one
# SIZAO_KILLS (200) says how often programs are stopped, SIZAO_SEED (1) when, SIZAO_PROFILE (release) how they are built.
set -euo pipefail
cd "$(dirname "$0")/.."
export SIZAO_KILLS="${SIZAO_KILLS:-200}" SIZAO_SEED="${SIZAO_SEED:-1}"
cargo="${CARGO:-cargo}" profile="${SIZAO_PROFILE:-release}"
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# prove TITLE COMMAND...: what tests print after "figure: " are their figures.
prove() {
    local title=$1 commit started=$SECONDS
    shift
    commit=$(git rev-parse --short HEAD)
    [ -z "$(git status --porcelain --untracked-files=no)" ] || commit="$commit with changes"
    printf '## %s\n\nCommand: `%s`\nCommit: %s\n\n' "$title" "$*" "$commit"
    if ! env "$@" >"$out" 2>&1; then
        cat "$out" >&2
        echo "NOT PROVEN: $title"
        exit 1
    fi
    sed -n 's/^.*figure: /- /p' "$out"
    sed -n 's/^\(test result: .*\); finished in.*$/- \1/p' "$out"
    printf -- '- took %d s\n\n' $((SECONDS - started))
}

durability() {
    prove "Nothing acknowledged is lost" SIZAO_KILLS="$SIZAO_KILLS" SIZAO_SEED="$SIZAO_SEED" CI=true \
        scripts/postgres.sh "$cargo" test --profile "$profile" -p sizao --test all durability:: -- --nocapture
}

# Ten kills on each engine in the tests; a hundred here.
scans() {
    prove "No acknowledged scan is lost, none is there twice" SIZAO_KILLS="${SIZAO_SCAN_KILLS:-100}" CI=true \
        scripts/postgres.sh "$cargo" test --profile "$profile" -p sizao --test all durability::scans -- --nocapture
}

# PEOPLE (200,000) sets the size: about five facts each.
restore() {
    "$cargo" build --profile "$profile" --quiet
    prove "Restored: the same root, the same assessments" \
        scripts/postgres.sh python3 scripts/prove_restore.py "target/${profile/dev/debug}/sizao" "${PEOPLE:-200000}" "$SIZAO_SEED"
}

# EXAMPLES (20) for each operation of the API.
api() {
    prove "The API keeps what its document says" CI=true scripts/schemathesis.sh
}

# PEOPLE (10,000) and DAYS (90) set the city; the same seed lives through the same hours.
drill() {
    prove "Every promise holds after every hour of a city" SIZAO_DRILL_PEOPLE="${PEOPLE:-10000}" SIZAO_DRILL_DAYS="${DAYS:-90}" \
        SIZAO_DRILL_SEED="$SIZAO_SEED" "$cargo" test --profile "$profile" -p sizao-app --test all city_drill::every_promise -- --nocapture
    prove "No explanation of a city speaks of anybody else" SIZAO_SCAN_PEOPLE="${SCAN:-3000}" CI=true \
        scripts/postgres.sh "$cargo" test --profile "$profile" -p sizao-app --test all city_drill::no_explanation -- --nocapture
}

passes() {
    prove "Passes at a gate" SIZAO_PASSES=10000 CI=true \
        scripts/postgres.sh "$cargo" test --profile "$profile" -p sizao-server --test all passes:: -- --nocapture
    prove "Passes read by an independent library" CI=true \
        "$cargo" test --profile "$profile" -p sizao-interop --test all independent_cose:: -- --nocapture
}

# ARRIVALS (100,000) sets how many; the same seed writes the same lists.
arrivals() {
    prove "Arrivals known once, in time, with class and owner" SIZAO_ARRIVALS="${ARRIVALS:-100000}" \
        "$cargo" test --profile "$profile" -p sizao-app --test all arrivals_city:: -- --nocapture
    prove "Nothing of a position is kept" CI=true \
        scripts/postgres.sh "$cargo" test --profile "$profile" -p sizao-app --test all fence_keeps_nothing:: -- --nocapture
}

# POINTS (10,000,000) near borders, on vertices and at a vertex's latitude, beside exact integers and every line.
geometry() {
    prove "Points near borders equal an exact computation at all three levels" SIZAO_POINTS="${POINTS:-10000000}" CI=true \
        "$cargo" test --profile "$profile" -p sizao-presence --test all geometry_obvious:: -- --nocapture
}

# LINES_ASKED (10,000) and SIZAO_ASSIST_KILLS (100): two real nodes, a bad link between them.
assists() {
    prove "Every line of a request ends once, whatever the link does and whoever is killed" \
        SIZAO_ASSIST_LINES="${LINES_ASKED:-10000}" SIZAO_ASSIST_KILLS="${SIZAO_ASSIST_KILLS:-100}" CI=true \
        "$cargo" test --profile "$profile" -p sizao --test all durability::cities:: -- --nocapture
}

# The folder that SIZAO_REFERENCE names has messages and expected outcomes of others.
interop() {
    "$cargo" build --profile "$profile" --quiet
    prove "Samples of others read as their indexes say" bash -eo pipefail -c \
        'for set in hl7v2 fhir-r4 eu-dcc; do "$0" interop check "$1/$set" | sed -n "s/^.* passed, .*/figure: &/p"; done' \
        "target/${profile/dev/debug}/sizao" "${SIZAO_REFERENCE:?}/interop"
    prove "FHIR that we write passes two validators of others" scripts/prove_fhir.sh "$SIZAO_REFERENCE/interop/hl7v2"
}

sections=(durability scans restore api drill passes arrivals geometry assists interop)

[ $# -gt 0 ] || set -- "${sections[@]}"
for section in "$@"; do
    "$section"
done
