"""The command line: recipes planned, run, shown, served; files told about, verified, turned into others.

Exit codes: 0 done; 1 an error that maskexpr names; 2 a command line that cannot be; 3 a file that is damaged
or incomplete, or not what it is compared with (`verify`); 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
import threading
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import click
import dask

import maskexpr

from .compile.plan import Plan
from .core.errors import FormatError, IncompleteMaskError, IntegrityError, MaskError, require
from .core.progress import Progress, watching
from .io.publish import check_place
from .io.workspace import write_whole
from .recipes.recipe import Recipe
from .verbs.exchange import READERS, convert, read_any
from .verbs.reuse import is_written
from .verbs.serve import server_of
from .verbs.verify import ProductInfo, info, verify

__all__ = ["main"]

_EVERY = 60.0
"""Seconds between two lines of progress in a log."""
_REDRAWN = 0.25
"""Seconds between two states of the bar on a terminal."""
_ERROR, _DAMAGED, _STOPPED = 1, 3, 130


_WORDS = (
    (r"overwrite=True", "--overwrite"),
    (r"against=", "--against FILE"),
    (r"take one of \.grids", "take one by --grid NAME"),
    (r"dask\.config\.set\(num_workers=(\d+)\)", r"--workers \1"),
    (r"smaller chunks=", "the outputs smaller chunks"),
)


def _as_option(words: str) -> str:
    """Words about an argument in Python as those about the option of that name."""
    for argument, option in _WORDS:
        words = re.sub(argument, option, words)
    return words


class _Commands(click.Group):
    """Errors of maskexpr as one line on stderr, and the exit codes."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except MaskError as err:
            click.echo(f"maskexpr: {_as_option(str(err))}", err=True)
            ctx.exit(_DAMAGED if isinstance(err, IntegrityError | IncompleteMaskError) else _ERROR)
        except KeyboardInterrupt:
            click.echo("maskexpr: stopped", err=True)
            ctx.exit(_STOPPED)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(maskexpr.__version__, prog_name="maskexpr")
def main() -> None:
    """Masks of the sky: recipes (YAML) planned, run, shown and served; files told about, verified, converted.

    Exit codes: 0 done, 1 an error that is named, 2 a command line that cannot be, 3 a file that is damaged,
    incomplete or not what it is compared with, 130 stopped by Ctrl-C.
    """


_file = click.Path(exists=True, path_type=Path)
_recipe = click.argument("recipe", type=_file)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program to read.")
_grid = click.option("--grid", help="Name of a grid of the recipe, where it has several.")
_kind = click.option(
    "--from", "kind", type=click.Choice(list(READERS)), help="What the file is, if it does not say."
)
_overwrite = click.option("--overwrite", is_flag=True, help="Replace what is there.")


def _print(found: dict[str, Any]) -> None:
    click.echo(json.dumps(found))


@main.command()
@_recipe
@_grid
@_as_json
def plan(recipe: Path, grid: str | None, as_json: bool) -> None:
    """Count tiles and memory of each output before anything runs."""
    plans = _plans(_read(recipe), grid)
    names = ("n_tiles", "n_empty", "n_full", "n_mixed", "projected_memory")
    counts = [{name: int(getattr(made, name)) for name in names} for _, made in plans]
    if as_json and len(plans) == 1:
        _print(counts[0])
    elif as_json:
        _print(
            {"plans": [{"outputs": paths, **each} for (paths, _), each in zip(plans, counts, strict=True)]}
        )
    else:
        for paths, made in plans:
            click.echo("".join(f"{path}:\n" for path in paths if len(plans) > 1) + str(made))


def _read(path: Path) -> Recipe:
    """A recipe; of another file that holds a mask the error says how to make one."""
    try:
        return Recipe.read(path)
    except MaskError as err:
        if path.suffix in (".yaml", ".yml"):
            raise
        try:
            what = READERS[read_any(path).kind].what
        except MaskError:
            raise err from None
        raise FormatError(
            f"{path} is {what} and no recipe; make one: maskexpr convert {path} mask.yaml"
        ) from err


def _plans(recipe: Recipe, grid: str | None) -> list[tuple[list[str], Plan]]:
    """The plans of the outputs (on one grid), those of equal tiles together; else that of the grid."""
    one = None if grid is None and recipe.outputs else _grid_of(recipe, grid)
    found: list[tuple[list[str], Plan]] = []
    seen: dict[str, int] = {}
    for each in recipe.outputs:
        if grid is None or each.grid == grid:
            key = repr((each.grid, each.options.get("chunks", "auto")))
            if key not in seen:
                seen[key] = len(found)
                chunks = each.options.get("chunks", "auto")
                found.append(([], recipe.mask.plan(recipe.grids[each.grid], chunks)))
            found[seen[key]][0].append(str(each.path))
    return found or [([], recipe.mask.plan(one))]


