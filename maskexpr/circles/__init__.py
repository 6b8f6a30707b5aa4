"""Very many circles at once, each looked at only where it is. The door is `CircleIndex`."""
