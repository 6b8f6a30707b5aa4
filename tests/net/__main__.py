"""``python -m tests.net [--write] [word ...]``: see the package."""

from __future__ import annotations

import argparse
import sys

from .masks import CASES, CHANGING
from .record import compute, differences, read, write


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.net", description=__doc__)
    parser.add_argument("--write", action="store_true", help="record what is computed now")
    parser.add_argument("words", nargs="*", help="only masks whose key holds one of these")
    options = parser.parse_args(arguments)

    def chosen(key: str) -> bool:
        return not options.words or any(word in key for word in options.words)

    old = read()
    new = {key: said for key, said in old.items() if not chosen(key)}
    new |= compute(key for key in (*CASES, *CHANGING) if chosen(key))
    changes = differences(old, new)
    print(*changes, f"{len(changes)} of {len(new)} masks differ from the record", sep="\n")
    if options.write:
        write(new)
        return 0
    return int(bool(changes))


if __name__ == "__main__":
    sys.exit(main())
