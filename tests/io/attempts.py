"""The tasks of torn.py, one after the other in one process: ``python -m tests.io.attempts FOLDER``.

Each line that it reads, ``TASK NUMBER SUFFIX ...``, is answered by a line of JSON for each attempt, and one
that says "done". Each attempt is a fork: what one leaves in memory, no other meets.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .torn import TASKS, warm_up


def main() -> None:
    folder = Path(sys.argv[1])
    warm_up(folder / "warm")
    for line in sys.stdin:
        task, number, *suffixes = line.split()
        for suffix in suffixes:
            for each in TASKS[task](folder / "torn", suffix, int(number)):
                print(json.dumps({"suffix": suffix, **each}), flush=True)
        print("done", flush=True)


if __name__ == "__main__":
    main()
