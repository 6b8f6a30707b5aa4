"""Significance of counts: square roots of test statistics of Poisson counts, with the sign of the excess.

The statistics are differences of large numbers, and near zero their square root shows the order in which
these were added. The order is that of gammapy's `cash` and `wstat`, so that results agree to the last digits
there too.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Floats

__all__ = ["cash_sqrt_ts", "wstat_sqrt_ts"]

# An expectation below this is taken as this: the logarithm of zero counts is needed, times zero.
_LEAST = 1e-25
# Counts below this are looked up in a table of what depends on them alone, logarithms and all.
_TABLE = 1 << 16
# Elements worked on at a time, so that the working arrays stay in the cache.
_PIECE = 1 << 14


def cash_sqrt_ts(n_on: NDArray[Any], mu: NDArray[Any]) -> Floats:
    """Significance of counts over a known background.

    Parameters
    ----------
    n_on : ndarray of numbers
        Counts.
    mu : ndarray of numbers, same shape
        Expected background. Computed is in float64, whatever the types.

    Returns
    -------
    ndarray of float64, same shape

    Examples
    --------
    >>> cash_sqrt_ts(np.array([10.0, 1.0, 0.0]), np.array([4.0, 4.0, 0.0])).round(3).tolist()
    [2.515, -1.796, 0.0]
    """
    out = np.empty(n_on.shape)
    flat, counts, expected = out.reshape(-1), n_on.reshape(-1), mu.reshape(-1)
    work = np.empty((3, min(_PIECE, flat.size)))
    zero = np.zeros(work.shape[1])
    for start in range(0, flat.size, _PIECE):
        part = slice(start, start + _PIECE)
        ts = flat[part]
        excess = _cash_piece(counts[part], expected[part], ts, work[:, : len(ts)])
        _signed_root(ts, excess, zero[: len(ts)])
    return out


def _cash_piece(counts: NDArray[Any], expected: NDArray[Any], ts: Floats, work: Floats) -> Floats:
    """Fill in the test statistic; returns the excess."""
    n: Floats = work[0]
    mu, spare = work[1:]
    n[...] = counts
    mu[...] = expected
    least_mu = mu if expected.min(initial=np.inf) >= _LEAST else np.maximum(mu, _LEAST)
    # The order of these additions is gammapy's; only where they are put is not, and that both are doubled.
    np.log(least_mu, out=ts)
    ts *= n
    np.subtract(least_mu, ts, out=ts)
    ts -= _of_data(counts, n, spare)
    ts += ts
    n -= mu
    return n


def _of_data(counts: NDArray[Any], n: Floats, out: Floats) -> Floats:
    """What counts themselves add, from a table where they are whole and not too many."""
    whole = counts.dtype.kind in "iu"
    if whole or bool(np.isfinite(counts).all()):
        place = counts if whole else counts.astype(np.int64)
        known = place.min(initial=0) >= 0 and place.max(initial=0) < _TABLE
        if known and (whole or np.array_equal(place, counts)):
            np.take(_table(), place, out=out, mode="clip")
            return out
    return _alone(n)


@lru_cache(maxsize=1)
def _table() -> Floats:
    return _alone(np.arange(_TABLE, dtype=np.float64))


def _alone(n: Floats) -> Floats:
    least = np.maximum(n, _LEAST)
    return np.asarray(least - n * np.log(least))


def wstat_sqrt_ts(n_on: Floats, n_off: Floats, alpha: Floats, excess: Floats) -> Floats:
    """Significance of counts over a background that was measured as well.

    Parameters
    ----------
    n_on, n_off : ndarray of float64
        Counts, and counts of the background measurement.
    alpha : ndarray of float64
        Acceptance of the counts over that of the background measurement.
    excess : ndarray of float64
        ``n_on - alpha * n_off``, rounded as the caller rounds.

    Returns
    -------
    ndarray of float64, same shape
        NaN where ``alpha`` is.

    Examples
    --------
    >>> wstat_sqrt_ts(*(np.array([v]) for v in (10.0, 8.0, 0.5, 6.0))).round(3).tolist()
    [1.931]
    """
    out = np.empty(n_on.shape)
    flat = out.reshape(-1)
    arrays = [each.reshape(-1) for each in (n_on, n_off, alpha, excess)]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for start in range(0, flat.size, _PIECE):
            on, off, ratio, signal = (each[start : start + _PIECE] for each in arrays)
            # What does not depend on the model; it cancels, but it rounds what it is added to.
            fixed = 2.0 * (_or_zero(on, -on * (1.0 - np.log(on))) + _or_zero(off, -off * (1.0 - np.log(off))))
            null = _wstat(on, off, ratio, np.zeros_like(on)) + fixed
            best = _wstat(on, off, ratio, signal) + fixed
            flat[start : start + _PIECE] = _signed_root(null - best, signal, np.zeros_like(signal))
    return out


def _wstat(on: Floats, off: Floats, alpha: Floats, signal: Floats) -> Floats:
    """Twice the negative log likelihood, with the background that fits best."""
    linear = alpha * (on + off) - (1 + alpha) * signal
    root = np.sqrt(linear**2 + 4 * alpha * (alpha + 1) * off * signal)
    background = (linear + root) / (2 * alpha * (alpha + 1))
    from_on = _or_zero(on, -on * np.log(signal + alpha * background))
    from_off = _or_zero(off, -off * np.log(background))
    return np.asarray(2 * (signal + (1 + alpha) * background + from_on + from_off))


def _or_zero(n: Floats, term: Floats) -> Floats:
    return np.where(n == 0, 0.0, term)


def _signed_root(ts: Floats, excess: Floats, zero: Floats) -> Floats:
    # Rounding leaves small negative values. A number instead of an array of zeros takes numpy twice as long.
    np.maximum(ts, zero, out=ts)
    np.sqrt(ts, out=ts)
    # The sign's bit alone, three times as fast as a factor of -1, 0 or 1. Without an excess both terms are
    # the same numbers, and their difference zero.
    sign = excess.view(np.int64) & np.int64(-(1 << 63))
    ts.view(np.int64)[...] |= sign
    return ts
