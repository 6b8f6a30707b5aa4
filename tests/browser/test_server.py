"""The browser's tiles are `compute` of the same view; the server answers its own page and nothing else."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request

import numpy as np
import pytest
from astropy.coordinates import SkyCoord

import maskexpr as mx
from maskexpr.browser.pyramid import DEEPEST, SIDE
from maskexpr.verbs.serve import server_of
from tests.verbs.test_notebook import unpacked

SOURCE = SkyCoord(184.5, -5.8, unit="deg", frame="galactic")
ALONE = SkyCoord(100.3, -8.2, unit="deg", frame="galactic")  # in nothing else
MASK = mx.Or(
    mx.Catalog(SkyCoord([SOURCE, ALONE]), "1 arcmin"),
    mx.Region("galactic;circle(180,20,30);circle(10,85,12);circle(200,-85,12)"),
    mx.Band(lat=("-5 deg", "5 deg"), frame="galactic"),
)


@pytest.fixture
def serving():
    """Starts servers, and stops them."""
    begun = []

    def start(mask):
        server = server_of(mask)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        begun.append((server, thread))
        return server

    yield start
    for server, thread in begun:
        server.shutdown()
        server.server_close()
        thread.join()


def get(server, path, **headers):
    request = urllib.request.Request(server.url + path, headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


def level(n):
    return mx.WcsGeom.allsky(binsz=360 / 2 ** (9 + n), frame="galactic")


def expected(mask, n, row, column):
    rows, columns = (slice(i * SIDE, (i + 1) * SIDE) for i in (row, column))
    return mask.on(level(n), chunks=2048).isel(y=rows, x=columns).compute().values


def tile_of(n, position):
    y, x = (int(i) for i in level(n).wcs.world_to_array_index(position))
    return n, y // SIDE, x // SIDE


VIEWS = {
    "the sky": (0, 0, 1),
    "the north pole": (3, 7, 9),
    "the south pole": (2, 0, 0),
    "before the seam": (3, 6, 0),
    "after the seam": (3, 6, 15),
    "a source": tile_of(8, ALONE),
    "a source, as deep as it goes": tile_of(DEEPEST, ALONE),
}


@pytest.mark.parametrize("view", VIEWS)
def test_tiles_are_compute_of_the_same_view(serving, view):
    n, row, column = VIEWS[view]
    server = serving(MASK)
    drawn = unpacked(get(server, f"tile/{n}/{row}/{column}.png"))
    inside = expected(MASK, n, row, column)
    assert 0 < inside.sum() < inside.size  # an edge, or a tile beside the right one would do
    np.testing.assert_array_equal(drawn == 1, inside)


@pytest.mark.parametrize("mask", [MASK.dilate("2 deg"), MASK.fill_holes()], ids=["grown", "the whole map"])
def test_masks_that_look_further_have_fewer_levels(serving, mask):
    server = serving(mask)
    deepest = json.loads(get(server, "about.json"))["deepest"]
    assert deepest < DEEPEST
    drawn = unpacked(get(server, "tile/1/1/0.png"))
    np.testing.assert_array_equal(drawn == 1, expected(mask, 1, 1, 0))
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(server, f"tile/{deepest + 1}/0/0.png")


def test_what_the_tree_decides_under_the_cursor(serving):
    server = serving(MASK)
    nodes = json.loads(get(server, "about.json"))["nodes"]
    y, x = (int(i) for i in level(8).wcs.world_to_array_index(SOURCE))
    values = dict(zip(nodes, json.loads(get(server, f"at/8/{y}/{x}.json")), strict=True))
    assert [name.partition("(")[0] for name, inside in values.items() if inside] == [
        "Or",
        "Region",
        "Catalog",
    ]


def test_only_the_own_page_is_answered(serving):
    server = serving(MASK)
    page = get(server, "").decode()
    assert "<canvas" in page
    assert "http" not in page.replace("http-equiv", "")  # nothing from another host
    for path, headers, code in [
        ("", {"Host": "evil.example"}, 403),
        ("tile/0/0/0.png", {"Host": "evil.example"}, 403),
        ("nothing", {}, 404),
        ("../cli.py", {}, 404),
        ("tile/0/1/0.png", {}, 404),
        ("at/0/999/0.json", {}, 404),
    ]:
        with pytest.raises(urllib.error.HTTPError, match=str(code)) as caught:
            get(server, path, **headers)
        caught.value.close()
    with pytest.raises(urllib.error.HTTPError, match="501") as caught:
        urllib.request.urlopen(urllib.request.Request(server.url, data=b"x"), timeout=60)
    caught.value.close()
    assert server.server_address[0] == "127.0.0.1"


def test_a_cube_is_refused():
    with pytest.raises(mx.MaskError, match="AxisRange"):
        server_of(mx.AxisRange("energy", "1 GeV"))


def test_a_mask_serves_itself():
    with MASK.serve() as server:
        assert b"<html" in get(server, "").lower()
        assert server.url in repr(server)
        with pytest.raises(mx.MaskError, match="port 0 takes a free one"):
            MASK.serve(port=server.server_address[1])
    with pytest.raises(urllib.error.URLError):
        get(server, "")
    server.close()
