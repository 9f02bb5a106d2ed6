"""The parity suite: one file per technique, with the panels' file names."""
