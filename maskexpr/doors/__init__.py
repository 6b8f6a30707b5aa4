"""Files and texts of strangers: opened within limits, or refused in words."""
