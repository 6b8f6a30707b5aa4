"""Hold what `coverage json` has counted to bounds: so many of the lines, and so many of the branches.

Usage: ``python scripts/check_coverage.py build/coverage.json --lines 95 --branches 90``, in percent.
coverage's own ``--fail-under`` knows one number for both together, in which many covered lines hide branches
that are not. Prints the files that lack most. The exit code is 1 where either number lies below its bound, or
nothing was counted.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

SHOWN = 15


def share(summary: dict[str, Any], kind: str) -> float:
    """How much of `kind` was covered, in percent; of nothing, all."""
    count: int = summary[f"num_{kind}"]
    covered = summary["covered_lines" if kind == "statements" else f"covered_{kind}"]
    return 100.0 * covered / count if count else 100.0


def table(files: dict[str, Any]) -> list[str]:
    """The files with the most lines and branches that are not covered, the worst first."""
    rows = []
    for name, file in files.items():
        summary = file["summary"]
        lacking = summary["missing_lines"] + summary["missing_branches"]
        lines, branches = (share(summary, kind) for kind in ("statements", "branches"))
        rows.append(
            (
                lacking,
                f"{name:50} {summary['missing_lines']:5} {lines:6.1f} %"
                f" {summary['missing_branches']:9} {branches:6.1f} %",
            )
        )
    rows.sort(key=lambda row: -row[0])
    heading = f"{'the least covered':50} lines            branches"
    return [heading, *(text for lacking, text in rows[:SHOWN] if lacking)]


def main(report: Path, bounds: dict[str, float]) -> int:
    """Print the numbers of `report`; the exit code."""
    counted = json.loads(report.read_text(encoding="utf-8"))
    totals = counted["totals"]
    print("\n".join(table(counted["files"])))
    status = 0 if totals["num_statements"] else 1
    for kind, bound in bounds.items():
        reached = share(totals, kind)
        below = reached < bound
        print(f"coverage of {kind}: {reached:.2f} %, {'BELOW' if below else 'at least'} {bound:g} %")
        status |= below
    return status


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path)
    parser.add_argument("--lines", type=float, required=True)
    parser.add_argument("--branches", type=float, required=True)
    asked = parser.parse_args()
    sys.exit(main(asked.report, {"statements": asked.lines, "branches": asked.branches}))
