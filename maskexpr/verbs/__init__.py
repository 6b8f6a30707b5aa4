"""What a mask can be asked to do: on, compute, contains, write, plot."""