def _grid_of(recipe: Recipe, name: str | None) -> Any:
    if name is None:
        return recipe.grid
    if name not in recipe.grids:
        raise click.BadParameter(
            f"{name!r}; the recipe has {', '.join(recipe.grids) or 'none'}", param_hint="--grid"
        )
    return recipe.grids[name]


@main.command()
@_recipe
@click.option(
    "--scheduler", help="threads (of this process), processes (a local cluster), or an address, tcp://..."
)
@click.option("--workers", type=click.IntRange(1), help="Threads, or processes of a local cluster.")
@click.option(
    "--memory-limit", help="Refuse a plan that may need more, '4 GB'; of each process of a local cluster."
)
@click.option("--resume", is_flag=True, help="Go on where a killed run was stopped; what is written is kept.")
@click.option(
    "--store", type=click.Path(file_okay=False, path_type=Path), help="Folder of tiles that runs share."
)
@_overwrite
@_as_json
def run(recipe: Path, scheduler: str | None, workers: int | None, as_json: bool, **options: Any) -> None:
    """Write the outputs of a recipe."""
    started = time.monotonic()
    read = _read(recipe)
    there = [
        each.path
        for each in read.outputs
        if options["resume"]
        and not options["overwrite"]
        and is_written(read.mask, each.path, read.grids[each.grid])
    ]
    given = {name: value for name, value in options.items() if value}
    with _scheduler(scheduler, workers, options["memory_limit"]), _progress():
        paths = read.run(skip=there, **given)
    if as_json:
        seconds = round(time.monotonic() - started, 1)
        _print({"outputs": [str(p) for p in paths], "kept": [str(p) for p in there], "seconds": seconds})
        return
    for path in there:
        click.echo(f"{path} was written before")
    for path in paths:
        click.echo(f"wrote {path}")


@contextlib.contextmanager
def _scheduler(address: str | None, workers: int | None, memory: str | None) -> Iterator[None]:
    """Threads of this process, a local cluster of processes, or the cluster at an address."""
    if address in (None, "threads"):
        with dask.config.set(num_workers=workers) if workers else contextlib.nullcontext():
            yield
        return
    if address != "processes" and "://" not in str(address):
        raise click.BadParameter(f"{address!r}: threads, processes or tcp://...", param_hint="--scheduler")
    distributed = require("distributed", extra="distributed")
    if address == "processes":
        limit = {} if memory is None else {"memory_limit": memory}
        shape = {"n_workers": workers or 2, "threads_per_worker": 1, "dashboard_address": None}
        with distributed.LocalCluster(**shape, **limit) as cluster, distributed.Client(cluster):
            yield
        return
    try:
        client = distributed.Client(address)
    except (OSError, ValueError) as err:
        raise click.BadParameter(f"{address}: {err}", param_hint="--scheduler") from err
    with client:
        yield


@contextlib.contextmanager
def _progress() -> Iterator[None]:
    """A bar on a terminal, a line a minute in a log; both on stderr."""
    stop, terminal = threading.Event(), sys.stderr.isatty()
    with watching() as progress:
        thread = threading.Thread(target=_report, args=(progress, stop, terminal), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def _report(progress: Progress, stop: threading.Event, terminal: bool) -> None:
    while not stop.wait(_REDRAWN if terminal else _EVERY):
        done, total = progress.done, progress.total
        if terminal:
            full = 40 * done // max(total, 1)
            click.echo(f"\r[{'#' * full:<40}] {done:,} of {total:,} tiles", err=True, nl=False)
        else:
            click.echo(f"{time.strftime('%H:%M:%S')} {done:,} of {total:,} tiles written", err=True)
    if terminal:
        click.echo("\r\033[K", err=True, nl=False)


@main.command()
@_recipe
@click.argument("picture", type=click.Path(dir_okay=False, path_type=Path))
@_grid
def show(recipe: Path, picture: Path, grid: str | None) -> None:
    """Draw a coarse preview of a recipe's mask to a picture (.png, .pdf, .svg)."""
    read = _read(recipe)
    matplotlib = require("matplotlib", extra="plot")
    check_place(picture, overwrite=True)
    endings = require("matplotlib.backend_bases", extra="plot").FigureCanvasBase.get_supported_filetypes()
    if picture.suffix[1:].lower() not in endings:
        raise FormatError(f"{picture}: a picture ends in .{', .'.join(sorted(endings))}")
    with matplotlib.rc_context({"backend": "agg"}):
        axes = read.mask.plot(_grid_of(read, grid) if read.grids else None)
        drawn = BytesIO()
        axes.figure.savefig(drawn, dpi=150, bbox_inches="tight", format=picture.suffix[1:].lower())
    write_whole(picture, drawn.getvalue(), overwrite=True)
    click.echo(f"wrote {picture}")


@main.command(name="serve")
@_recipe
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port on loopback; a free one if not given."
)
@click.option("--frame", default="galactic", help="Frame of the maps.")
def serve_command(recipe: Path, port: int, frame: str) -> None:
    """Show a recipe's mask on a page to pan and zoom, on loopback, until Ctrl-C."""
    with server_of(_read(recipe).mask, port, frame) as server:
        click.echo(server.url)
        server.serve_forever()


