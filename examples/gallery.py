"""What the gallery of the docs draws with: a mask on a small field, and three explanations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

import maskexpr as mx

__all__ = ["FIELD", "nan_three_ways", "near_the_pole", "refinement", "show"]

FIELD = mx.WcsGeom.create(skydir=(83.6, 22.0), npix=(180, 120), binsz="0.05 deg", proj="TAN", frame="icrs")
"""Nine degrees by six round the Crab."""

_IN, _WAS, _OUT, _EDGE = "#3b7ea8", "#a9c8dc", "#efefef", "#d9822b"


def show(name: str, mask: mx.Mask, geom: mx.WcsGeom = FIELD, before: mx.Mask | None = None) -> Path:
    """Save ``name.png``: what a mask selects, over what its operand did in a lighter tone."""
    values = mask.compute(geom).values.reshape(-1, *geom.image_shape)
    shades = [np.where(plane, 2, 0) for plane in values]
    if before is not None:
        was = before.compute(geom).values.reshape(-1, *geom.image_shape)
        # 1: only before; 2: only now; 3: both.
        shades = [np.where(now, np.where(old, 3, 2), old) for now, old in zip(values, was, strict=True)]
    figure, axes = plt.subplots(1, len(shades), figsize=(3.2 * len(shades), 2.2), layout="constrained")
    for ax, plane in zip(np.atleast_1d(axes), shades, strict=True):
        _image(ax, plane, [_OUT, _WAS, _EDGE if before is not None else _IN, _IN])
    return _save(figure, name)


def refinement(name: str, mask: mx.Mask, chunk: int = 32) -> Path:
    """Save what an expression decides: tiles, then blocks of those that it leaves open, then pixels."""
    geom = mx.WcsGeom.create(
        skydir=(83.6, 22.0), npix=(384, 256), binsz="0.025 deg", proj="TAN", frame="icrs"
    )
    figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.0), layout="constrained")
    axes[0].text(0.0, 0.5, f"the expression\n\n{mask}", family="monospace", fontsize=8, va="center")
    axes[0].axis("off")
    tiles = mask.plan(geom, chunks=chunk)
    _tiles(axes[1], tiles.to_xarray().values, chunk, np.ones(tiles.to_xarray().shape, dtype=bool))
    numbers = f"{tiles.n_empty} empty, {tiles.n_full} full, {tiles.n_mixed} mixed"
    _frame(axes[1], geom, f"{tiles.n_tiles} tiles: {numbers}")
    open_tiles = np.ones((1, 1), dtype=bool)
    for size in (chunk, chunk // 4, chunk // 8, 1):
        states = mask.plan(geom, chunks=size).to_xarray().values
        asked = _enlarge(open_tiles, states.shape)
        _tiles(axes[2], states, size, asked)
        open_tiles = asked & (states == 1)
    _frame(axes[2], geom, "inside the tasks: blocks, then pixels of edges")
    return _save(figure, name)


def near_the_pole(name: str) -> Path:
    """Save circles of one radius at four latitudes: true angles beside the arithmetic of the pixels."""
    geom = mx.WcsGeom.allsky(binsz="0.5 deg", frame="icrs")
    text = "; ".join(f"circle({lon}, {lat}, 8)" for lon, lat in ((150, 10), (90, 45), (10, 70), (-100, 80)))
    figure, axes = plt.subplots(1, 2, figsize=(10.5, 2.0), layout="constrained")
    for ax, metric in zip(axes, ("sky", "pixel"), strict=True):
        mask = mx.Region(f"icrs; {text}", metric=metric)
        northern = mask.compute(geom).values[geom.shape[0] // 2 :]
        _image(ax, northern.astype(int), [_OUT, _IN])
        area = mask.area(geom).value
        ax.set_title(f'metric="{metric}": {area:.0f} deg2', fontsize=9)
    return _save(figure, name)


def nan_three_ways(name: str) -> Path:
    """Save a map with a hole, and what a threshold makes of the hole by each declaration."""
    geom = mx.WcsGeom.create(npix=(60, 40), binsz="0.1 deg", proj="TAN")
    y, x = np.mgrid[:40, :60]
    data = 9 * np.exp(-((x - 20.0) ** 2 + (y - 20) ** 2) / 150)
    data[12:30, 26:44] = np.nan
    figure, axes = plt.subplots(1, 4, figsize=(11, 2.4), layout="constrained")
    axes[0].imshow(data, origin="lower")
    axes[0].set_title("the map, with a hole", fontsize=9)
    below = mx.Threshold((data, geom), "<=", 3)
    masks = {
        "~(x > 3), nan=False: kept": ~mx.Threshold((data, geom), ">", 3),
        "~(x > 3), nan=True: left out": ~mx.Threshold((data, geom), ">", 3, nan=True),
        "x <= 3, nan=False: left out": below,
    }
    for ax, (title, mask) in zip(axes[1:], masks.items(), strict=True):
        _image(ax, mask.compute(geom).values.astype(int), [_OUT, _IN])
        ax.set_title(title, fontsize=9)
    for ax in axes:
        ax.set(xticks=[], yticks=[])
    return _save(figure, name)


def _image(ax: Any, values: NDArray[np.integer], colours: list[str]) -> None:
    ax.imshow(values, cmap=ListedColormap(colours), vmin=0, vmax=len(colours) - 1, origin="lower")
    ax.set(xticks=[], yticks=[])


def _enlarge(parts: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """A map of tiles as one of the smaller tiles that they are cut into."""
    rows, columns = (-(-wanted // had) for wanted, had in zip(shape, parts.shape, strict=True))
    return np.kron(parts, np.ones((rows, columns), dtype=bool))[: shape[0], : shape[1]]


def _tiles(ax: Any, states: NDArray[np.uint8], size: int, asked: NDArray[np.bool_]) -> None:
    """Draw the tiles that were asked, each in the colour of what it is."""
    colours = (_OUT, _EDGE, _IN)
    for row, column in zip(*np.nonzero(asked), strict=True):
        corner = (column * size - 0.5, row * size - 0.5)
        line = 0.4 if size > 1 else 0
        colour = colours[int(states[row, column])]
        ax.add_patch(Rectangle(corner, size, size, facecolor=colour, edgecolor="white", linewidth=line))


def _frame(ax: Any, geom: mx.WcsGeom, title: str) -> None:
    rows, columns = geom.image_shape
    ax.set(xlim=(-0.5, columns - 0.5), ylim=(-0.5, rows - 0.5), aspect="equal", xticks=[], yticks=[])
    ax.set_title(title, fontsize=9)


def _save(figure: Any, name: str) -> Path:
    path = Path(f"{name}.png")
    figure.savefig(path, dpi=80)
    plt.close(figure)
    return path
