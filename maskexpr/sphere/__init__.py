"""Directions, angles and caps on the sphere: the only trigonometry."""
