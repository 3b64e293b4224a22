"""Runs schemathesis as three accounts of a demonstration, each on the operations that its role may do.

Signs in by page, makes a token on the page of the own account, collects ids that are there, and gives both to
schemathesis. Usage: schemathesis.py COMMAND FOLDER, with SIZAO_URL and SIZAO_DEMO_PASSWORD set.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

URL = os.environ["SIZAO_URL"]
PASSWORD = os.environ["SIZAO_DEMO_PASSWORD"]
# Who tests what: login, right of the operations. The administrator is last: it may close the others.
ACCOUNTS = ["cdc", "audit", "admin"]
# Operations on a table that was checked. They come first, on tables that are there: checking others pushes those out.
OF_TABLES = ["getImport", "getRowsToMend", "storeImport"]
MAPPING = """sender = "schemathesis"
title = "Cases"
division = "4101"
[[person]]
id = "p"
code = [{ scope = "schemathesis", column = "code" }]
full_name = "name"
division = { column = "division", otherwise = "4101" }
[[fact]]
kind = "diagnosis"
person = "p"
key = "{code}/d"
happened = "day"
[fact.body]
status = "confirmed_case"
"""


def page(opener, path, fields=None):
    data = urllib.parse.urlencode(fields).encode() if fields is not None else None
    with opener.open(urllib.request.Request(URL + path, data=data)) as answer:
        return answer.read().decode()


def token_of(login):
    """A token of an account for everything that its role may give."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    page(opener, "/sign-in", {"login": login, "password": PASSWORD, "code": ""})
    own = page(opener, "/me")
    word = re.search(r'name="csrf" value="([0-9a-f]+)"', own)[1]
    scopes = re.findall(r'name="scopes" value="([a-z-]+)"', own)
    made = page(
        opener,
        "/me/tokens",
        [("csrf", word), ("token_name", "schemathesis"), ("token_days", "1")] + [("scopes", scope) for scope in scopes],
    )
    return re.search(r'id="token">(sizao_[0-9a-f]+)<', made)[1]


