"""Write the bundled table of 4FGL-DR4 sources from the catalogue's FITS file.

Usage: ``python scripts/make_demo_table.py [gll_psc_v35.fit.gz]``, from the root of the checkout. The
catalogue is at https://fermi.gsfc.nasa.gov/ssc/data/access/lat/14yr_catalog/. Only facts are taken: name,
position, extension and significance, each rounded to the digits that the catalogue itself displays.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table

CATALOGUE = Path("../shared/data/catalogs/gll_psc_v35.fit.gz")
TABLE = Path("examples/data/fermi_4fgl_dr4.ecsv")
META = {
    "title": "Sources of the fourth Fermi-LAT catalogue, data release 4 (4FGL-DR4)",
    "source": "gll_psc_v35.fit, Fermi-LAT collaboration",
    "references": [
        "Ballet et al. 2023, arXiv:2307.12546",
        "Abdollahi et al. 2022, ApJS 260, 53",
    ],
    "frame": "fk5, J2000",
    "made_by": "scripts/make_demo_table.py",
}


def demo_table(path: Path) -> Table:
    """The facts of the catalogue at `path`, a row per source, in its order and with its columns' names.

    ``Model_SemiMajor`` is joined from the table of extended sources by name; it is 0 for a point-like source.
    """
    with fits.open(path) as hdus:
        sources = hdus["LAT_Point_Source_Catalog"].data
        extended = hdus["ExtendedSources"].data
        semi_major = dict(zip(extended["Source_Name"], extended["Model_SemiMajor"], strict=True))
        names = sources["Extended_Source_Name"]
        unknown = {name for name in names if name} - set(semi_major)
        if unknown:
            raise LookupError(f"not among the extended sources: {sorted(unknown)}")
        table = Table(meta=META)
        table["Source_Name"] = np.char.strip(sources["Source_Name"].astype(str))
        for column, digits in (("RAJ2000", 4), ("DEJ2000", 4)):
            table[column] = np.round(sources[column].astype(float), digits)
        table["Model_SemiMajor"] = np.round([float(semi_major.get(name, 0)) for name in names], 3)
        table["Signif_Avg"] = np.round(sources["Signif_Avg"].astype(float), 3)
    table["RAJ2000"].unit = table["DEJ2000"].unit = table["Model_SemiMajor"].unit = "deg"
    table["Model_SemiMajor"].description = "semi-major axis of the spatial model, 0 where point-like"
    table["Signif_Avg"].description = "significance over the full band, in sigma"
    return table


if __name__ == "__main__":
    table = demo_table(Path(sys.argv[1]) if len(sys.argv) > 1 else CATALOGUE)
    TABLE.parent.mkdir(exist_ok=True)
    # Plain text: astropy tells the format by the name, and a change shows as a difference of lines.
    table.write(TABLE, format="ascii.ecsv", delimiter=",", overwrite=True)
    print(f"{TABLE}: {len(table)} sources, {TABLE.stat().st_size / 1000:.0f} kB")
