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

__all__ = ["cash_sqrt_ts", "wstat_sqrt_ts"]

Floats = NDArray[np.float64]

# An expectation below this is taken as this: the logarithm of zero counts is needed, times zero.
_LEAST = 1e-25
# Counts below this are looked up in a table of logarithms, which is three times as fast as taking them.
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
    for start in range(0, flat.size, _PIECE):
        part = slice(start, start + _PIECE)
        flat[part] = _cash_piece(counts[part], expected[part].astype(np.float64))
    return out


def _cash_piece(counts: NDArray[Any], mu: Floats) -> Floats:
    n = counts.astype(np.float64)
    least_mu, least_n = np.maximum(mu, _LEAST), np.maximum(n, _LEAST)
    # The order of these additions is gammapy's; only where they are put is not.
    ts = n * np.log(least_mu)
    np.subtract(least_mu, ts, out=ts)
    of_data = n * _log_counts(counts, least_n)
    np.subtract(least_n, of_data, out=of_data)
    ts *= 2.0
    of_data *= 2.0
    ts -= of_data
    n -= mu
    return _signed_root(ts, n)


def _log_counts(counts: NDArray[Any], least_n: Floats) -> Floats:
    """Logarithms of counts, from a table where they are whole and not too many."""
    whole = counts.dtype.kind in "iu"
    if not whole and not np.isfinite(counts).all():
        return np.asarray(np.log(least_n))
    place = counts if whole else counts.astype(np.int64)
    known = place.min(initial=0) >= 0 and place.max(initial=0) < _TABLE
    if known and (whole or np.array_equal(place, counts)):
        return np.asarray(_table()[place])
    return np.asarray(np.log(least_n))


@lru_cache(maxsize=1)
def _table() -> Floats:
    return _log(np.arange(_TABLE, dtype=np.float64))


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
            flat[start : start + _PIECE] = _signed_root(null - best, signal)
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


def _log(n: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(n, _LEAST)))


def _signed_root(ts: Floats, excess: Floats) -> Floats:
    # Rounding leaves small negative values.
    np.maximum(ts, 0.0, out=ts)
    np.sqrt(ts, out=ts)
    ts *= np.sign(excess)
    return ts
