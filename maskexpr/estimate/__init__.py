"""Maps that masks are made from: significance, radii of point spread functions."""
