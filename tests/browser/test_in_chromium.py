"""The page in a real browser: what it shows is `compute` of the same view, wherever a user goes."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Coroutine
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord

import maskexpr as mx
from maskexpr.browser.pyramid import SIDE

from .chromium import CHROMIUM, NoBrowserError, Page, opened
from .test_server import ALONE, MASK, level, serving  # noqa: F401 - a fixture

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium, which is not installed")

LOADED = (
    "typeof about === 'object' && tiles.size"
    " && [...tiles.values()].every(each => each.complete && each.naturalWidth)"
)
LISTED = "typeof about === 'object' && document.getElementById('nodes').children.length > 0"
STATE = "({x: centre.x, y: centre.y, zoom, level: level(), width: canvas.width, height: canvas.height})"
LIT = "[...document.querySelectorAll('#nodes li.in')].map(each => each.textContent)"
PIXELS = """(() => { draw(); const data = pen.getImageData(0, 0, canvas.width, canvas.height).data;
    let text = ""; for (let i = 0; i < data.length; i += 4) text += String.fromCharCode(data[i], data[i + 3]);
    return btoa(text); })()"""


def run(visit: Coroutine[None, None, None]) -> None:
    """Do what a visitor does, if the browser starts on this machine."""
    try:
        asyncio.run(visit)
    except NoBrowserError as err:
        pytest.skip(str(err))


async def shown(page: Page) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Red of each pixel of the canvas, -1 where nothing is drawn, and where its centre is on the sky, 2 wide
    and 1 high.
    """
    await page.until(LOADED)
    at = await page.value(STATE)
    raw = np.frombuffer(base64.b64decode(await page.value(PIXELS)), np.uint8)
    red, alpha = raw.reshape(at["height"], at["width"], 2).astype(int).transpose(2, 0, 1)
    x = at["x"] + (np.arange(at["width"]) + 0.5 - at["width"] / 2) / at["zoom"]
    y = at["y"] - (np.arange(at["height"]) + 0.5 - at["height"] / 2) / at["zoom"]
    return np.where(alpha == 255, red, -1), x, y, at["level"]


async def check(page: Page, mask: mx.Mask) -> None:
    """What is shown equals the mask on the level that is shown."""
    red, x, y, n = await shown(page)
    pixels = SIDE * 2**n
    column, row = x % 2 * pixels, y * pixels
    # Where a pixel of the screen lies on the border of two of the level, or of two tiles, either may show.
    clear_x, clear_y = (np.abs(each - np.round(each)) > 0.02 for each in (column, row))
    for clear, each in ((clear_x, column), (clear_y, row)):
        step = np.median(np.abs(np.diff(each)))
        clear &= (each % SIDE > step) & (each % SIDE < SIDE - step)
    on_sky = (y > 0) & (y < 1)
    i, j = np.floor(row[on_sky & clear_y]).astype(int), np.floor(column[clear_x]).astype(int)
    rows, columns = np.unique(i), np.unique(j)
    whole = mask.on(level(n), chunks=2048)
    want = whole.isel(y=slice(rows[0], rows[-1] + 1))
    want = np.concatenate(
        [
            want.isel(x=slice(some[0], some[-1] + 1)).compute().values[:, some - some[0]]
            for some in np.split(columns, np.flatnonzero(np.diff(columns) > 1000) + 1)
        ],
        axis=1,
    )
    want = want[i - rows[0]][:, np.searchsorted(columns, j)]
    got = red[on_sky & clear_y][:, clear_x]
    assert want.any()
    assert not want.all()
    assert (got >= 0).all(), "a part of the sky is not drawn"
    colours = [np.unique(got[want == value]) for value in (False, True)]
    assert [len(each) for each in colours] == [1, 1], f"pixels differ: {colours}"
    assert colours[0][0] != colours[1][0]


async def drag(page: Page, dx: float, dy: float) -> None:
    """Pull the sky by some pixels, in steps as a hand does."""
    x, y = 300.0 - dx / 2, 300.0 - dy / 2
    await page.mouse("mousePressed", x, y, button="left", buttons=1, clickCount=1)
    for _ in range(5):
        x, y = x + dx / 5, y + dy / 5
        await page.mouse("mouseMoved", x, y, button="left", buttons=1)
    await page.mouse("mouseReleased", x, y, button="left", clickCount=1)


async def tour(url: str, folder: Path, steps: list[str]) -> None:
    async with opened(url, folder) as page:
        await page.until(LISTED)
        await check(page, MASK)
        steps.append("the sky")
        await drag(page, 0, 350)
        assert (await page.value("centre.y")) > 0.95
        await check(page, MASK)
        steps.append("the pole")
        await drag(page, 0, -200)
        for _ in range(3):
            await drag(page, 350, 0)
        assert not 0.5 < (await page.value("centre.x")) < 1.5
        await check(page, MASK)
        steps.append("the seam")
        await to_source(page)
        steps.append("a source")
        said = page.events
        entries = [each["params"]["entry"] for each in said if each["method"] == "Log.entryAdded"]
        assert not [each for each in entries if each["level"] == "error"]
        assert not [each for each in said if each["method"] == "Runtime.exceptionThrown"]
        consoles = [each["params"] for each in said if each["method"] == "Runtime.consoleAPICalled"]
        assert not [each for each in consoles if each["type"] in ("error", "assert")]
        asked = [
            each["params"]["request"]["url"] for each in said if each["method"] == "Network.requestWillBeSent"
        ]
        assert asked
        assert all(each.startswith((url, "about:", "data:")) for each in asked), asked


