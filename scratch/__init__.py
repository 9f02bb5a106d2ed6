"""Panel 1: NumPy only. Forward and backward passes written out by hand."""
