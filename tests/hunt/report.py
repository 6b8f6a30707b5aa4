"""What a hunt has tried, and how to see each fault again."""

from __future__ import annotations

from collections import Counter

import maskexpr as mx

from .cases import Case, Fault, Outcome
from .maps import header_text


class Tally:
    """Counts of what was tried."""

    def __init__(self) -> None:
        self.cases = self.pixels = self.ties = 0
        self.nodes: Counter[str] = Counter()
        self.projections: Counter[str] = Counter()
        self.chunks: Counter[str] = Counter()
        self.oracles: Counter[str] = Counter()
        self.laws: Counter[str] = Counter()

    def add(self, case: Case, outcome: Outcome) -> None:
        self.cases += 1
        self.pixels += outcome.pixels
        self.ties += outcome.ties
        self.nodes.update(each.kind for each in case.drawn.every())
        self.projections[case.header["CTYPE1"][-3:]] += 1
        self.chunks[case.chunk_kind] += 1
        self.oracles[outcome.oracle] += 1
        self.laws.update({fault.law for fault in outcome.faults})

    def __str__(self) -> str:
        lines = [
            f"{self.cases:,} cases; {self.pixels:,} pixels against the oracle, {self.ties:,} of them "
            "on a rim and left out"
        ]
        for name in ("oracles", "nodes", "projections", "chunks", "laws"):
            counts = ", ".join(f"{key} {number:,}" for key, number in getattr(self, name).most_common())
            lines.append(f"{'laws broken (cases)' if name == 'laws' else name}: {counts or 'none'}")
        return "\n".join(lines)


def reproducer(fault: Fault) -> str:
    """Python that shows a fault."""
    case = fault.case
    axes = ""
    if case.geom.axes:
        edges = case.geom.axes[0].edges
        axes = (
            "\nfrom astropy import units as u"
            f'\ngeom = geom.to_cube([mx.Axis("energy", {edges.value.tolist()} * u.TeV)])'
        )
    return (
        f"# case {case.seed}: {fault.law}\n# "
        + fault.detail.replace("\n", "\n# ")
        + f"""
# {case.drawn.mask!r}
import maskexpr as mx
from astropy.io import fits
geom = mx.WcsGeom.from_header(fits.Header.fromstring('''{header_text(case.header)}''', sep="\\n")){axes}
mask = mx.loads(r'''{mx.dumps(case.drawn.mask)}''')
print(mask.on(geom, chunks={case.chunks!r}).values.sum(), mask.compute(geom).values.sum())
"""
    )
