"""Growing in the plane of pixels, against scipy; spans and places in arrays of bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import ndimage

from maskexpr.pixels.dilate import grow_into
from maskexpr.pixels.disks import box_widths, disk_widths
from maskexpr.pixels.paint import list_busy, paint_short


def random_mask(seed: int, ny: int, nx: int, part: float) -> np.ndarray:
    return np.random.default_rng(seed).random((ny, nx)) < part


def grow(mask: np.ndarray, widths: np.ndarray) -> np.ndarray:
    out = np.zeros_like(mask)
    grow_into(out, mask, widths)
    return out


def disk(radius_y: float, radius_x: float) -> np.ndarray:
    """The ellipse as a structure of scipy, from its definition; radii of at least a pixel."""
    ky, kx = int(radius_y), int(radius_x)
    y, x = np.mgrid[-ky : ky + 1, -kx : kx + 1]
    return np.asarray((y / radius_y) ** 2 + (x / radius_x) ** 2 <= 1 + 1e-12)


sizes = st.tuples(
    st.integers(0, 99), st.integers(1, 30), st.integers(1, 200), st.sampled_from([0.01, 0.2, 0.7])
)


@given(sizes, st.sampled_from([1, 2, 2.5, 3, 5, 7.07, 13]), st.sampled_from([1, 2, 3.9, 10, 31, 64.5, 70]))
def test_disk_is_scipys(size: tuple[int, int, int, float], radius_y: float, radius_x: float) -> None:
    mask = random_mask(*size)
    want = ndimage.binary_dilation(mask, disk(radius_y, radius_x))
    assert np.array_equal(grow(mask, disk_widths(radius_y, radius_x)), want)


@given(sizes, st.sampled_from([0, 0.5, 1, 3, 8]), st.sampled_from([0, 1, 2.5, 63, 64, 65, 130]))
def test_box_is_scipys(size: tuple[int, int, int, float], half_y: float, half_x: float) -> None:
    mask = random_mask(*size)
    want = ndimage.binary_dilation(mask, np.ones((2 * int(half_y) + 1, 2 * int(half_x) + 1)))
    assert np.array_equal(grow(mask, box_widths(half_y, half_x)), want)


shapes = st.one_of(
    st.builds(disk_widths, st.floats(0, 40), st.floats(0, 90)),
    st.builds(box_widths, st.floats(0, 40), st.floats(0, 150)),
)


@given(sizes, shapes, st.booleans(), st.data())
def test_window_of_what_grows_or_shrinks_is_scipys(
    size: tuple[int, int, int, float], widths: np.ndarray, erode: bool, data: st.DataObject
) -> None:
    mask = random_mask(*size)
    ny, nx = mask.shape
    y0, x0 = data.draw(st.integers(0, ny - 1)), data.draw(st.integers(0, nx - 1))
    y1, x1 = data.draw(st.integers(y0 + 1, ny)), data.draw(st.integers(x0 + 1, nx))
    half = np.concatenate([widths[:0:-1], widths])
    structure = np.abs(np.arange(-half.max(), half.max() + 1)) <= half[:, None]
    ours = ndimage.binary_erosion if erode else ndimage.binary_dilation
    want = ours(mask, structure)[y0:y1, x0:x1]
    before = random_mask(size[0] + 1, y1 - y0, x1 - x0, 0.1)
    out = before.copy()
    grow_into(out, mask, widths, y0, x0, erode)
    assert np.array_equal(out, want | before)


def test_strips_of_a_large_mask_meet() -> None:
    mask = random_mask(5, 700, 3000, 0.001)
    for widths in (disk_widths(9, 9), disk_widths(150, 20), box_widths(3, 300)):
        half = np.concatenate([widths[:0:-1], widths])
        want = np.zeros_like(mask)
        for dy, width in zip(range(1 - len(widths), len(widths)), half, strict=True):
            rows = mask[max(0, -dy) : len(mask) - max(0, dy)]
            wide = ndimage.maximum_filter1d(rows, 2 * int(width) + 1, axis=1, mode="constant")
            want[max(0, dy) : len(mask) + min(0, dy)] |= wide
        assert np.array_equal(grow(mask, widths), want)


@pytest.mark.parametrize("radius", [0, 0.3, 0.99, 1, 1.41, 1.42, 2, 5, 10, 25, 50])
def test_round_disk_is_exact(radius: float) -> None:
    widths = disk_widths(radius, radius)
    k = len(widths) - 1
    assert k == int(radius)
    y, x = np.mgrid[-k : k + 1, -k : k + 1]
    want = y * y + x * x <= radius * radius
    assert np.array_equal(want.sum(axis=1)[k:], 2 * widths + 1)


@pytest.mark.parametrize(("angle", "scale"), [(0.3, 0.1), (0.2, 0.02), (0.7, 0.1), (1.1, 0.1)])
def test_angle_over_scale_reaches_the_pixel_it_means(angle: float, scale: float) -> None:
    number = round(angle / scale)
    assert np.array_equal(disk_widths(angle / scale, angle / scale), disk_widths(number, number))
    assert np.array_equal(box_widths(angle / scale, angle / scale), box_widths(number, number))


near_whole = st.builds(
    lambda number, part, off: max(0.0, (number + part) * (1 + off)),
    st.integers(0, 12),
    st.sampled_from([0, 0, 0, 0.3, 0.5, 0.99]),
    st.sampled_from([0, 1e-13, -1e-13, 1e-10, -1e-10, 4e-10, -4e-10, 1e-8, -1e-8, 1e-4, -1e-4]),
)


@given(near_whole, near_whole)
@example(1 - 1e-12, 1 - 1e-12)
@example(1 - 1e-12, 5)
@example(0.3, 1 - 1e-12)
@example(0, 0)
def test_disk_is_its_definition_to_a_part_in_a_billion(radius_y: float, radius_x: float) -> None:
    got = np.zeros((20, 20), dtype=bool)
    for row, width in enumerate(disk_widths(radius_y, radius_x).tolist()):
        got[row, : width + 1] = True
    y, x = np.mgrid[:20, :20]
    rim_y, rim_x = (max(each, 0.1) * (1 + 1e-9) for each in (radius_y, radius_x))
    assert np.array_equal(got, (y / rim_y) ** 2 + (x / rim_x) ** 2 <= 1)


@pytest.mark.parametrize("most", [(3, 40), (40, 3), (7, 7)])
@pytest.mark.parametrize("kernel", [disk_widths, box_widths])
@pytest.mark.parametrize("radius", [(5, 9), (30, 2), (1e300, 1e300), (2, 1e300), (np.inf, np.inf)])
def test_widths_stop_at_the_map(kernel: Any, radius: tuple[float, float], most: tuple[int, int]) -> None:
    widths = kernel(*radius, most)
    full = kernel(*(min(each, 1e6) for each in radius))
    assert np.array_equal(widths, np.minimum(full[: most[0] + 1], most[1]))


def test_radius_below_a_pixel_in_one_direction() -> None:
    assert disk_widths(0.5, 3).tolist() == [3]
    assert disk_widths(3, 0.5).tolist() == [0, 0, 0, 0]


def test_wider_than_the_array() -> None:
    mask = np.zeros((3, 5), dtype=bool)
    mask[1, 2] = True
    assert grow(mask, disk_widths(1e4, 1e4)).all()


@given(
    st.integers(0, 99),
    st.sampled_from([1, 7, 8, 9, 64, 3001]),
    st.sampled_from([1, 2, 3, 64, 65, 256, 3000]),
    st.integers(1, 255),
)
def test_short_spans_overlap_and_meet_the_ends(seed: int, size: int, longest: int, value: int) -> None:
    rng = np.random.default_rng(seed)
    length = rng.integers(1, min(longest, size) + 1, 50)
    start = rng.integers(0, size - length + 1)
    flat = np.full(size, 77, dtype=np.uint8)
    want = flat.copy()
    for first, number in zip(start, length, strict=True):
        want[first : first + number] = value
    paint_short(flat, start, length.astype(np.int32), value)
    assert np.array_equal(flat, want)
    paint_short(flat, start[:0], length[:0], 5)
    assert np.array_equal(flat, want)


@given(st.integers(0, 99), st.sampled_from([0, 1, 7, 8, 9, 5000]), st.sampled_from([0.0, 0.01, 0.5, 1.0]))
def test_busy_bytes_are_listed(seed: int, size: int, part: float) -> None:
    values = np.random.default_rng(seed).random(size) < part
    assert np.array_equal(list_busy(values), np.flatnonzero(values))
    # Words, whose bytes count one by one.
    words = values.astype(np.uint64) << np.uint64(57)
    assert np.array_equal(list_busy(words), np.flatnonzero(words.view(np.uint8)))
