"""Masks that grow, in pixels and on the sphere."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

import maskexpr as mx

from ..harness import THREADS, Job, Task
from ..inputs import Whole, blobs, computed, noise, square
from .agreement import equal
from .circles import Circles, fermi_on

__all__ = ["TASKS"]

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Growing:
    """A mask on a map, a radius in pixels, and the side of chunks."""

    mask: Bools
    geom: mx.WcsGeom
    radius: int
    chunk: int | str = "auto"


def _growing(radius: int, chunks: int = 0) -> Any:
    def data(rng: np.random.Generator, small: bool) -> Growing:
        side, r = (200, max(radius // 5, 2)) if small else (4000, radius)
        return Growing(blobs(rng, side), square(side), r, side // chunks if chunks else "auto")

    return data


def _thick(rng: np.random.Generator, small: bool) -> Growing:
    """Half of a map, some of it thicker than the radius."""
    side, radius = (200, 3) if small else (4000, 10)
    return Growing(noise(rng, side, 32.0) > 0.0, square(side), radius)


def _selected(share: float) -> Any:
    """That share of a map, in blobs with a ragged edge."""

    def data(rng: np.random.Generator, small: bool) -> Growing:
        side, radius = (200, 2) if small else (4000, 10)
        values = noise(rng, side)
        return Growing(values > np.quantile(values, 1 - share), square(side), radius)

    return data


def _disk(radius: int) -> NDArray[np.uint8]:
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return (y * y + x * x <= radius * radius).astype(np.uint8)


# ---- growing in pixels ---------------------------------------------------------------------------


def _dilated(data: Growing) -> Job:
    def made() -> tuple[mx.Mask, mx.WcsGeom]:
        return mx.Raster((data.mask, data.geom)).dilate(data.radius * u.pix, metric="pixel"), data.geom

    return Whole(made, data.chunk)


def _opencv(data: Growing) -> Job:
    import cv2

    cv2.setNumThreads(THREADS)
    pixels, kernel = data.mask.astype(np.uint8), _disk(data.radius)
    return lambda: cv2.dilate(pixels, kernel)


def _edt(data: Growing) -> Job:
    import edt

    away = ~data.mask
    return lambda: edt.edtsq(away, parallel=THREADS) <= data.radius**2


def _opened(data: Growing) -> Job:
    return Whole(
        lambda: (mx.Raster((data.mask, data.geom)).open(data.radius * u.pix, metric="pixel"), data.geom)
    )


def _opened_by_opencv(data: Growing) -> Job:
    import cv2

    pixels, kernel = data.mask.astype(np.uint8), _disk(data.radius)

    def run() -> Any:
        # Nothing is selected beyond the map.
        border = {"borderType": cv2.BORDER_CONSTANT, "borderValue": 0}
        return cv2.morphologyEx(pixels, cv2.MORPH_OPEN, kernel, **border)

    def taken(threads: int) -> float:
        cv2.setNumThreads(threads)
        start = time.perf_counter()
        run()
        return time.perf_counter() - start

    # Its best number of threads is not always the largest.
    cv2.setNumThreads(min(range(1, THREADS + 1), key=taken))
    return run


def _dask_image(data: Growing) -> Job:
    import dask.array as da
    from dask_image.ndmorph import binary_dilation

    disk = _disk(data.radius).astype(bool)
    return lambda: binary_dilation(da.from_array(data.mask, chunks=data.chunk), disk).compute()


# ---- growing on the sphere -----------------------------------------------------------------------


def _dilated_fermi(data: Circles) -> Job:
    return Whole(lambda: (mx.Catalog(data.positions, data.radius).dilate(_growth(data)), data.geom))


def _growth(data: Circles) -> u.Quantity:
    return data.radius * 5 / 3


def _pixell(data: Circles) -> Job:
    from pixell import enmap

    geom = data.geom
    mask = enmap.ndmap(computed(mx.Catalog(data.positions, data.radius), geom), geom.wcs)
    return lambda: enmap.grow_mask(mask, _growth(data).to_value("rad"))


def _agree_pixell(data: Circles, ours: Bools, theirs: Any) -> str:
    differ = np.argwhere(ours != np.asarray(theirs))
    mask = computed(mx.Catalog(data.positions, data.radius), data.geom)
    there = cKDTree(_vectors(data.geom, np.argwhere(mask)))
    step = 2 * np.sin(_growth(data).to_value("rad") / 2)
    near = there.query(_vectors(data.geom, differ))[0] if len(differ) else np.zeros(0)
    clear = np.abs(near / step - 1) > 1e-9
    wrong = int(np.count_nonzero(ours[tuple(differ[clear].T)] != (near[clear] < step)))
    assert wrong == 0, f"{wrong} of the {len(differ)} pixels that differ are wrong by scipy's KD-tree"
    assert len(differ) <= 1e-2 * ours.size, f"{len(differ)} pixels differ"
    return (
        f"{len(differ):,} of {ours.size:,} pixels differ: ties, and pixels where a KD-tree over all "
        "selected pixels says what we say"
    )


def _vectors(geom: mx.WcsGeom, pixels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Unit vectors of pixel centres by astropy, shape (n, 3)."""
    lon, lat = np.deg2rad(geom.wcs.wcs_pix2world(pixels[:, 1], pixels[:, 0], 0))
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)


