#!/usr/bin/env bash
# FHIR that we write, judged by two programs of others: fhir.resources (PyPI) and @asymmetrik/fhir-json-schema-validator (npm).
# Every message of HL7 v2 in the folder given is written as a bundle; the bundle and each resource in it must pass both, and
# six resources with a mistake must not pass both.
#   scripts/prove_fhir.sh FOLDER     needs python3, node and npm; installs both into a folder of its own
set -euo pipefail
cd "$(dirname "$0")/.."
folder="${1:?give the folder with .hl7 files}"
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
python3 -m venv "$tools/py"
"$tools/py/bin/pip" install --quiet --disable-pip-version-check fhir.resources==8.3.0
(cd "$tools" && npm init -y >/dev/null && npm install --ignore-scripts --silent --no-fund --no-audit @asymmetrik/fhir-json-schema-validator@0.9.8)
cargo build --quiet -p sizao-interop --example to_fhir
find "$folder" -name '*.hl7' -print0 | sort -z | xargs -0 ./target/debug/examples/to_fhir >"$tools/bundles.ndjson"
cat >"$tools/bad.ndjson" <<'BAD'
{"resourceType":"Patient","gender":"boy"}
{"resourceType":"Patient","birthDate":"2022-02-30"}
{"resourceType":"Observation","code":{"text":"x"}}
{"resourceType":"Patient","colour":"green"}
{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueString":"a","valueInteger":1}
{"resourceType":"DiagnosticReport","status":"done","code":{"text":"x"}}
BAD
cat >"$tools/judge.py" <<'PY'
"""Prints for each line whether the model takes it: the bundle, and each resource in it alone."""
import json, sys
from fhir.resources.R4B import get_fhir_model_class
for line in open(sys.argv[1], encoding="utf-8"):
    whole = json.loads(line)
    parts = [whole] + [entry["resource"] for entry in whole.get("entry", [])]
    try:
        for part in parts:
            get_fhir_model_class(part["resourceType"]).model_validate(part)
        print("ok", len(parts))
    except Exception as error:
        print("refused", type(error).__name__)
PY
cat >"$tools/judge.cjs" <<'JS'
const { readFileSync } = require("fs");
const Validator = require("@asymmetrik/fhir-json-schema-validator");
const validator = new Validator();
for (const line of readFileSync(process.argv[2], "utf8").trim().split("\n")) {
  const whole = JSON.parse(line);
  const parts = [whole, ...(whole.entry ?? []).map((entry) => entry.resource)];
  const wrong = parts.flatMap((part) => validator.validate(part));
  console.log(wrong.length ? `refused ${wrong[0].message}` : `ok ${parts.length}`);
}
JS
status=0
for what in bundles bad; do
    "$tools/py/bin/python" "$tools/judge.py" "$tools/$what.ndjson" >"$tools/$what.model"
    (cd "$tools" && node judge.cjs "$what.ndjson") >"$tools/$what.schema"
done
count() { grep -c "^$1" "$2" || true; }
all=$(wc -l <"$tools/bundles.ndjson")
resources=$(awk '/^ok/ { n += $2 } END { print n }' "$tools/bundles.model")
model=$(count ok "$tools/bundles.model") schema=$(count ok "$tools/bundles.schema")
echo "figure: $all bundles written of HL7 v2 messages, $resources resources with them: $model accepted by fhir.resources 8.3.0 (R4B), $schema by fhir-json-schema-validator 0.9.8"
both=$(paste -d' ' "$tools/bad.model" "$tools/bad.schema" | grep -c refused || true)
echo "figure: of 6 resources with a mistake, the two together refuse $both"
[ "$model" = "$all" ] && [ "$schema" = "$all" ] && [ "$both" = 6 ] && [ "$all" -gt 0 ] || status=1
exit $status
