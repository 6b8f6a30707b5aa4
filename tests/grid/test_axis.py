"""Axes of a map that are not the sky."""

from __future__ import annotations

import pickle

import astropy.units as u
import numpy as np
import pytest
from astropy.utils.masked import Masked

from maskexpr.errors import AxisError, MaskValueError
from maskexpr.grid.axis import Axis
from maskexpr.nodes.axisrange import AxisRange


def test_bounds_are_exact_and_bins_equally_wide():
    axis = Axis.from_bounds("energy", "10 GeV", "2 TeV", 10)
    assert axis.nbin == 10
    assert axis.interp == "log"
    assert axis.unit == u.GeV
    assert axis.edges[0] == 10 * u.GeV
    assert axis.edges[-1] == 2000 * u.GeV
    np.testing.assert_allclose(np.diff(np.log(axis.edges.value)), np.log(200) / 10)


@pytest.mark.parametrize(
    ("interp", "centres"),
    [("lin", [2.5, 6.5]), ("log", [2.0, 6.0]), ("sqrt", [2.25, 6.25])],
)
def test_centre_follows_interp(interp, centres):
    axis = Axis("e", [1, 4, 9] * u.TeV, interp=interp)
    np.testing.assert_allclose(axis.center.to_value("TeV"), centres)


def test_lin_and_sqrt_bounds():
    np.testing.assert_allclose(Axis.from_bounds("z", 0 * u.m, 4 * u.m, 4, "lin").edges.value, [0, 1, 2, 3, 4])
    np.testing.assert_allclose(Axis.from_bounds("z", 0 * u.m, 4 * u.m, 2, "sqrt").edges.value, [0, 1, 4])


def test_equality_is_of_name_edges_and_unit():
    axis = Axis("energy", [1, 2] * u.TeV)
    same = Axis("energy", u.Quantity([1.0, 2.0], "TeV"), interp="log")
    assert axis == same
    assert hash(axis) == hash(same)
    assert axis != Axis("energy_true", [1, 2] * u.TeV)
    assert axis != Axis("energy", [1, 2] * u.GeV)
    assert axis != Axis("energy", [1, 2.0000001] * u.TeV)
    assert axis != "energy"


def test_axes_match_over_units_and_last_digits():
    axis = Axis("e", [0, 1, 5] * u.TeV)
    assert axis.matches(axis)
    assert axis.matches(Axis("e", [0, 1000, 5000 + 1e-4] * u.GeV))
    assert not axis.matches(Axis("e", [0, 1000, 5010] * u.GeV))
    assert not axis.matches(Axis("e", [0, 1, 5] * u.m))
    assert not axis.matches(Axis("e", [0, 5] * u.TeV))
    assert not axis.matches(Axis("f", [0, 1, 5] * u.TeV))
    # Near zero a tolerance relative to the edge itself would see no difference or all.
    assert not axis.matches(Axis("e", [0.01, 1, 5] * u.TeV))


def test_masked_edges_are_refused():
    with pytest.raises(AxisError, match="edges are masked"):
        Axis("energy", Masked([1, 2, 3] * u.TeV, mask=[False, True, False]))
    with pytest.raises(MaskValueError, match="one finite quantity"):
        AxisRange("energy", Masked(1 * u.TeV, mask=True))
    assert Axis("energy", Masked([1, 2] * u.TeV)) == Axis("energy", [1, 2] * u.TeV)


def test_pickles_and_cannot_be_changed():
    axis = Axis("energy", [1, 2, 5] * u.TeV, interp="sqrt")
    again = pickle.loads(pickle.dumps(axis))
    assert again == axis
    assert again.interp == "sqrt"
    with pytest.raises(AttributeError, match="immutable"):
        axis.name = "other"
    edges = axis.edges
    edges[0] = 0 * u.TeV
    assert axis.edges[0] == 1 * u.TeV


def test_strings_and_dimensionless():
    assert Axis("n", [0, 1] * u.one).unit == u.one
    assert Axis("e", ["1 GeV", "2 GeV"]) == Axis("e", [1, 2] * u.GeV)
    assert "2 bins, 1 to 100 GeV, log" in repr(Axis("e", [1, 10, 100] * u.GeV, interp="log"))


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ([1, 2, 3], "no unit"),
        ([1, 3, 2] * u.TeV, r"edge 2 \(2\) follows 3"),
        ([1, 1] * u.TeV, "must increase"),
        ([1] * u.TeV, "at least two"),
        (1 * u.TeV, "at least two"),
        ([[1, 2], [3, 4]] * u.TeV, "one row"),
        ([1, np.nan, 3] * u.TeV, "edge 1 is not finite"),
        ([1, np.inf] * u.TeV, "edge 1 is not finite"),
        ("TeV", "not a quantity"),
        (Masked([1, 2, 3], mask=[False, True, False]) * u.TeV, "1 of 3 edges are masked"),
    ],
)
def test_bad_edges_are_refused(edges, message):
    with pytest.raises(AxisError, match=message):
        Axis("energy", edges)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("e", 0 * u.TeV, 1 * u.TeV, 3), "above zero"),
        (("e", 2 * u.TeV, 1 * u.TeV, 3), "below hi"),
        (("e", 1 * u.TeV, 2 * u.m, 3), "fitting unit"),
        (("e", 1, 2, 3), "no unit"),
        (("e", 1 * u.TeV, 2 * u.TeV, 0), "nbin"),
        (("e", 1 * u.TeV, 2 * u.TeV, 1.5), "nbin"),
        (("e", -1 * u.TeV, 2 * u.TeV, 2, "sqrt"), "zero or more"),
        (("e", 1 * u.TeV, 2 * u.TeV, 2, "cubic"), "'lin', 'log' or 'sqrt'"),
        (("", 1 * u.TeV, 2 * u.TeV, 2), "needs a name"),
    ],
)
def test_bad_bounds_are_refused(arguments, message):
    with pytest.raises(AxisError, match=message):
        Axis.from_bounds(*arguments)


def test_log_edges_must_be_positive():
    with pytest.raises(AxisError, match="cannot have the edge"):
        Axis("e", [0, 1] * u.TeV, interp="log")
