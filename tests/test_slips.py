"""Slips of users: what is typed, and the words that the message must hold.

Every slip gives one error of maskexpr that says what to write: none a bare exception, none silence.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
import regions
import xarray as xr
from astropy.coordinates import Galactic, SkyCoord
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time
from astropy.wcs import WCS

import maskexpr as mx
from maskexpr.core.errors import require
from maskexpr.verbs.accessor import SkyAccessor

from .pages import ROOT, close_figures

SLIPS: list[tuple[str, str, tuple[str, ...]]] = [
    # masks and operators
    ("the base class", "mx.Mask()", ("start with Region, Catalog, Band",)),
    ("the base class called", "mx.Mask('icrs;circle(1,2,3)')", ("start with Region",)),
    ("or", "a or b", ("| & ^ ~",)),
    ("and", "a and b", ("| & ^ ~",)),
    ("not", "not a", ("| & ^ ~",)),
    ("a condition", "1 if a else 0", ("truth value",)),
    ("plus", "a + b", ("|", "&", "no +")),
    ("unary minus", "-a", ("~",)),
    ("order", "a < b", ("no order",)),
    ("an index", "a[0]", ("mask.on(geom)",)),
    ("a length", "len(a)", ("mask.on(geom)",)),
    ("a loop", "list(a)", ("mask.children",)),
    ("an array of it", "np.asarray(a)", ("mask.on(geom)",)),
    ("an array of masks", "np.array([a, b])", ("mask.on(geom)",)),
    ("compared with a masked array", "np.ma.masked_array([1], [0]) == a", ("mask",)),
    ("numpy's sum", "np.sum(a)", ("numpy.sum", "mask.on(geom)")),
    ("numpy's where", "np.where(a, 1, 0)", ("numpy.where", "mask.on(geom)")),
    ("True as all", "a | True", ("AllSky()",)),
    ("None", "a & None", ("takes masks", "None")),
    ("text of a region", "a | 'icrs;circle(1,2,3)'", ("maskexpr.Region(text)",)),
    ("positions", "a | crab", ("astropy SkyCoord", "maskexpr.Catalog(positions, radius)")),
    ("a region object", "a | region", ("maskexpr.Region(region)",)),
    ("a grid", "a & geom", ("mask.on(geom)",)),
    ("a list of masks", "a & [b, b]", ("maskexpr.Or(*masks)",)),
    ("an array on the right", "a & array", ("maskexpr.Raster((array, geom))", "mask.on(geom) & array")),
    ("an array on the left", "array & a", ("maskexpr.Raster((array, geom))",)),
    ("a DataArray on the left", "a.on(geom) & a", ("carries its grid", "maskexpr.Raster(array)")),
    ("a DataArray", "a & a.on(geom)", ("xarray DataArray", "mask.on(geom) & array")),
    ("compared with an array", "a == array", ("mask.on(geom)",)),
    ("False for not", "a == False", ("~mask",)),
    ("True for the mask", "a != True", ("~mask",)),
    ("compared with positions", "crab == a", ("mask.contains(positions)",)),
    ("a position in it", "crab in a", ("mask.contains(positions)",)),
    ("a list for Or", "mx.Or([a, b])", ("Or(*masks)",)),
    ("text for And", "mx.And(a, 'b')", ("operand 1", "'b'")),
    ("two for Not", "mx.Not(a, b)", ("Write Not(mask)",)),
    ("Not of nothing", "mx.Not()", ("Not needs mask",)),
    ("AllSky of a grid", "mx.AllSky(geom)", ("Write AllSky()",)),
    # names
    ("a verb misspelled", "a.dilat('1 deg')", ("did you mean 'dilate'?",)),
    ("another package's verb", "a.grow('1 deg')", ("mask.dilate(radius)",)),
    ("a method for an operator", "a.union(b)", ("mask | other",)),
    ("a method for ~", "a.invert()", ("~mask",)),
    ("a mask's data", "a.data", ("mask.on(geom).data",)),
    ("any of a mask", "a.any()", ("mask.on(geom).any()",)),
    ("a mask's grid", "a.geom", ("geom_of(mask.on(geom))",)),
    ("gammapy's erosion", "a.binary_erode(1)", ("mask.erode(radius)",)),
    ("a border of a mask", "a.boundary", ("maskexpr.Boundary(width)",)),
    ("gammapy's coordinates", "geom.coords", ("mask.on(geom, coords='world')",)),
    ("a grid's data", "geom.data", ("a grid has no values",)),
    ("text of a position", "a.contains('05h34m31.9s +22d00m52s')", ("SkyCoord(text)",)),
    ("a table on a grid", "geom.contains(table)", ("mask.contains takes a table",)),
    (
        "a map of gammapy for its grid",
        "mx.WcsGeom.from_gammapy(a.plan(geom))",
        ("write WcsGeom.from_gammapy(map.geom)",),
    ),
    ("a store's grid", "mx.WcsGeom.read(FOLDER)", ("geom_of(maskexpr.read_mask(path))",)),
    (
        "a region without quotes",
        "mx.Recipe.loads('maskexpr: 1\\nmask: {Region: circle(83,22,1)}')",
        ("the whole of a text that holds commas",),
    ),
    ("a type of an expression", "b.dtype", ("mask.on(geom).dtype",)),
    ("a name of the package", "mx.Regions", ("did you mean 'Region'?",)),
    ("a name in another case", "mx.wcsgeom", ("did you mean 'WcsGeom'?",)),
    # angles, kernels
    ("no unit", "a.dilate(0.1)", ("0.1", "unit", "'0.3 deg'")),
    ("text without a unit", "a.dilate('0.1')", ("'0.1'", "'0.3 deg'")),
    ("a length", "a.dilate(1 * u.m)", ("must be an angle", "'m'")),
    ("a time", "a.dilate(1 * u.day)", ("must be an angle", "'d'")),
    ("negative", "a.dilate('-1 deg')", ("use Erode",)),
    ("pixels on the sky", "a.dilate(3 * u.pix)", ("metric='pixel'",)),
    ("pixels without a unit", "a.dilate(3, metric='pixel')", ("unit",)),
    ("kernel disc", "a.dilate('1 deg', kernel='disc')", ("did you mean 'disk'?",)),
    ("kernel gauss", "a.dilate('1 deg', kernel='gauss')", ("'disk' or 'box'", "'gauss'")),
    ("metric pixels", "a.dilate('1 deg', metric='pixels')", ("did you mean 'pixel'?",)),
    ("metric in the kernel's place", "a.dilate('1 deg', 'sky')", ("kernel must be", "'sky'")),
    ("a pair for a disk", "a.dilate(('1 deg', '2 deg'))", ("kernel='box'",)),
    ("no radius", "a.dilate()", ("needs radius", "dilate(radius, kernel='disk'")),
    ("width for radius", "a.dilate(width=1 * u.deg)", ("no argument 'width'", "dilate(radius")),
    ("swapped", "mx.Dilate('0.1 deg', a)", ("Dilate takes masks", "'0.1 deg'")),
    ("a region to dilate", "mx.Dilate(region, '1 deg')", ("maskexpr.Region(region)",)),
    ("an angle for an area", "a.fill_holes('3 deg')", ("'0.1 deg2'",)),
    ("a number for an area", "a.remove_small(5)", ("'0.1 deg2'",)),
    # bands
    ("no limits", "mx.Band()", ("lat=(from, to)",)),
    ("limits without a unit", "mx.Band(lat=(-5, 5))", ("lat=(-5, 5)", "('-5 deg', '5 deg')")),
    ("one limit", "mx.Band(lat='5 deg')", ("pair (from, to)",)),
    ("limits exchanged", "mx.Band(lat=('5 deg', '-5 deg'))", ("lower one first",)),
    ("lon and lat exchanged", "mx.Band(('-5 deg', '5 deg'), ('90 deg', '270 deg'))", ("between -90 and 90",)),
    ("frame gal", "mx.Band(lat=LAT, frame='gal')", ("did you mean 'galactic'?",)),
    ("frame Galactic", "mx.Band(lat=LAT, frame='Galactic')", ("did you mean 'galactic'?",)),
    ("frame J2000", "mx.Band(lat=LAT, frame='J2000')", ("did you mean 'fk5'?",)),
    ("frame glon", "mx.Band(lat=LAT, frame='GLON')", ("did you mean 'galactic'?",)),
    ("b for lat", "mx.Band(b=LAT)", ("no argument 'b'", "Band(lon=None, lat=None")),
    # regions
    ("a file's name", "mx.Region('my.reg')", ("Region.read(path)",)),
    ("a path", "mx.Region(Path('my.reg'))", ("Region.read(path)",)),
    ("no frame", "mx.Region('circle(83.6, 22, 0.3)')", ("frame='icrs'",)),
    ("a shape misspelled", "mx.Region('icrs;cirlce(83.6, 22, 0.3)')", ("did you mean 'circle'?",)),
    ("a frame misspelled", "mx.Region('galaktic;circle(83.6, 22, 0.3)')", ("did you mean 'galactic'?",)),
    ("no bracket", "mx.Region('icrs;circle(83.6, 22, 0.3')", ("bracket",)),
    ("lat beyond the pole", "mx.Region('icrs;circle(22, 183.6, 0.3)')", ("183.6", "pole")),
    ("numbers", "mx.Region(83.6, 22, 0.3)", ("Write Region(spec",)),
    ("a position", "mx.Region(crab)", ("Catalog(positions, radius)",)),
    ("a mask", "mx.Region(a)", ("a mask already",)),
    ("a pixel region", "mx.Region(pixel_region)", ("metric='pixel'",)),
    ("no such region file", "mx.Region.read('nothing.reg')", ("nothing.reg",)),
    # catalogues
    ("a catalogue's name", "mx.Catalog('sources.ecsv', '0.3 deg')", ("Catalog.read(path, radius=)",)),
    ("radius without a unit", "mx.Catalog(crab, 0.3)", ("'0.3 deg'",)),
    ("no radius", "mx.Catalog(crab)", ("needs radius", "Catalog(positions, radius")),
    ("a column without a table", "mx.Catalog(crab, 'r95')", ("'r95'", "for tables", "Catalog.read")),
    ("a column misspelled", "mx.Catalog(table, 'Conf_95')", ("did you mean 'Conf_95_SemiMajor'?",)),
    (
        "a column of a file",
        "mx.Catalog.read('sources.ecsv', 'Conf_95')",
        ("did you mean 'Conf_95_SemiMajor'?",),
    ),
    ("arguments exchanged", "mx.Catalog('0.3 deg', crab)", ("positions must be a SkyCoord",)),
    ("a list of numbers", "mx.Catalog([83.6, 22.0], '0.3 deg')", ("SkyCoord(lon, lat, unit='deg'",)),
    ("a list of SkyCoord", "mx.Catalog([crab, crab], '0.3 deg')", ("SkyCoord(list)",)),
    (
        "a condition on a table",
        "mx.Catalog(table, '1 deg', where='Signif_Avg > 10')",
        ("no argument 'where'", "table[table['Signif_Avg'] > 10]"),
    ),
    ("columns for a table", "mx.Catalog(table, '1 deg', lon='x', lat='y')", ("SkyCoord(table['RA']",)),
    ("frame of a file", "mx.Catalog.read('sources.ecsv', '1 deg', frame='J2000')", ("unknown", "'fk5'?")),
    (
        "frame of a file that needs a place",
        "mx.Catalog.read('sources.ecsv', '1 deg', frame='altaz')",
        ("'altaz'", "no obstime, no location"),
    ),
    (
        "positions without a place",
        "mx.Catalog(ALTAZ, '1 deg')",
        ("'altaz'", "no obstime, no location"),
    ),
    ("columns", "mx.Catalog(table['RA'], table['DEC'])", ("whole table",)),
    (
        "a table of something else",
        "mx.Catalog(Table({'x': [1]}), '1 deg')",
        ("columns: x", "SkyCoord(table['RA']"),
    ),
    ("where misspelled", "mx.Catalog.read('sources.ecsv', 'r', where='Signif > 3')", ("'Signif'",)),
    ("lat misspelled", "mx.Catalog.read('sources.ecsv', 'r', lon='RA', lat='DEK')", ("did you mean 'DEC'?",)),
    (
        "frame of a catalogue",
        "mx.Catalog.read('sources.ecsv', 'r', lon='RA', lat='DEC', frame='gal')",
        ("gal",),
    ),
    # maps
    ("op in words", "mx.Threshold('counts.fits', 'gt', 5)", ("did you mean '>'?",)),
    ("op turned round", "mx.Threshold('counts.fits', '=>', 5)", ("did you mean '>='?",)),
    ("op and value exchanged", "mx.Threshold('counts.fits', 5, '>')", ("op must be one of",)),
    ("no value", "mx.Threshold('counts.fits', '>')", ("needs value",)),
    ("text for a number", "mx.Threshold('counts.fits', '>', '5')", ("'5'", "one number")),
    ("NaN", "mx.Threshold('counts.fits', '>', np.nan)", ("nan=",)),
    ("all in one text", "mx.Threshold('counts.fits > 5')", ("needs op, value",)),
    ("an array without a sky", "mx.Threshold(np.zeros((3, 3)), '>', 5)", ("(array, geom)",)),
    ("an array of another shape", "mx.Threshold((np.zeros((3, 3)), geom), '>', 5)", ("shape",)),
    ("nan ignored", "mx.Threshold('counts.fits', '>', 5, nan='ignore')", ("nan must be",)),
    ("a mask as data", "mx.Raster(a)", ("DataArray", "(array, geom)")),
    ("low above high", "mx.Hysteresis('counts.fits', 5, 3)", ("exchange them",)),
    ("an axis without its name", "mx.AxisRange(1 * u.GeV, 10 * u.GeV)", ("name of the axis comes first",)),
    ("energy without a unit", "mx.AxisRange('energy', 1, 10).compute(cube)", ("unit", "'10 GeV'")),
    (
        "an axis that is not there",
        "mx.AxisRange('energy', 1 * u.GeV).compute(geom)",
        ("axis 'energy'", "none"),
    ),
    ("a border without a unit", "mx.Boundary(0.5)", ("'0.3 deg'",)),
    # grids
    ("a frame of a map", "mx.WcsGeom.create(binsz=1, frame='gal')", ("did you mean 'galactic'?",)),
    ("a projection", "mx.WcsGeom.create(binsz=1, proj='TNA')", ("did you mean 'TAN'?",)),
    (
        "a size of pixels in third place",
        "mx.WcsGeom.create(crab, 5, 1)",
        ("WcsGeom.create(skydir=None, width=",),
    ),
    ("gammapy's order", "mx.WcsGeom.create((100, 50), 1.0)", ("WcsGeom.create(skydir=None, width=",)),
    (
        "a folder to run into",
        "mx.Recipe.loads('{maskexpr: 1, mask: AllSky, grid: {allsky: {binsz: 9 deg}}, outputs: [o.fits]}')"
        ".run('x')",
        ("those in skip, a list of paths",),
    ),
    ("a file to dumps", "mx.dumps(a, 'x.json')", ("number of spaces", "write_text(mx.dumps(mask))")),
    ("gammapy's old name", "mx.WcsGeom.create(binsz=1, coordsys='GAL')", ("no argument 'coordsys'",)),
    ("a projection of half the sky", "mx.WcsGeom.allsky(binsz=1, proj='TAN')", ("CAR, AIT, MOL",)),
    ("no pixel size", "mx.WcsGeom.allsky()", ("needs binsz",)),
    ("a WCS alone", "mx.WcsGeom(geom.wcs)", ("needs shape",)),
    ("a file as a grid", "a.on('counts.fits')", ("WcsGeom.read(path)",)),
    ("a shape as a grid", "a.on((180, 360))", ("WcsGeom.allsky(binsz=)",)),
    ("an array as a grid", "a.on(array)", ("numpy ndarray", "(wcs, array.shape)")),
    ("no grid", "a.compute()", ("needs geom",)),
    ("a WCS without a shape", "a.on(wcs)", ("(wcs, (ny, nx))",)),
    ("a DataArray of something else", "a.on(xr.DataArray(np.zeros((3, 3))))", ("sky_wcs", "(array, geom)")),
    ("a RegionGeom", "a.on(RegionGeom())", ("to_wcs_geom()",)),
    ("another object of gammapy", "a.on(Estimator())", ("gammapy Estimator",)),
    ("nside of no grid", "mx.HpxGeom(nside=100)", ("power of two",)),
    ("ring order", "mx.HpxGeom(nside=64, nest=False)", ("no argument 'nest'",)),
    ("edges without a unit", "mx.Axis('energy', [1, 10])", ("unit",)),
    ("interp in full", "mx.Axis('energy', EDGES, interp='logarithmic')", ("did you mean 'log'?",)),
    # questions
    ("two numbers", "a.contains((83.6, 22))", ("SkyCoord(lon, lat, unit='deg'",)),
    ("a grid for positions", "a.contains(geom)", ("geom=",)),
    ("coords sky", "a.on(geom, coords='sky')", ("'pixel' or 'world'",)),
    ("chunks in words", "a.on(geom, chunks='small')", ("'auto'",)),
    ("profile c1", "a.apodize(geom, '1 deg', 'c1')", ("did you mean 'C1'?",)),
    ("a distance without a unit", "a.distance(geom, 5)", ("'0.3 deg'",)),
    # files
    ("a picture", "a.write('mask.png', geom)", (".zarr, .fits",)),
    ("path and grid exchanged", "a.write(geom, 'mask.fits')", ("mask is put on",)),
    ("no grid to write on", "a.write('mask.fits')", ("needs geom",)),
    ("a folder that is not there", "a.write('none/mask.fits', geom)", ("make it first",)),
    ("overwrite in words", "a.write('mask.fits', geom, overwrite='no')", ("True or False",)),
    ("text for a mask", "mx.dumps('mask')", ("takes masks",)),
    ("a file's name for its text", "mx.loads('mask.json')", ("not JSON",)),
    ("a recipe's path", "mx.Recipe('mask.yaml')", ("Recipe.read(path)",)),
    ("a key of a recipe", "mx.Recipe.loads(RADIS)", ("line 2", "did you mean 'radius'?")),
    ("a node of a recipe", "mx.Recipe.loads(DILTE)", ("line 2", "did you mean")),
    (
        "a recipe to verify against",
        "mx.verify('counts.fits', against='mask.yaml')",
        ("against must be a mask",),
    ),
    ("a map as a product", "mx.verify('counts.fits')", ("against=",)),
    ("a region file as a map", "mx.read_mask('my.reg')", ("neither a FITS file",)),
    ("percent", "mx.containment_radius('psf.fits', 68)", ("between 0 and 1",)),
    ("a limit", "mx.set_limits(node=3)", ("'node'", "nodes")),
    # operators and numpy
    ("another operator", "a % b", ("| (either)",)),
    ("a power", "a ** 2", ("| (either)",)),
    ("a product of matrices", "array @ a", ("| (either)",)),
    ("numpy's and", "np.logical_and(array, a)", ("maskexpr.Raster((array, geom))",)),
    ("numpy's or of masks", "np.logical_or(a, b)", ("a | b",)),
    ("numpy's not", "np.logical_not(a)", ("mask.on(geom)",)),
    ("an array's order", "array < a", ("no order",)),
    ("a number of it", "float(a)", ("mask.area()",)),
    ("a Dataset", "xr.Dataset({'z': a.on(geom)}) & a", ("maskexpr.Raster((array, geom))",)),
    ("a Dataset compared", "xr.Dataset({'z': a.on(geom)}) == a", ("mask.on(geom)",)),
    # one of a few
    ("an array as a kernel", "a.dilate('1 deg', kernel=np.ones((3, 3)))", ("'disk' or 'box'", "ndarray")),
    ("a list as a metric", "a.dilate('1 deg', metric=['sky'])", ("'sky' or 'pixel'",)),
    ("an array as an operator", "mx.Threshold('counts.fits', array, 3)", ("op must be one of", "ndarray")),
    ("cover in American", "a.to_moc(3, cover='center')", ("did you mean 'centre'?",)),
    ("method Cash", "mx.significance('counts.fits', 'counts.fits', '20 deg', method='Cash')", ("'cash'",)),
    ("True in words", "a.to_array(geom, masked='yes')", ("masked must be True or False",)),
    (
        "round in words",
        "mx.AxisRange('energy', '1 GeV', round_to_edge='no')",
        ("round_to_edge", "True or False"),
    ),
    # angles, axes
    ("a radius for an axis", "mx.Catalog(crab, '0.3 deg', '0.5 deg')", ("name of an axis", "'0.5 deg'")),
    ("a number for an axis", "mx.Catalog(crab, '0.3 deg', axis=3)", ("name of an axis",)),
    ("a range without its axis", "mx.AxisRange('10 GeV', '100 GeV')", ("name of the axis comes first",)),
    ("a length and an energy", "mx.AxisRange('energy', '10 m', '1 TeV')", ("10 m", "1 TeV", "units")),
    ("pixels and degrees", "a.dilate(['3 px', '1 deg'], metric='pixel')", ("in pixels", "'1 deg'")),
    ("a border below nothing", "mx.Boundary('-1 deg')", ("width must not be negative",)),
    ("three borders", "mx.Boundary(('1 deg', '2 deg', '3 deg'))", ("width", "pair (lon, lat)")),
    ("more than a turn", "mx.Band(lon=('0 deg', '361 deg'))", ("more than a turn", "('0 deg', '360 deg')")),
    # frames
    ("a frame's object", "mx.Band(lat=LAT, frame=Galactic())", ("did you mean 'galactic'?",)),
    ("a frame's class", "mx.Band(lat=LAT, frame=Galactic)", ("did you mean 'galactic'?",)),
    ("a frame of a place", "mx.Band(lat=LAT, frame='altaz')", ("needs a place, a time",)),
    ("a frame's object for a map", "mx.WcsGeom.create(frame=Galactic())", ("did you mean 'galactic'?",)),
    ("a page's frame", "a.serve(frame='gal')", ("did you mean 'galactic'?",)),
    (
        "a catalogue's frame",
        "mx.Catalog.read('sources.ecsv', 'r', lon='RA', lat='DEC', frame='galactc')",
        ("did you mean 'galactic'?",),
    ),
    # regions
    ("a class of regions", "mx.Region(regions.CircleSkyRegion)", ("the class CircleSkyRegion",)),
    ("None for a region", "mx.Region(None)", ("DS9 text", "NoneType")),
    ("bytes", "mx.Region(b'icrs;circle(1,2,3)')", ("DS9 text", "a bytes")),
    ("files in a list", "mx.Region(['my.reg'])", ("Region.read(path)",)),
    # catalogues
    ("columns exchanged", "mx.Catalog(EXCHANGED, '1 deg')", ("183.6", "exchanged?")),
    ("a table of pandas", "mx.Catalog(FRAME, '1 deg')", ("Table.from_pandas(frame)",)),
    ("a dict", "mx.Catalog({'ra': [1.0], 'dec': [2.0]}, '1 deg')", ("Table(columns)",)),
    ("a region as positions", "mx.Catalog(region, '1 deg')", ("maskexpr.Region(region)",)),
    ("a table to read", "mx.Catalog.read(table, 'r')", ("Catalog(table, radius)",)),
    ("units for all", "mx.Catalog.read('sources.ecsv', 'r', units='deg')", ("units", "{'r95': 'arcmin'}")),
    (
        "an array for where",
        "mx.Catalog.read('sources.ecsv', 'r', where=[True])",
        ("Catalog(table[rows], radius)",),
    ),
    (
        "& without brackets",
        "mx.Catalog.read('sources.ecsv', 'r', where='r > 0 & RA > 3')",
        ("(z > 1) & (z < 2)",),
    ),
    (
        "a unit in where",
        "mx.Catalog.read('sources.ecsv', 'r', where=\"r > '1 deg'\")",
        ("unit of their column",),
    ),
    # maps
    ("a path and a grid", "mx.Threshold(('counts.fits', geom), '>', 5)", ("the path alone",)),
    (
        "grid and array exchanged",
        "mx.Threshold((geom, array), '>', 5)",
        ("second of (array, geom)", "ndarray"),
    ),
    ("an HDU", "mx.Threshold(fits.PrimaryHDU(), '>', 5)", ("(hdu.data, hdu.header)",)),
    ("a table as a map", "mx.Threshold(table, '>', 5)", ("maskexpr.Catalog(table, radius)",)),
    ("text for low", "mx.Hysteresis('counts.fits', '3', 5)", ("Hysteresis: low", "'3'")),
    ("no PSF there", "mx.containment_radius('nothing.fits', 0.68)", ("nothing.fits", "no such file")),
    ("no FITS of a PSF", "mx.containment_radius('my.reg', 0.68)", ("the PSF 'my.reg'",)),
    ("68 %", "mx.containment_radius('counts.fits', '68%')", ("between 0 and 1", "'68%'")),
    # grids
    ("a projection in a list", "mx.WcsGeom.create(proj=['TAN'])", ("unknown projection",)),
    ("a cutout without a width", "geom.cutout(crab)", ("cutout needs width",)),
    ("a cutout of numbers", "geom.cutout((83.6, 22), '5 deg')", ("SkyCoord(lon, lat, unit='deg'",)),
    ("numbers on a map?", "geom.contains((83.6, 22))", ("SkyCoord(lon, lat, unit='deg'",)),
    ("numbers on cells?", "mx.HpxGeom(order=1).contains((83.6, 22))", ("SkyCoord(lon, lat, unit='deg'",)),
    ("a grid's method", "geom.to_imag()", ("did you mean 'to_image'?",)),
    ("gammapy's method", "geom.energy_mask(1, 2)", ("maskexpr.AxisRange('energy', lo, hi).on(geom)",)),
    ("a shape of one number", "a.on((wcs, 18))", ("('ny', 'nx')", "18")),
    ("cells of a mask", "mx.HpxGeom(order=3, cells=a)", ("HpxGeom.from_mask(mask, order)",)),
    (
        "bins in words",
        "mx.Axis.from_bounds('energy', '1 GeV', '9 GeV', 'a')",
        ("nbin", "whole number", "'a'"),
    ),
    ("the class of a grid", "a.on(mx.WcsGeom)", ("the class WcsGeom",)),
    ("like an array", "a.on(geom, like=array)", ("like must be a DataArray", "ndarray")),
    ("chunks None", "a.on(geom, chunks=None)", ("chunks must be 'auto'", "None")),
    # plans, recipes, files, limits
    ("a plan's method", "a.plan(geom).to_xaray()", ("did you mean 'to_xarray'?",)),
    ("an accessor's name", "a.on(geom).maskexpr.goem", ("did you mean 'geom'?",)),
    ("an axis's name", "cube.axes[0].edge", ("did you mean 'edges'?",)),
    ("a recipe of None", "mx.Recipe.read(None)", ("recipe must be named by a path", "NoneType")),
    ("a recipe of a dict", "mx.Recipe.loads({'maskexpr': 1})", ("text of a recipe", "a dict")),
    ("a folder of a recipe", "a.to_recipe('none/mask.yaml')", ("make it first",)),
    ("None to write to", "a.write(None, geom)", ("named by a path", "NoneType")),
    ("None to verify", "mx.verify(None)", ("named by a path", "NoneType")),
    ("a mask to tell about", "mx.info(a)", ("named by a path", "a Region")),
    ("a port in words", "a.serve(port='eighty')", ("'eighty'", "port 0")),
    ("a limit without its name", "mx.set_limits(3)", ("set_limits(**limits)",)),
    ("grid of gammapy's radius", "mx.gammapy_radius('0.2 deg', geom)", ("WcsGeom.read(path)",)),
    ("text for a width", "mx.gammapy_radius(geom, 'wide')", ("width must be an angle", "'wide'")),
    (
        "a profile of texts",
        "a.apodize(geom, '20 deg', profile=lambda x: 'a').compute()",
        ("profile", "weight"),
    ),
    # of every kind once more
    ("a radius in a list", "a.dilate([])", ("radius must carry a unit",)),
    ("words for a radius", "a.dilate('one deg')", ("'one deg'", "'0.3 deg'")),
    ("an endless radius", "a.dilate(np.inf * u.deg)", ("radius must be finite",)),
    ("a radius beyond the sphere", "a.dilate('200 deg')", ("at most 180 deg", "'200 deg'")),
    ("kernel misspelled as a name", "a.dilate('1 deg', kernal='disk')", ("did you mean 'kernel'?",)),
    ("another word for radius", "a.dilate(size='1 deg')", ("no argument 'size'", "did you mean 'radius'?")),
    ("scipy's structure", "a.dilate('1 deg', structure='disk')", ("did you mean 'kernel'?",)),
    ("an area of pixels without a unit", "a.fill_holes(True)", ("max_area", "20 * u.pix**2")),
    ("a grid for a mask", "mx.FillHoles(geom)", ("mask must be a mask", "a WcsGeom")),
    ("an array to dilate", "mx.Dilate(a.on(geom), '1 deg')", ("maskexpr.Raster(array)",)),
    ("an array of numpy to dilate", "mx.Dilate(array, '1 deg')", ("maskexpr.Raster((array, geom))",)),
    ("limits in one text", "mx.Band(lat='(-5 deg, 5 deg)')", ("pair (from, to)", "'(-5 deg, 5 deg)'")),
    ("limits as lengths", "mx.Band(lat=[-5, 5] * u.m)", ("must be an angle", "'m'")),
    ("l for lon", "mx.Band(l=('1 deg', '2 deg'))", ("did you mean 'lon'?",)),
    ("a circle without a radius", "mx.Region('icrs;circle(83.6, 22)')", ("a centre and a radius", "2")),
    ("a polygon of two", "mx.Region('icrs;polygon(1,2,3,4)')", ("three or more vertices",)),
    ("a list of masks as regions", "mx.Region([a])", ("a mask already", "|")),
    ("a region at hand to read", "mx.Region.read(region)", ("Region.read: ", "Region(region)")),
    ("tags of a region", "mx.Region.read('my.reg', where='colour')", ("'tag=source'", "'colour'")),
    ("a catalogue's name without a radius", "mx.Catalog('sources.ecsv')", ("Catalog.read(path)",)),
    ("a row", "mx.Catalog(table[0], '1 deg')", ("astropy Row", "table[i : i + 1]")),
    ("ra for lon", "mx.Catalog.read('sources.ecsv', 'r', ra='RA', dec='DEC')", ("did you mean 'lon'?",)),
    ("a policy's name", "mx.Catalog.read('sources.ecsv', 'r', bad='skip')", ("did you mean 'missing'?",)),
    ("= for ==", "mx.Catalog.read('sources.ecsv', 'r', where='r = 3')", ("'r = 3'", "CLASS1 == 'psr'")),
    (
        "Python in where",
        "mx.Catalog.read('sources.ecsv', 'r', where=\"__import__('os')\")",
        ("not understood",),
    ),
    ("operator for op", "mx.Threshold('counts.fits', operator='>', value=5)", ("did you mean 'op'?",)),
    ("a mask as a map", "mx.Threshold(a, '>', 5)", ("a Region", "mask.on(geom)")),
    ("a region as a raster", "mx.Raster(region)", ("maskexpr.Region(region)",)),
    ("three in a tuple", "mx.Threshold((array, geom, 3), '>', 5)", ("a tuple of two",)),
    ("numbers as a mask", "mx.Raster((np.zeros((18, 36)), geom))", ("Threshold(data, '>', 0.5)",)),
    ("bits in a list", "mx.Bits('counts.fits', any=[1])", ("1 << 3", "[1]")),
    ("an axis misspelled", "mx.AxisRange('enrgy', '1 GeV').compute(cube)", ("did you mean 'energy'?",)),
    ("min for lo", "mx.AxisRange('energy', min='1 GeV')", ("did you mean 'lo'?",)),
    ("a MOC's name", "mx.Moc('survey.fits')", ("needs order", "Moc.read(path)")),
    ("a mask as a MOC's file", "mx.Moc.read(a)", ("the MOC must be named by a path",)),
    ("no file for a MOC", "mx.Moc([[0, 4]], 1).write(None)", ("the MOC must be named by a path",)),
    ("mocpy's own", "mx.Moc([[0, 4]], 1).to_mocpy(3)", ("to_mocpy does not take so many",)),
    (
        "a MOC of a border",
        "mx.Boundary('1 deg').to_moc(3)",
        ("mask.write('mask.moc.fits', HpxGeom(order=3))",),
    ),
    ("the area of a border", "mx.Boundary('1 deg').area()", ("mask.area(geom)",)),
    ("our grid for gammapy's", "mx.WcsGeom.from_gammapy(geom)", ("a maskexpr WcsGeom",)),
    ("our grid for gammapy's cells", "mx.HpxGeom.from_gammapy(geom)", ("gammapy HpxGeom", "a maskexpr")),
    ("a grid to read", "mx.WcsGeom.read(geom)", ("WcsGeom.read: ", "a grid at hand")),
    ("center of a map", "mx.WcsGeom.create(center=crab, binsz=1)", ("did you mean 'skydir'?",)),
    ("nothing left", "geom.crop(100)", ("crop(100)", "(18, 36)")),
    ("an axis by its name", "geom.to_cube('energy')", ("'energy'", "axes=[axis]")),
    ("a region as cells", "mx.HpxGeom(order=3, cells=region)", ("HpxGeom.from_mask",)),
    ("a mask as a grid", "a.on(b)", ("a Band", "| & ^ ~ -")),
    ("a table as a grid", "a.on(table)", ("mask.contains(table)",)),
    ("grid for geom", "a.on(grid=geom)", ("did you mean 'geom'?",)),
    ("an axis to compare", "cube.axes[0].matches()", ("matches needs other",)),
    ("a plan's verb", "a.plan(geom).to_xarray(3)", ("to_xarray does not take so many",)),
    ("a file's grid", "mx.geom_of('counts.fits')", ("WcsGeom.read(path)",)),
    ("an HDU in a list", "mx.read_map('counts.fits', hdu=[1])", ("name or the number of an HDU", "[1]")),
    ("an ending cut short", "a.write('mask.fit', geom)", ("did you mean '.fits'?",)),
    ("astropy's old name", "a.write('mask.fits', geom, clobber=True)", ("did you mean 'overwrite'?",)),
    ("text for a dict", "mx.from_dict('x')", ("maskexpr.loads(text)",)),
    ("a recipe without a grid", "mx.Recipe.loads('{maskexpr: 1, mask: AllSky}').grid", ("grid: {allsky:",)),
    ("versions of one", "mx.show_versions('numpy')", ("Write show_versions()",)),
    ("limits of one", "mx.get_limits('nodes')", ("Write get_limits()",)),
    ("moments of a number", "mx.sky_fractions(3)", ("weights are a DataArray", "an int")),
    ("no weights", "mx.sky_fractions()", ("sky_fractions needs weights",)),
    # what was passed over, or told in words that are not ours
    ("a time of day for a radius", "a.dilate(Time('2020-01-01'))", ("radius must carry a unit",)),
    ("a position for a radius", "a.dilate(crab)", ("radius must carry a unit",)),
    ("positions for radii", "mx.Catalog(crab, crab)", ("radius must carry a unit",)),
    ("a DataArray of radii", "a.dilate(xr.DataArray([1.0, 2.0]))", ("radius must carry a unit",)),
    ("an area for a radius", "a.dilate('1deg2')", ("'1deg2'", "'0.3 deg'")),
    ("a number after the angle", "a.dilate('3 deg 4')", ("'3 deg 4'", "'0.3 deg'")),
    ("an axis for one radius", "a.dilate('1 deg', axis='time')", ("axis='time'", "leave it out")),
    ("an axis by its number", "a.dilate('1 deg', axis=3)", ("name of an axis", "an int")),
    ("three for a border", "mx.Boundary('1 deg', 'pixel', 3)", ("name of an axis", "an int")),
    ("columns as arguments", "mx.Catalog(table, 'RA', 'DEC')", ("axis='DEC'", "leave it out")),
    ("another attribute of a mask", "setattr(a, 'metric', 'pixel')", ("immutable", "'metric'")),
    ("an attribute taken away", "delattr(a, 'metric')", ("immutable", "'metric'")),
    ("another shape of a grid", "setattr(geom, 'shape', (3, 3))", ("immutable", "'shape'")),
    ("an axis renamed", "setattr(cube.axes[0], 'name', 'e')", ("immutable", "'name'")),
    (
        "a profile of NaN",
        "a.apodize(geom, '20 deg', profile=lambda x: x * np.nan).compute()",
        ("profile", "finite weight"),
    ),
    ("a recipe to a folder", "a.to_recipe('.')", ("'.'", "cannot be written")),
    ("embed in words", "a.to_recipe('m.yaml', 'yes')", ("embed must be True or False",)),
    ("port True", "a.serve(True)", ("port must be a number", "port 0")),
    (
        "celestial in words",
        "mx.WcsGeom.read('counts.fits', celestial='x')",
        ("celestial must be True or False",),
    ),
    ("a width below nothing", "geom.cutout(crab, '-1 deg')", ("more than 0", "'-1 deg'")),
    ("a window of a number", "geom.window(3)", ("Window(y0, y1, x0, x1)", "an int")),
    ("a number as a text", "mx.HpxGeom.from_text(3)", ("to_text", "an int")),
    ("a name to compare with an axis", "cube.axes[0].matches('energy')", ("another Axis", "'energy'")),
    ("indent below nothing", "mx.dumps(a, -1)", ("indent is a number of spaces", "int")),
    ("a number as a tile", "mx.TileStore('tiles').put('0' * 32, 3)", ("numpy array of bool", "3")),
    ("a store below nothing", "mx.TileStore('tiles', -1)", ("max_bytes", "-1")),
    ("a width of gammapy below nothing", "mx.gammapy_radius(geom, '-1 deg')", ("must not be negative",)),
    ("a limit misspelled", "mx.get_limits().nodse", ("did you mean 'nodes'?",)),
    ("a grid without its name", "mx.Recipe(a, geom)", ("{'grid': geom}", "WcsGeom")),
    ("a number as a grid", "mx.Recipe(a, {'grid': 3})", ("{'grid': geom}", "3")),
    (
        "outputs by their paths",
        "mx.Recipe(a, {'grid': geom}, ['o.fits'])",
        ("mask.write(path, geom)", "o.fits"),
    ),
    (
        "a number as a folder",
        "mx.Recipe.loads('{maskexpr: 1, mask: AllSky}', 3)",
        ("folder of a recipe", "an int"),
    ),
    ("a number to skip", "mx.Recipe.loads(OUTPUTS).run(skip=3)", ("those in skip", "an int")),
    (
        "no output to skip",
        "mx.Recipe.loads(OUTPUTS).run(skip=['p.fits'])",
        ("no output", "did you mean 'o.fits'?"),
    ),
]


class RegionGeom:
    """Stands for gammapy's where gammapy is not installed: it is told by its names."""

    __module__ = "gammapy.maps.region.geom"


