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


def ask(token, path):
    request = urllib.request.Request(URL + "/api/v1" + path, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def seeded(tokens):
    """Ids that are there, by operation."""
    people = [line["id"] for line in ask(tokens["cdc"], "/people")["people"]][:10]
    facts = [fact["id"] for person in people[:3] for fact in ask(tokens["cdc"], f"/people/{person}")["facts"]][:10]
    mandates = [one["id"] for one in ask(tokens["cdc"], "/mandates")["mandates"] if one["state"] == "proposed"]
    accounts = [one["id"] for one in ask(tokens["admin"], "/accounts")["accounts"] if one["login"] in ("lab", "appeal")]
    units = [one["id"] for one in ask(tokens["admin"], "/units")["units"]]
    assert people and facts and mandates and accounts and units
    return {
        "getPerson": people, "getAssessment": people, "openIdentity": people, "listPeople": people,
        "proveInclusion": facts, "endMandate": mandates, "closeAccount": accounts, "addAccount": units,
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
    ids = seeded(tokens)
    left = dict(operations)
    failed = False
    for login in ACCOUNTS:
        rights = {scope["action"] for scope in ask(tokens[login], "/me")["scopes"]} | {"any"}
        own = [name for name, right in left.items() if right in rights]
        for name in own:
            del left[name]
        path = folder / f"{login}.toml"
        path.write_text(config(tokens[login], ids, own))
        print(f"== {login}: {', '.join(own)}", flush=True)
        include = [part for name in own for part in ("--include-operation-id", name)]
        done = subprocess.run(
            [
                str(command), "--config-file", str(path), "run", URL + "/api/v1/openapi.json", *include,
                "--checks", "all", "--max-examples", os.environ.get("EXAMPLES", "20"),
                "--seed", os.environ.get("SEED", "1"), "--continue-on-failure", "--no-color",
                "--suppress-health-check", "all",
            ],
            cwd=folder,
            check=False,
        )  # fmt: skip
        failed |= done.returncode != 0
    print(f"figure: {len(operations)} operations tested, {'some failed' if failed else '0 failures'}")
    assert not left, f"nobody tested {left}"
    sys.exit(failed)


main()
