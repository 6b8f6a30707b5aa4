"""What a mask is: `Mask`, its algebra, structure, text and JSON."""
