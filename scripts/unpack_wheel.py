#!/usr/bin/env python3
"""Usage: unpack_wheel.py WHEEL OUT PREFIX=TARGET...   unpacks chosen parts of a wheel and restores the run bits.

Every file under PREFIX (a path inside the wheel) lands under OUT/TARGET; the rest of the wheel is left out. A prefix that
matches nothing is an error: the wheel is not the one that was expected.
"""
import os
import shutil
import sys
import zipfile


def main(wheel, out, rules):
    archive = zipfile.ZipFile(wheel)
    root = os.path.realpath(out)
    for rule in rules:
        prefix, target = rule.split("=", 1)
        found = False
        for entry in archive.infolist():
            if entry.is_dir() or not entry.filename.startswith(prefix):
                continue
            path = os.path.realpath(os.path.join(root, target + entry.filename[len(prefix):]))
            if not path.startswith(root + os.sep):
                sys.exit(f"unpack_wheel: {entry.filename} would land outside {out}")
            found = True
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with archive.open(entry) as source, open(path, "wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
            # A wheel may be packed without modes; programs and libraries say by their place what they are.
            runs = (entry.external_attr >> 16) & 0o111 or "/bin/" in path or ".so" in os.path.basename(path)
            os.chmod(path, 0o755 if runs else 0o644)
        if not found:
            sys.exit(f"unpack_wheel: {os.path.basename(wheel)} has no {prefix}")


main(sys.argv[1], sys.argv[2], sys.argv[3:])