def _options(**given: Any) -> dict[str, Any]:
    """Those options of a kind of file that are given."""
    hdu = given.get("hdu")
    if hdu is not None and hdu.isdigit():
        given["hdu"] = int(hdu)
    return {name: value for name, value in given.items() if value is not None}


_reading = (
    click.option("--radius", help="Of a catalogue: an angle, '0.3 deg', or the name of a column."),
    click.option("--where", help="Of a catalogue: which rows, 'Signif_Avg > 10'."),
    click.option("--hdu", help="Of a FITS file of several tables or maps: number or name."),
    click.option("--frame", help="Frame of positions where the file states none."),
)


def _with_reading(command: Any) -> Any:
    for option in reversed(_reading):
        command = option(command)
    return command


@main.command(name="info")
@click.argument("path", type=_file)
@_kind
@_with_reading
@_as_json
def info_command(path: Path, kind: str | None, as_json: bool, **given: Any) -> None:
    """Tell what a file is: a product or map without reading a pixel, else the mask in it."""
    reading = _options(**given)
    product = None if reading else _product(path, kind)
    if product is not None:
        _print(_told(product)) if as_json else click.echo(str(product))
        return
    held = read_any(path, kind, **reading)
    if as_json:
        _print(
            {"path": str(path), "kind": held.kind, "mask": repr(held.mask), "hash": held.mask.digest.hex()}
        )
        return
    grids = "".join(f"\n  grid {name}: {grid!r}" for name, grid in held.grids.items())
    click.echo(f"{path}: {READERS[held.kind].what}{grids}\n{held.mask}")


def _product(path: Path, kind: str | None) -> ProductInfo | None:
    """What a file of a map is; None for a file of another kind."""
    if kind not in (None, "map") or path.suffix in (".yaml", ".yml", ".json"):
        return None
    try:
        return info(path)
    except (IntegrityError, IncompleteMaskError):
        raise
    except MaskError:
        if kind == "map":
            raise
        return None


def _told(product: ProductInfo) -> dict[str, Any]:
    names = ("path", "kind", "is_product", "dtype", "n_tiles", "n_empty", "n_full", "n_mixed", "tile")
    more = ("n_selected", "mask", "hash", "versions", "bytes_on_disk")
    found = {name: getattr(product, name) for name in (*names, *more)}
    return {**found, "shape": list(product.geom.shape), "grid": product.geom.fingerprint}


@main.command(name="verify")
@click.argument("path", type=_file)
@click.option(
    "--against", type=_file, help="A recipe, or another file of a mask, to evaluate and compare with."
)
@_as_json
def verify_command(path: Path, against: Path | None, as_json: bool) -> None:
    """Read a product whole and compare every tile with its manifest; exit code 3 if it is damaged."""
    wanted = None if against is None else read_any(against).mask
    try:
        report = verify(path, against=wanted)
    except (IntegrityError, IncompleteMaskError) as err:
        if as_json:
            _print({"path": str(path), "ok": False, "error": type(err).__name__, "message": str(err)})
        raise
    if as_json:
        _print({"path": str(path), "ok": True, "n_tiles": report.n_tiles, "n_selected": report.n_selected})
        return
    click.echo(str(report))


@main.command(name="convert")
@click.argument("source", type=_file)
@click.argument("target", type=click.Path(path_type=Path))
@_kind
@_with_reading
@click.option("--grid", type=_file, help="For a product: a recipe with a grid, a FITS header, or a map.")
@click.option("--order", type=click.IntRange(0, 29), help="For a MOC: the order of its cells.")
@_overwrite
@_as_json
def convert_command(
    source: Path,
    target: Path,
    kind: str | None,
    grid: Path | None,
    order: int | None,
    overwrite: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Write the mask in one file to another, whose ending says what it becomes.

    From a recipe, an expression, a MOC, a product or map, a region file or a catalogue to .yaml, .json, .reg,
    .moc.fits, or a product (.zarr, .fits, .fits.gz, .hsp) on a grid.
    """
    held = read_any(source, kind, **_options(**given))
    path = convert(held, target, None if grid is None else _grid_in(grid), overwrite, order)
    if as_json:
        _print({"source": str(source), "kind": held.kind, "target": str(path)})
        return
    click.echo(f"wrote {path}")


def _grid_in(path: Path) -> Any:
    """The grid of a recipe, a header or a map."""
    if path.suffix in (".yaml", ".yml"):
        return Recipe.read(path).grid
    try:
        return info(path).geom
    except MaskError:
        return maskexpr.WcsGeom.read(path)