async def to_source(page: Page) -> None:
    """Zoom by the wheel with the source in the middle; the nodes under the cursor contain the place."""
    lon, lat = ALONE.galactic.l.deg, ALONE.galactic.b.deg
    await page.value(f"centre.x = wrapped((540 - {lon}) / 180); centre.y = ({lat} + 90) / 180; draw()")
    width, height = await page.value("[canvas.width, canvas.height]")
    for _ in range(4):
        await page.mouse("mouseWheel", width / 2, height / 2, deltaX=0, deltaY=-750)
    await page.until("level() >= 9")
    await check(page, MASK)
    for dx in (0, 200):
        await page.mouse("mouseMoved", width / 2 + dx + 40, height / 2 + 40)
        await page.mouse("mouseMoved", width / 2 + dx, height / 2)
        text = str(await page.value("document.getElementById('where').textContent"))
        place = SkyCoord(*map(float, text.split()[1:]), unit="deg", frame="galactic")
        assert (place.separation(ALONE).arcmin < 1) == (dx == 0)
        # The page lists a mask before its parts, the last part first.
        want = [node.label() for node in (MASK, *MASK.children[::-1]) if node.contains(place)]
        assert bool(want) == (dx == 0)
        await page.until(f"JSON.stringify({LIT}) === JSON.stringify({json.dumps(want)})")


@pytest.mark.timeout(300)
def test_a_tour_of_the_sky(serving, tmp_path):  # noqa: F811 - the fixture
    steps: list[str] = []
    run(tour(serving(MASK).url, tmp_path / "profile", steps))
    assert steps == ["the sky", "the pole", "the seam", "a source"]


async def lose_tiles(url: str, folder: Path) -> None:
    async with opened(url, folder) as page:
        await page.until(LOADED)
        await page.call("Network.setCacheDisabled", cacheDisabled=True)
        await page.call("Network.setBlockedURLs", urls=["*/tile/*"])
        await page.value("tiles.clear(); draw()")
        await page.until("tiles.size === 0")
        await page.call("Network.setBlockedURLs", urls=[])
        await check(page, MASK)


@pytest.mark.timeout(300)
def test_a_tile_that_did_not_come_is_asked_for_again(serving, tmp_path):  # noqa: F811 - the fixture
    run(lose_tiles(serving(MASK).url, tmp_path / "profile"))


LABELS = """[...document.querySelectorAll('#nodes li')].map(each => [
    each.innerText,
    each.scrollWidth <= each.clientWidth && each.getBoundingClientRect().right <= innerWidth])"""


async def read_labels(url: str, folder: Path, wanted: list[str]) -> None:
    async with opened(url, folder) as page:
        await page.until(LISTED)
        found = await page.value(LABELS)
        assert found == [[text, True] for text in wanted]


@pytest.mark.timeout(300)
def test_a_long_label_is_read_to_its_end(serving, tmp_path):  # noqa: F811 - the fixture
    vertices = ", ".join(f"{i}, {i % 7}" for i in range(20))
    mask = mx.Region(f"icrs;polygon({vertices}, 10, -40)") | mx.Band(
        lat=("-5 deg", "5 deg"), frame="galactic"
    )
    wanted = [each.label() for each in (mask, *mask.children[::-1])]
    assert max(map(len, wanted)) > 60
    run(read_labels(serving(mask).url, tmp_path / "profile", wanted))


async def answer_late(url: str, folder: Path) -> None:
    """The answer about the first place, in the source, comes when that about the second is shown."""
    lon, lat = ALONE.galactic.l.deg, ALONE.galactic.b.deg
    async with opened(url, folder) as page:
        await page.until(LISTED)
        await page.value(f"centre.x = wrapped((540 - {lon}) / 180); centre.y = ({lat} + 90) / 180")
        await page.value("zoom = 400 * 2 ** 9; draw()")
        await page.until(LOADED)
        await page.value(
            """(() => { const real = fetch; window.sent = 0; window.came = 0;
            window.fetch = async path => {
                const first = !sent++, answer = await real(path);
                if (first) await new Promise(done => window.let_go = done);
                setTimeout(() => came++, 100);
                return answer;
            }; })()"""
        )
        width, height = await page.value("[canvas.width, canvas.height]")
        await page.mouse("mouseMoved", width / 2, height / 2)
        await page.until("!!window.let_go")
        await page.mouse("mouseMoved", width / 2 + 300, height / 2)
        await page.until("came === 1")
        assert (await page.value(LIT)) == []
        await page.value("let_go()")
        await page.until("came === 2")
        assert (await page.value(LIT)) == []


@pytest.mark.timeout(300)
def test_a_late_answer_about_an_earlier_place_is_not_shown(serving, tmp_path):  # noqa: F811 - the fixture
    run(answer_late(serving(MASK).url, tmp_path / "profile"))
