"""A first session in a notebook: an editor that knows cells runs them one by one."""

# %%
from pathlib import Path

import astropy.units as u
from astropy.coordinates import SkyCoord

import maskexpr as mx

TABLE = Path(__file__).parent / "data/fermi_4fgl_dr4.ecsv"

# %% Say what is selected. True means selected, so `~` excludes.
sources = mx.Catalog.read(TABLE, radius="0.5 deg", where="Signif_Avg > 25")
plane = mx.Band(lat=("-5 deg", "5 deg"), frame="galactic")
keep = ~(sources | plane)
print(keep)  # at the end of a cell `keep` alone shows it

# %% Ask it, with no grid: is the Crab kept? And the north galactic pole?
places = SkyCoord([184.56, 0.0] * u.deg, [-5.78, 90.0] * u.deg, frame="galactic")
print(keep.contains(places))  # no, and yes

# %% What would it cost on a map of 6.5 million pixels?
sky = mx.WcsGeom.allsky(binsz="0.1 deg", frame="galactic")
plan = keep.plan(sky, chunks=50)
print(plan)

# %% A part of it, as an array of xarray: only what is asked for is computed.
crab = sky.cutout(places[0], "10 deg")
part = keep.on(crab)
print(part.maskexpr.geom, float(part.mean()))

# %% Grow it, clean it, and look.
wider = (sources | plane).dilate("0.3 deg").fill_holes("1 deg2")
ax = (~wider).plot(title="kept")

# %% Keep it: a file that knows its expression, and a text to put under version control.
coarse = mx.WcsGeom.allsky(binsz="0.5 deg", frame="galactic")
path = keep.write("keep.fits", coarse, overwrite=True)
assert (mx.read_mask(path) == keep.on(coarse)).all()
assert mx.loads(mx.info(path).expression) == keep
print(keep.to_recipe())
