"""Leaves that read data. The door is `FromData`."""
