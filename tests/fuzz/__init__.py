"""Fuzz: inputs that nobody meant, read as a user would read them; what comes is a mask or one MaskError."""
