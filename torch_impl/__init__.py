"""Panel 2: PyTorch, through the framework's own ops and idioms."""
