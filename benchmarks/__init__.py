"""The same work timed side by side; what counts are the ratios."""
