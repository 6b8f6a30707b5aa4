"""Arrays of pixels, nothing of the sky: windows, disks, packed words, runs, labels."""
