"""Programs to run and to read from top to bottom."""
