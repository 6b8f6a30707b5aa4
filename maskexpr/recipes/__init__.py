"""Recipes: masks, the grids that they are put on and the files that become of them, as YAML of a screen."""
