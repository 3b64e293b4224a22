#!/usr/bin/env python3
"""Verifies a log that `sizao log export FILE` wrote. Python 3.9 or later, standard library, no Sizao code.

    verify.py FILE [--public-key HEX] [--since CHECKPOINT.json]

It recomputes every leaf from its envelope, the Merkle tree of RFC 6962 over all leaves, the root under every signed
checkpoint, and the signatures (Ed25519, RFC 8032). It checks that each missing body has an erasure in the log and that
the guards of the database are in place. With --since it also checks that the log begins with the one a witness kept.
Exit 0: sound. Exit 1: not sound, each fault on a line of its own.
"""
import argparse, hashlib, json, struct, sys, uuid

P = 2**255 - 19                                              # Ed25519: field, group order, curve constant, base point
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def recover_x(y, sign):
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - x2) % P or (x == 0 and sign):
        raise ValueError("not a point")
    return P - x if x & 1 != sign else x


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def mul(n, p):
    q = (0, 1, 1, 0)
    while n:
        q, p, n = (add(q, p) if n & 1 else q), add(p, p), n >> 1
    return q


def point(data):
    n = int.from_bytes(data, "little")
    y = n & (1 << 255) - 1
    x = recover_x(y, n >> 255)
    return x, y, 1, x * y % P


BASE = point(bytes([0x58]) + bytes([0x66]) * 31)


def signed(key, message, signature):
    try:
        a, r, s = point(key), point(signature[:32]), int.from_bytes(signature[32:], "little")
    except ValueError:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    left, right = mul(s, BASE), add(r, mul(h, a))
    return len(signature) == 64 and s < L and all((left[i] * right[2] - right[i] * left[2]) % P == 0 for i in (0, 1))


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def leaf_hash(row):
    zone = (row["zone"] or "").encode()
    envelope = (b"sizao fact 1" + uuid.UUID(row["id"]).bytes + struct.pack(">HBqqB", row["kind"], row["happened_form"],
                row["happened_from"], row["happened_to"], len(zone)) + zone + struct.pack(">q", row["recorded_at"])
                + uuid.UUID(row["recorder"]).bytes + bytes([row["channel"]]))
    return sha(b"\0", envelope, bytes.fromhex(row["commitment"]))


def root_of(peaks):
    root = peaks[-1] if peaks else hashlib.sha256().digest()
    for left in reversed(peaks[:-1]):
        root = sha(b"\1", left, root)
    return root


def verify(lines, faults, public_key=None, since=None):
    header, chain, last, tables, name = None, bytes(32), None, {}, None
    for number, line in enumerate(lines, 1):
        line = line.rstrip(b"\n")
        value = json.loads(line)
        if number == 1:
            header = value
        if isinstance(value, dict) and "end" in value:
            last = value
            break
        chain = sha(chain, line)
        if isinstance(value, dict) and "table" in value:
            name, columns = value["table"], value["columns"]
            tables[name] = []
        elif isinstance(value, list):
            tables[name].append(dict(zip(columns, value)))
    if not header or "sizao_log" not in header or last is None:
        faults.append("the file is not a whole export: it was cut off")
        return None
    if last["sha256_chain"] != chain.hex():
        faults.append("the lines of the file do not give the digest at its end: the file was changed after the export")
    key = bytes.fromhex(public_key or header["public_key"])
    for guard in sorted(set(header["guards_wanted"]) - set(header["guards_present"])):
        faults.append(f"guard {guard} was dropped from the database")

    head, peaks, size, roots = tables["log_head"][0], [], 0, {}
    checkpoints = {row["size"]: row for row in tables["checkpoint"]}
    wanted = set(checkpoints) | {head["size"]} | ({since["size"]} if since else set())
    nodes = {(row["level"], row["position"]): row["hash"] for row in tables["log_node"]}
    erasures = {row["data_key"]: row for row in tables["erasure"]}
    bodies = {row["leaf"] for row in tables["body"]}
    kinds, erased = {}, {}
    for row in tables["fact"]:
        leaf = row["leaf"]
        if leaf >= head["size"]:
            faults.append(f"leaf {leaf}: the row is not in the signed log: it was inserted")
            continue
        while size < leaf:
            faults.append(f"leaf {size}: missing: a row was deleted")
            peaks, size = push(peaks, size, bytes(32), {}, [])
        computed = leaf_hash(row)
        if computed.hex() != row["leaf_hash"]:
            faults.append(f"leaf {leaf}: the row was changed: envelope or commitment does not fit its leaf")
        if leaf not in bodies:
            if row["data_key"] in erasures:
                number = erasures[row["data_key"]]["certificate"]
                erased[number] = erased.get(number, 0) + 1
            else:
                faults.append(f"leaf {leaf}: the body is gone without an erasure")
        kinds[leaf] = row["kind"]
        peaks, size = push(peaks, size, computed, nodes, faults)
        if size in wanted:
            roots[size] = root_of(peaks).hex()
    roots.setdefault(0, root_of([]).hex())
    if size != head["size"]:
        faults.append(f"the log has {size} leaves, its signed head says {head['size']}: its end was cut off")
    for row in [head, *checkpoints.values()]:
        what = f"checkpoint of {row['size']} leaves"
        if roots.get(row["size"]) != row["root"]:
            faults.append(f"{what}: the leaves do not give the root that was signed")
        statement = f"sizao checkpoint 1\n{header['store']}\n{row['size']}\n{row['root']}\n{row['signed_at']}\n".encode()
        if not signed(key, statement, bytes.fromhex(row["signature"])):
            faults.append(f"{what}: not signed by this node's key")
    for row in tables["erasure"]:
        if kinds.get(row["leaf"]) != 25:
            faults.append(f"certificate {row['certificate']}: leaf {row['leaf']} is no erasure")
    if since and roots.get(since["size"]) != since["root"]:
        faults.append(f"the log does not begin with the {since['size']} leaves that the witness kept")
    return size, roots.get(size), erased


def push(peaks, size, leaf, nodes, faults):
    height, hash_ = 0, leaf
    while size >> height & 1:
        hash_, height = sha(b"\1", peaks.pop(), hash_), height + 1
        if height % 8 == 0 and nodes.get((height // 8, size >> height), hash_.hex()) != hash_.hex():
            faults.append(f"leaf {size >> height << height}: the tree above {1 << height} leaves from here was changed")
    return peaks + [hash_], size + 1


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("file")
    options.add_argument("--public-key", help="the node's key, when you have it from elsewhere (you should)")
    options.add_argument("--since", help="checkpoint that a witness kept, as `sizao log checkpoint` printed it")
    given, faults = options.parse_args(), []
    since = json.load(open(given.since)) if given.since else None
    with open(given.file, "rb") as lines:
        found = verify(lines, faults, given.public_key, since)
    for fault in faults:
        print("NOT SOUND ", fault)
    for number, count in sorted((found[2] if found else {}).items()):
        print(f"{count} bodies are erased under certificate {number}")
    if found:
        print(f"{'The log is NOT sound' if faults else 'The log is sound'}: {found[0]} leaves, root {found[1]}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
