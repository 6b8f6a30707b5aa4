"""A random hunt for wrong masks, with an oracle of its own: astropy's WCS on every pixel centre, unit
vectors, KD-trees and scipy's components.

``python -m tests.hunt --minutes 5`` hunts; ``python -m tests.hunt --case 17`` replays one case.
"""
