"""Connected components across tiles: labels, holes, small objects. The door is `Connected`."""
