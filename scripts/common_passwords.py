#!/usr/bin/env python3
"""Makes gateway/src/common_passwords.bin: the passwords of 12 letters and more that attackers try first.

    scripts/common_passwords.py LIST… < each a text file, one password a line, the most common first

Of each list the first 50,000 that our rules for length would let through, in small letters. What is kept of one is the
first six bytes of its SHA-256, sorted: nobody reads other people's passwords in our repository, and a look-up is a
binary search. The file here was made from the 10,000,000 passwords of Mark Burnett (public domain, by how often each was
found in breaches) and from the lists of common passwords in SecLists (MIT).
"""

import hashlib
import pathlib
import sys

SHORTEST, LONGEST, FIRST = 12, 200, 50_000
OUT = pathlib.Path(__file__).parent.parent / "gateway/src/common_passwords.bin"


def first_of(path):
    found = {}
    for line in pathlib.Path(path).read_text(encoding="utf-8", errors="ignore").splitlines():
        password = line.lower()
        if SHORTEST <= len(password) <= LONGEST:
            found.setdefault(password)
        if len(found) == FIRST:
            break
    return found


hashes = {hashlib.sha256(password.encode()).digest()[:6] for path in sys.argv[1:] for password in first_of(path)}
OUT.write_bytes(b"".join(sorted(hashes)))
print(f"{len(hashes)} passwords, {OUT.stat().st_size} bytes")
