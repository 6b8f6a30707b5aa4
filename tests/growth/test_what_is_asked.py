"""What growing by a tree asks of a child: all pixels that matter, and beyond the tile no others."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from maskexpr.grid.tiles import Tile, Tiles
from maskexpr.grid.wcs.geom import WcsGeom
from maskexpr.growth.shape import Selection, SkyShape
from maskexpr.growth.tree import tree_blocks
from maskexpr.pixels.window import Window

MAPS = {
    "ait": WcsGeom.allsky(binsz=3, proj="AIT", frame="galactic"),
    "sfl": WcsGeom.allsky(binsz=3, proj="SFL"),
    "hpx": WcsGeom.allsky(binsz=4, proj="HPX"),
    "csc": WcsGeom.allsky(binsz=4, proj="CSC"),
    "zea": WcsGeom.create(skydir=(0, -90), npix=(60, 60), binsz=4, proj="ZEA"),
}


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("pixels", [0.3, 1.2, 4.0])
def test_pixels_within_the_radius_are_asked_and_no_others_far_away(name: str, pixels: float) -> None:
    geom = MAPS[name]
    scale = float(geom.pixel_scales.value.min())
    shape = SkyShape(*np.radians([pixels * scale] * 2).tolist(), box=False)
    everywhere = Selection(
        lambda tile: np.ones(tile.shape, dtype=bool), lambda areas: np.full(len(areas), 1, dtype=np.uint8)
    )
    y, x = (
        each.ravel()
        for each in np.mgrid[geom.lattice.y0 : geom.lattice.y1, geom.lattice.x0 : geom.lattice.x1]
    )
    lon, lat = np.radians(geom.wcs.wcs_pix2world(x, y, 0))
    there = np.isfinite(geom.lonlat(y, x)[0])
    y, x, lon, lat = y[there], x[there], lon[there], lat[there]
    xyz = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
    ny, nx = geom.image_shape
    for window in (
        Window(0, ny // 2, 0, nx // 3),
        Window(ny // 3, ny // 3 + 7, nx - 20, nx),
        Window(0, 1, 0, nx),
    ):
        inside = (y >= window.y0) & (y < window.y1) & (x >= window.x0) & (x < window.x1)
        if not inside.any():
            continue
        tile = Tile(geom, window)
        found = tree_blocks(tile.tiles, shape, everywhere, tile.tiles.bounds)
        asked = np.zeros(len(y), dtype=bool)
        for y0, y1, x0, x1 in found.near.bounds.T.tolist():
            asked |= (y >= y0) & (y < y1) & (x >= x0) & (x < x1)
        distance, _ = cKDTree(xyz[inside]).query(xyz)
        angle = 2 * np.arcsin(np.minimum(distance / 2, 1.0))
        assert np.all(asked[angle <= np.radians(pixels * scale) + 1e-13])
        assert not np.any((asked & ~inside)[angle > np.radians(pixels * scale) + 1e-9])


def test_batches_of_windows_keep_what_all_know() -> None:
    geom = MAPS["ait"]
    one = Tiles(geom, np.array([[0, 8, 20, 28], [30, 38, 60, 68]]).T)
    two = Tiles(geom, np.array([[20, 28, 90, 99]]).T)
    assert one.sky.tolist() == [0, 2]
    both = Tiles.together([one, two])
    assert both.bounds.T.tolist() == [*one.bounds.T.tolist(), *two.bounds.T.tolist()]
    assert "sky" not in both.__dict__
    assert two.sky.tolist() == [2]
    assert both.sky.tolist() == Tiles.together([one, two]).__dict__["sky"].tolist() == [0, 2, 2]
    for each in (one, two, both):
        assert np.isfinite(each.caps.radius).all()
    together = Tiles.together([one, two])
    assert np.allclose(together.__dict__["caps"].radius, both.caps.radius)
    assert Tiles.together([two]) is two