def _dilated_tangent(data: Growing) -> Job:
    radius = data.radius * data.geom.wcs.wcs.cdelt[1] * u.deg
    return Whole(lambda: (mx.Raster((data.mask, data.geom)).dilate(radius), data.geom))


def _scipy(data: Growing) -> Job:
    from scipy.ndimage import distance_transform_edt

    return lambda: distance_transform_edt(~data.mask) <= data.radius


def _agree_tangent(data: Growing, ours: Bools, theirs: Bools) -> str:
    """Distances on the plane and on the sphere are others: ask a KD-tree at random pixels."""
    pixels = np.random.default_rng(0).integers(0, len(ours), (50_000, 2))
    step = 2 * np.sin(np.deg2rad(data.radius * data.geom.wcs.wcs.cdelt[1]) / 2)
    near = cKDTree(_vectors(data.geom, np.argwhere(data.mask))).query(_vectors(data.geom, pixels))[0]
    clear = np.abs(near / step - 1) > 1e-9
    wrong = int(np.count_nonzero(ours[tuple(pixels[clear].T)] != (near[clear] < step)))
    assert wrong == 0, f"{wrong} of {clear.sum()} sampled pixels are wrong by scipy's KD-tree"
    middle = (slice(9 * len(ours) // 20, 11 * len(ours) // 20),) * 2
    share = float(np.mean(ours[middle] != theirs[middle]))
    assert share < 0.02, f"{100 * share:.2f} % of the central pixels differ from the planar answer"
    return (
        f"other metrics: ours right at all of {len(pixels):,} random pixels by a KD-tree on the sphere; "
        f"within a twentieth of the map's side of the tangent point {100 * share:.2f} % of the pixels differ "
        f"from the plane's, {100 * np.mean(ours != theirs):.0f} % in all"
    )


def _on_limb(data: Circles) -> mx.WcsGeom:
    """A map with a limb, of pixels as large as the data's."""
    return mx.WcsGeom.allsky(binsz=360 / data.geom.shape[1], frame="icrs", proj="AIT")


def _dilated_on_limb(data: Circles) -> Job:
    return Whole(lambda: (mx.Catalog(data.positions, data.radius).dilate(_growth(data)), _on_limb(data)))


def _agree_limb(data: Circles, ours: Bools, theirs: Bools) -> str:
    """Pixels of AIT are of one size; those of CAR go with the cosine of their latitude."""
    height = len(theirs)
    weights = np.cos((np.arange(height) + 0.5 - height / 2) * np.pi / height)
    sky = 4 * np.pi / (np.pi / height) ** 2
    shares = ours.sum() / sky, theirs.mean(axis=1) @ weights / weights.sum()
    assert abs(shares[0] - shares[1]) < 0.03, f"{shares} of the sky are selected"
    return f"{100 * shares[0]:.2f} % of the sky are selected on AIT, {100 * shares[1]:.2f} % on CAR"


def _planned(grown: bool) -> Callable[[Circles], Job]:
    def ready(data: Circles) -> Job:
        def run() -> int:
            mask: mx.Mask = mx.Catalog(data.positions, data.radius)
            return (mask.dilate(_growth(data)) if grown else mask).plan(data.geom, chunks=128).n_empty

        return run

    return ready


def _agree_plans(data: Circles, ours: int, theirs: int) -> str:
    assert ours <= theirs, f"{ours} empty tiles of the dilation, {theirs} of what it grows from"
    return f"{ours} tiles are empty for the dilation, {theirs} for its child"


TASKS = (
    Task(
        key="disk-10",
        work="pixel disk dilation, 4000x4000, r = 10",
        peer="cv2.dilate",
        needs=("cv2",),
        at_most=1 / 2.5,
        aim=1 / 5,
        data=_growing(10),
        ours=_dilated,
        theirs=_opencv,
        agree=equal,
    ),
    Task(
        key="disk-50",
        work="the same, r = 50",
        peer="edt package",
        needs=("edt",),
        at_most=1 / 4,
        aim=1 / 10,
        data=_growing(50),
        ours=_dilated,
        theirs=_edt,
        agree=equal,
    ),
    Task(
        key="open-10",
        work="opening by a pixel disk, 4000x4000, r = 10",
        peer="cv2.morphologyEx",
        needs=("cv2",),
        at_most=1 / 2,
        aim=1 / 4,
        data=_thick,
        ours=_opened,
        theirs=_opened_by_opencv,
        agree=equal,
    ),
    Task(
        key="disk-chunks",
        work="the same, r = 10, 16 chunks, through dask",
        peer="dask-image",
        needs=("dask_image",),
        at_most=1 / 20,
        aim=1 / 100,
        data=_growing(10, chunks=4),
        ours=_dilated,
        theirs=_dask_image,
        agree=equal,
    ),
    Task(
        key="grow-sky",
        work="sky dilation by 0.5 deg, all-sky CAR 0.05 deg, the 4FGL mask",
        peer="pixell grow_mask",
        needs=("pixell",),
        at_most=1 / 10,
        aim=1 / 30,
        data=fermi_on("CAR", "icrs", 0.05),
        ours=_dilated_fermi,
        theirs=_pixell,
        agree=_agree_pixell,
    ),
    Task(
        key="grow-tangent",
        work="sky dilation by 0.2 deg, TAN 4000x4000 of 0.02 deg pixels",
        peer="scipy distance_transform_edt threshold (planar)",
        needs=("scipy",),
        at_most=1 / 2,
        aim=1 / 8,
        data=_growing(10),
        ours=_dilated_tangent,
        theirs=_scipy,
        agree=_agree_tangent,
    ),
    *(
        Task(
            key=f"grow-dense-{percent}",
            work=f"sky dilation by 0.2 deg, TAN 4000x4000, {percent} % of it selected",
            peer="edt package (planar)",
            needs=("edt",),
            at_most=1.0,
            aim=1 / 3,
            data=_selected(percent / 100),
            ours=_dilated_tangent,
            theirs=_edt,
            agree=_agree_tangent,
        )
        for percent in (1, 15, 50)
    ),
    Task(
        key="grow-limb",
        work="sky dilation by 0.5 deg of the 4FGL mask, all-sky AIT 0.1 deg",
        peer="the same on CAR 0.1 deg (ours)",
        needs=(),
        at_most=10,
        aim=4,
        data=fermi_on("CAR", "icrs", 0.1),
        ours=_dilated_on_limb,
        theirs=_dilated_fermi,
        agree=_agree_limb,
    ),
    Task(
        key="plan-growth",
        work="plan of that dilation, CAR 0.05 deg, tiles of 128 pixels",
        peer="plan of what is dilated (ours)",
        needs=(),
        at_most=4,
        aim=2,
        data=fermi_on("CAR", "icrs", 0.05),
        ours=_planned(grown=True),
        theirs=_planned(grown=False),
        agree=_agree_plans,
    ),
)
