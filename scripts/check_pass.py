#!/usr/bin/env python3
"""Checks passes with an independent COSE library: python3 scripts/check_pass.py PUBLIC_KEY_HEX < passes

Needs pycose, base45 and cbor2 before version 6 from PyPI (pycose 1.1 does not read what cbor2 6 gives). Prints one word a line and exits with 1 when a signature does not fit.
"""
import sys

import base45
import cbor2
from pycose.headers import KID
from pycose.keys import OKPKey
from pycose.keys.curves import Ed25519
from pycose.messages import Sign1Message

public = bytes.fromhex(sys.argv[1])
key = OKPKey(crv=Ed25519, x=public)
bad = 0
for line in sys.stdin:
    text = line.strip()
    if not text:
        continue
    message = Sign1Message.decode(base45.b45decode(text.removeprefix("SZ1:")))
    message.key = key
    fits = message.verify_signature()
    claims = cbor2.loads(message.payload)
    says = claims[-65537]
    bad += not fits
    print("fits" if fits else "does not fit", "kid", message.phdr[KID].hex(), "from", claims[6], "to", claims[4], "says", says)
sys.exit(1 if bad else 0)