class Estimator:
    """Something else of gammapy."""

    __module__ = "gammapy.estimators"


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What users have at hand; the files are in the folder of the test."""
    folder = tmp_path_factory.mktemp("slips")
    geom = mx.WcsGeom.allsky(binsz=10)
    crab = SkyCoord(83.6, 22, unit="deg")
    columns = {"RA": [83.6], "DEC": [22.0], "r": [1.0], "Conf_95_SemiMajor": [0.1]}
    table = Table({name: values * u.deg for name, values in columns.items()})
    table.write(folder / "sources.ecsv")
    fits.PrimaryHDU(np.zeros((18, 36)), geom.to_header()).writeto(folder / "counts.fits")
    (folder / "my.reg").write_text("icrs;circle(1,2,3)")
    edges = [1, 10, 100] * u.GeV
    wcs = WCS(geom.to_header())
    wcs.array_shape = None
    return {
        "FOLDER": folder,
        "a": mx.Region("icrs;circle(1,2,30)"),
        "b": mx.Band(lat=("-5 deg", "5 deg")),
        "geom": geom,
        "wcs": wcs,
        "cube": geom.to_cube([mx.Axis("energy", edges)]),
        "crab": crab,
        "table": table,
        "array": np.zeros((18, 36), dtype=bool),
        "region": regions.CircleSkyRegion(crab, 1 * u.deg),
        "pixel_region": regions.CirclePixelRegion(regions.PixCoord(1, 2), 3),
        "RADIS": "maskexpr: 1\nmask: {Dilate: {mask: AllSky, radis: 1 deg}}",
        "DILTE": "maskexpr: 1\nmask: {dilte: {mask: AllSky, radius: 1 deg}}",
        "OUTPUTS": "{maskexpr: 1, mask: AllSky, grid: {allsky: {binsz: 9 deg}}, outputs: [o.fits]}",
        "LAT": ("-5 deg", "5 deg"),
        "EDGES": edges,
        "ALTAZ": SkyCoord(1, 2, unit="deg", frame="altaz"),
        "EXCHANGED": Table({"RA": [22.0] * u.deg, "DEC": [183.6] * u.deg}),
        "FRAME": pd.DataFrame({"ra": [1.0], "dec": [2.0]}),
        "Galactic": Galactic,
        "fits": fits,
        "regions": regions,
        "mx": mx,
        "np": np,
        "u": u,
        "xr": xr,
        "WCS": WCS,
        "Path": Path,
        "Time": Time,
        "Table": Table,
        "RegionGeom": RegionGeom,
        "Estimator": Estimator,
    }


@pytest.mark.parametrize(("typed", "words"), [slip[1:] for slip in SLIPS], ids=[slip[0] for slip in SLIPS])
def test_slip(
    typed: str, words: tuple[str, ...], names: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(names["FOLDER"])
    with pytest.raises(mx.MaskError) as caught:
        eval(typed, dict(names))
    for word in words:
        assert word in str(caught.value)


def test_there_are_a_hundred() -> None:
    assert len({typed for _, typed, _ in SLIPS}) == len(SLIPS) >= 100


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("a.plot(geom, color='rde')", ("color", "did you mean 'red'?")),
        ("a.plot(geom, background='whitee')", ("background", "did you mean 'white'?")),
        ("a.plot(geom, alpha='half')", ("alpha='half'", "numeric")),
        ("a.plot(geom, colour='red')", ("did you mean 'color'?",)),
        ("a.plot(geom, most='x')", ("whole number of pixels", "'x'")),
        ("a.plot(ax=3)", ("axes of matplotlib", "an int")),
        ("a.plot(geom, most=True)", ("whole number of pixels", "True")),
        ("a.plot(cube, plane='x')", ("plane='x'", "energy 2")),
        ("a.plot(cube, plane=1.5)", ("plane=1.5", "energy 2")),
        ("a.plot(geom, cmap='viridis')", ("cmap='viridis'", "color='red'")),
        ("a.plot(geom, outline=True, colors='red')", ("colors='red'", "color='red'")),
        ("a.plot(geom, zorder='top')", ("zorder='top'",)),
        ("a.plot(geom, outline=True, zorder='top')", ("zorder='top'",)),
        ("a.plot(geom, outline=True, linewidths='thick')", ("linewidths='thick'",)),
        ("a.plot(geom, outline=True, linewidths=[])", ("linewidths=[]",)),
        ("a.plot(geom, outline=True, linestyles='wavy')", ("linestyles='wavy'",)),
    ],
)
def test_slip_of_a_picture(typed: str, words: tuple[str, ...], names: dict[str, Any]) -> None:
    pytest.importorskip("matplotlib")
    try:
        with pytest.raises(mx.MaskError) as caught:
            eval(typed, dict(names))
    finally:
        close_figures()
    for word in words:
        assert word in str(caught.value)


def test_every_call_that_cannot_be_is_told() -> None:
    """Whatever users call: an argument that is not there is named, and the call is shown."""
    text = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    named = re.findall(r"^ +([A-Za-z_][\w.]*)$", text, re.MULTILINE)
    made_by_us = {"Plan", "SkyAccessor", "require", "Mask.fields"}
    found = [name for name in named if not name.endswith("Error") and name not in made_by_us]
    calls = {}
    for name in found:
        first, _, method = name.partition(".")
        thing = SkyAccessor if first == "SkyAccessor" else getattr(mx, first)
        calls[name] = getattr(thing, method) if method else thing
    bare = []
    for name, call in calls.items():
        if not callable(call):
            continue
        try:
            call(nonsense=1)
        except mx.MaskError:
            continue
        except Exception as err:
            bare.append((name, repr(err)))
        else:
            bare.append((name, "silence"))
    assert len(calls) > 120
    assert bare == [], bare


def test_what_can_be_is_called() -> None:
    """Errors inside a call that can be are not told as errors of the call."""
    with pytest.raises(TypeError, match="inside"):
        mx.Band(lat=("-5 deg", "5 deg")).apodize(
            mx.WcsGeom.allsky(binsz=30), "1 deg", profile=_raises
        ).compute()


def _raises(x: Any) -> Any:
    raise TypeError("inside")


@pytest.fixture
def half_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A gammapy that does not import."""
    package = tmp_path / "gammapy"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "maps.py").write_text("from regions import a_name_that_went_away\n")
    for name in [each for each in sys.modules if each.partition(".")[0] == "gammapy"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [each for each in sys.modules if each.partition(".")[0] == "gammapy"]:
        del sys.modules[name]


@pytest.mark.usefixtures("half_installed")
@pytest.mark.parametrize(("version", "said"), [("0.12", True), ("0.11.1", False)])
def test_an_import_that_fails_tells_its_cause(
    version: str, said: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maskexpr.core.errors.version", lambda name: version)
    with pytest.raises(mx.MaskError, match="gammapy is installed but does not import") as caught:
        require("gammapy.maps", extra="gammapy")
    assert "a_name_that_went_away" in str(caught.value)
    assert ("pip install 'regions<0.12'" in str(caught.value)) is said
    assert isinstance(caught.value, ImportError)
