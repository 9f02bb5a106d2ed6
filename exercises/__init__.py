"""What a person completes, and the checks for it: ``triptych exercise``."""
