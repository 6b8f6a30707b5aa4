"""The command line: recipes planned, run and shown, files told about and turned into others.

Exit codes: 0 done; 1 an error that maskexpr names; 2 a command line that cannot be; 3 a file that is damaged
or incomplete (`verify`); 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import dask
from dask.callbacks import Callback
from dask.diagnostics.progress import ProgressBar

import maskexpr

from .core.errors import MaskError, require
from .recipes.recipe import Recipe

__all__ = ["main"]

_EVERY = 60.0
"""Seconds between two lines of progress in a log."""


class _Commands(click.Group):
    """Errors of maskexpr as one line on stderr and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except MaskError as err:
            click.echo(f"maskexpr: {err}", err=True)
            ctx.exit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(maskexpr.__version__, prog_name="maskexpr")
def main() -> None:
    """Masks of the sky: recipes (YAML) planned, run and shown; products told about and verified."""


_recipe = click.argument("recipe", type=click.Path(exists=True, dir_okay=False, path_type=Path))
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program to read.")
_grid = click.option("--grid", help="Name of a grid of the recipe, where it has several.")


@main.command()
@_recipe
@_grid
@_as_json
def plan(recipe: Path, grid: str | None, as_json: bool) -> None:
    """Count tiles and memory before anything runs."""
    read = Recipe.read(recipe)
    made = read.mask.plan(_grid_of(read, grid))
    if not as_json:
        click.echo(str(made))
        return
    names = ("n_tiles", "n_empty", "n_full", "n_mixed", "projected_memory")
    click.echo(json.dumps({name: int(getattr(made, name)) for name in names}))


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
@click.option("--scheduler", help="Address of a dask scheduler (tcp://...), or threads, or processes=N.")
@click.option("--workers", type=click.IntRange(1), help="Threads, or processes of a local cluster.")
@click.option("--memory-limit", help="Refuse a plan that may need more, '4 GB'; of a worker with a cluster.")
@click.option("--resume", is_flag=True, help="Finish what a killed run began.")
@click.option("--overwrite", is_flag=True, help="Replace outputs that are there.")
@_as_json
def run(
    recipe: Path,
    scheduler: str | None,
    workers: int | None,
    memory_limit: str | None,
    resume: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write the outputs of a recipe."""
    read = Recipe.read(recipe)
    options: dict[str, Any] = {"overwrite": overwrite}
    if memory_limit is not None:
        options["memory_limit"] = memory_limit
    if resume:
        options["resume"] = True
    started = time.monotonic()
    with _scheduler(scheduler, workers), _progress():
        paths = read.run(**options)
    seconds = round(time.monotonic() - started, 1)
    if as_json:
        click.echo(json.dumps({"outputs": [str(path) for path in paths], "seconds": seconds}))
        return
    for path in paths:
        click.echo(f"wrote {path}")


@contextlib.contextmanager
def _scheduler(address: str | None, workers: int | None) -> Iterator[None]:
    """Threads of this process, a local cluster of processes, or the cluster at an address."""
    if address in (None, "threads"):
        with dask.config.set(num_workers=workers) if workers else contextlib.nullcontext():
            yield
        return
    distributed = require("distributed", extra="distributed")
    if address == "processes":
        with (
            distributed.LocalCluster(
                n_workers=workers or 2, threads_per_worker=1, dashboard_address=None
            ) as cluster,
            distributed.Client(cluster),
        ):
            yield
        return
    with distributed.Client(address):
        yield


class _Log(Callback):
    """A bar on a terminal, a line a minute in a log."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.last = time.monotonic()
        self.done = 0

    def _posttask(self, key: Any, result: Any, dsk: Any, state: Any, worker_id: Any) -> None:
        self.done += 1
        now = time.monotonic()
        if now - self.last >= _EVERY:
            self.last = now
            left = len(state["waiting"]) + len(state["ready"]) + len(state["running"])
            click.echo(f"{time.strftime('%H:%M:%S')} {self.done} tiles done, {left} to go", err=True)


@contextlib.contextmanager
def _progress() -> Iterator[None]:
    if sys.stderr.isatty():
        with ProgressBar(out=sys.stderr):  # type: ignore[no-untyped-call]
            yield
        return
    with _Log():
        yield


@main.command()
@_recipe
@click.argument("picture", type=click.Path(dir_okay=False, path_type=Path))
@_grid
def show(recipe: Path, picture: Path, grid: str | None) -> None:
    """Draw a coarse preview of a recipe's mask to a picture (.png, .pdf, .svg)."""
    read = Recipe.read(recipe)
    matplotlib = require("matplotlib", extra="plot")
    with matplotlib.rc_context({"backend": "agg"}):
        axes = read.mask.plot(_grid_of(read, grid) if read.grids else None)
        axes.figure.savefig(picture, dpi=150, bbox_inches="tight")
    click.echo(f"wrote {picture}")
