"""`Moc`: a set of HEALPix cells, as the IVOA's multi-order coverage maps are."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.calls import told
from ..core.coverage import Coverage
from ..core.errors import MaskTypeError, require
from ..core.names import described
from ..core.once import once
from ..expr.mask import Ask, Bools, Mask, node
from ..grid.healpix.cover import CellCover
from ..grid.healpix.faces import MAX_ORDER, number_of
from ..grid.healpix.mocs import checked_cells, is_mocpy, moc_cells
from ..grid.healpix.ranges import finer
from ..grid.lattice import Grid
from ..grid.points import Points
from ..grid.tiles import Areas
from ..moc.files import read_moc, write_moc

__all__ = ["Moc"]

__doctest_requires__ = {("Moc.from_mocpy", "Moc.to_mocpy"): ["mocpy"]}


@node("moc")
@dataclasses.dataclass(init=False, frozen=True, eq=False, repr=False)
class Moc(Mask):
    """A set of nested HEALPix cells in ICRS, as a multi-order coverage map (MOC) holds it.

    Parameters
    ----------
    ranges : array_like of int, shape (n, 2)
        Half-open ranges of cells, in any order; they may overlap.
    order : int
        The order of these cells, 0 to 29.

    Attributes
    ----------
    ranges : ndarray of int64, shape (n, 2)
        The ranges, sorted, that neither overlap nor touch; read-only.
    order : int
        Their order, which is that of the smallest cells that the MOC may have.

    Raises
    ------
    MaskTypeError
        For ranges that are no whole numbers.
    MaskValueError
        For an order, or cells, that there are not, or a range that ends before it begins.

    Notes
    -----
    A position that lies between cells is in one of them, so that a MOC and its complement leave nothing out.

    Examples
    --------
    >>> moc = Moc([[0, 4], [17, 18]], order=1)
    >>> moc
    Moc(order 1, 2 ranges, 10.4 % of the sky)
    >>> (moc | Moc([[1, 2]], order=0)).to_moc(1).ranges.tolist()
    [[0, 8], [17, 18]]
    """

    ranges: NDArray[np.int64]
    order: int

    def __init__(self, ranges: ArrayLike, order: int) -> None:
        checked, order = checked_cells(ranges, order, "Moc")
        self._store(ranges=checked, order=order)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Moc:
        """Read a MOC of space from a file: FITS (NUNIQ and RANGE), JSON or ASCII, told by its content.

        The cells of a file may be in any order, and overlap. A file that names no frame is in ICRS, the only
        one that the standard has.

        Raises
        ------
        FileMissingError
            If there is no such file.
        FormatError
            If it is cut off or changed, holds no MOC of space in ICRS, or cells that there are not.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "survey.txt"
        >>> _ = path.write_text("1/0-3 2/70 4/")
        >>> Moc.read(path)
        Moc(order 4, 2 ranges, 8.85 % of the sky)
        """
        return cls(*read_moc(path)).read_from(path=Path(path))

    def write(  # type: ignore[override]  # without a grid it is another file, with other options
        self,
        path: str | os.PathLike[str],
        geom: Grid | None = None,
        overwrite: bool = False,
        *,
        format: str | None = None,
        packing: str = "nuniq",
        **options: Any,
    ) -> Path:
        """Write the cells to a file of a MOC; or, with a grid, the mask on it, as every mask is written.

        Parameters
        ----------
        path : str or Path
            The output, which appears when it is complete.
        geom : Grid, optional
            The grid; see `Mask.write`, which also takes the other options.
        overwrite : bool
            Whether a file that is there is replaced.
        format : {"fits", "json", "ascii"}, optional
            Of a MOC; by the name unless given: .fits, .json, .txt.
        packing : {"nuniq", "range"}
            Of a MOC in FITS: cells, which every reader knows (versions 1.1 and 2.0 of the standard), or
            ranges (2.0), which is faster, and smaller for sets with a fringe.

        Raises
        ------
        MaskValueError
            For a format or packing that is not known.
        MaskTypeError
            For options of a grid without a grid, or the reverse.
        OutputExistsError
            If the file is there already.
        """
        if geom is not None:
            if format is not None or packing != "nuniq":
                raise MaskTypeError("format= and packing= are of files of a MOC, which have no grid")
            return super().write(path, geom, overwrite, **options)
        if options:
            raise MaskTypeError(f"{', '.join(options)}: of masks on a grid; a MOC is written without")
        return write_moc(path, self.ranges, self.order, format, packing, overwrite)

    @classmethod
    def from_mocpy(cls, moc: Any) -> Moc:
        """The set of a `mocpy.MOC`.

        Raises
        ------
        MaskTypeError
            For anything else, a MOC of time too.

        Examples
        --------
        >>> from mocpy import MOC
        >>> Moc.from_mocpy(MOC.from_str("1/3-5")).sky_fraction
        0.0625
        """
        found = moc_cells(moc) if is_mocpy(moc) else None
        if found is None:
            raise MaskTypeError(f"from_mocpy takes a mocpy.MOC, got {described(moc)}")
        return cls(*found)

    @told
    def to_mocpy(self) -> Any:
        """The set as a `mocpy.MOC`, of the same order.

        Raises
        ------
        MissingDependencyError
            If mocpy is not installed.

        Examples
        --------
        >>> Moc([[3, 6]], order=1).to_mocpy().max_order
        1
        """
        ranges = finer(self.ranges, MAX_ORDER - self.order).astype(np.uint64)
        return require("mocpy", "moc").MOC.from_depth29_ranges(self.order, ranges)

    @property
    def sky_fraction(self) -> float:
        """The part of the whole sky that is in the set, 0 to 1."""
        return int((self.ranges[:, 1] - self.ranges[:, 0]).sum()) / number_of(self.order)

    def arguments(self) -> dict[str, Any]:
        return {"ranges": self.ranges.tolist(), "order": self.order}

    def label(self) -> str:
        number = f"{len(self.ranges)} range{'s' * (len(self.ranges) != 1)}"
        return f"Moc(order {self.order}, {number}, {100 * self.sky_fraction:.3g} % of the sky)"

    def held_bytes(self) -> int:
        return 4 * self.ranges.nbytes

    @once
    def _cells(self) -> CellCover:
        return CellCover(self.ranges, self.order, "icrs")

    def inside(self, points: Points) -> Bools:
        return self._cells.inside(points)

    def coverage(self, areas: Areas, of: Ask) -> Coverage:
        return self._cells.coverage(areas)
