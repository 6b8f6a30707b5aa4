"""From an expression to decided tiles and tasks."""
