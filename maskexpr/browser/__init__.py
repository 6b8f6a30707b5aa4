"""A page on loopback that pans and zooms a mask, its tiles computed when they are looked at."""