def ask(token, path, body=None):
    headers = {"Authorization": f"Bearer {token}"}
    if body is not None:
        headers["Content-Type"] = "application/json"
        body = json.dumps(body).encode()
    request = urllib.request.Request(URL + "/api/v1" + path, data=body, headers=headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def tables(token):
    """Ids of three tables that were checked: one stored, one with a row to mend, one only checked."""
    def rows(first, division):
        return "".join(f"t-{n},测试,{division},2022-03-16\n" for n in range(first, first + 5))

    made = [
        ask(token, "/imports", {"name": f"{name}.csv", "mapping": MAPPING, "table": "code,name,division,day\n" + text})
        for name, text in [
            ("stored", rows(0, 410102)),
            ("mixed", rows(10, 410102) + "t-99,外地,410302,2022-03-16\n"),
            ("checked", rows(20, 410102)),
        ]
    ]
    assert [one["rows_rejected"] for one in made] == [0, 1, 0], made
    ask(token, f"/imports/{made[0]['id']}/store", {})
    return [one["id"] for one in made]


def seeded(tokens):
    """Ids that are there, by operation."""
    people = [line["id"] for line in ask(tokens["cdc"], "/people")["people"]][:10]
    facts = [fact["id"] for person in people[:3] for fact in ask(tokens["cdc"], f"/people/{person}")["facts"]][:10]
    mandates = [one["id"] for one in ask(tokens["cdc"], "/mandates")["mandates"] if one["state"] == "proposed"]
    accounts = [one["id"] for one in ask(tokens["admin"], "/accounts")["accounts"] if one["login"] in ("lab", "appeal")]
    units = [one["id"] for one in ask(tokens["admin"], "/units")["units"]]
    checked = tables(tokens["cdc"])
    assert people and facts and mandates and accounts and units
    return {
        "getPerson": people, "getAssessment": people, "openIdentity": people, "listPeople": people,
        "proveInclusion": facts, "endMandate": mandates, "closeAccount": accounts, "addAccount": units,
        **{name: checked for name in OF_TABLES},
    }  # fmt: skip


def config(token, ids, operations):
    lines = [f'[auth.openapi.token]\nbearer = "{token}"\n']
    # Without an operation that makes something there is no way to walk.
    if not {"checkTable", "proposeMandate", "addAccount"} & set(operations):
        lines.append("[phases.stateful]\nenabled = false\n")
    for name, values in ids.items():
        lines.append(f"[dictionaries.{name}]\nvalues = {json.dumps(values)}\n")
    for name in operations:
        if name in ids:
            field = {"listPeople": '"query.after"', "addAccount": '"body.unit"'}.get(name, "id")
            lines.append(
                f'[[operations]]\ninclude-operation-id = "{name}"\n[operations.parameters]\n'
                f'{field} = {{ dictionary = "{name}", probability = 0.9 }}\n'
            )
    return "\n".join(lines)


def runs(command, folder, tokens, ids, operations):
    """Each account's operations, those on tables before all others; what is left nobody may do."""
    left = dict(operations)
    for login in ACCOUNTS:
        rights = {scope["action"] for scope in ask(tokens[login], "/me")["scopes"]} | {"any"}
        own = [name for name, right in left.items() if right in rights]
        for name in own:
            del left[name]
        for part in ([name for name in own if name in OF_TABLES], own):
            if part:
                yield login, part, run(command, folder, tokens[login], ids, login, part)
    assert not left, f"nobody tested {left}"


def run(command, folder, token, ids, login, names):
    """Whether all checks of these operations passed, and the answers that were given, by operation and status."""
    path, record = folder / f"{login}.toml", folder / f"{login}-{names[0]}.ndjson"
    path.write_text(config(token, ids, names))
    print(f"== {login}: {', '.join(names)}", flush=True)
    include = [part for name in names for part in ("--include-operation-id", name)]
    done = subprocess.run(
        [
            str(command), "--config-file", str(path), "run", URL + "/api/v1/openapi.json", *include,
            "--checks", "all", "--max-examples", os.environ.get("EXAMPLES", "20"),
            "--seed", os.environ.get("SEED", "1"), "--continue-on-failure", "--no-color",
            "--suppress-health-check", "all", "--report", "ndjson", "--report-ndjson-path", str(record),
        ],
        cwd=folder,
        check=False,
    )  # fmt: skip
    return done.returncode == 0, answers(record)


def answers(record):
    """How often each status was given, as the record of the run says."""
    found = {}

    def walk(value, label):
        if isinstance(value, dict):
            label = value.get("label") or label
            if isinstance(value.get("response"), dict) and "status_code" in value["response"]:
                by = found.setdefault(label, {})
                status = value["response"]["status_code"]
                by[status] = by.get(status, 0) + 1
            for inner in value.values():
                walk(inner, label)
        elif isinstance(value, list):
            for inner in value:
                walk(inner, label)

    for line in record.read_text().splitlines():
        walk(json.loads(line), None)
    return found


def main():
    command, folder = pathlib.Path(sys.argv[1]).absolute(), pathlib.Path(sys.argv[2])
    with urllib.request.urlopen(URL + "/api/v1/openapi.json") as answer:
        document = json.load(answer)
    operations = {
        operation["operationId"]: operation["x-right"]
        for methods in document["paths"].values()
        for operation in methods.values()
    }
    tokens = {login: token_of(login) for login in ACCOUNTS}
    failed, count = False, 0
    for login, _, (fine, given) in runs(command, folder, tokens, seeded(tokens), operations):
        failed |= not fine
        for label, by in sorted(given.items(), key=lambda pair: str(pair[0])):
            count += sum(by.values())
            print(f"answers to {login}: {label}: {', '.join(f'{n} x {status}' for status, n in sorted(by.items()))}")
    print(f"figure: {len(operations)} operations, {count} answers, {'some failed' if failed else '0 failures'}")
    sys.exit(failed)


main()
