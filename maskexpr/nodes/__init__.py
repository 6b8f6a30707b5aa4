"""The nodes: one file each, and nothing else."""
