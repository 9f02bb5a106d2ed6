"""Boxes drawn by area and aspect ratio: what needs no array."""

__all__ = ["TRIES", "central_crop"]

TRIES = 10


def central_crop(height: int, width: int, ratio: tuple[float, float]) -> tuple[int, int, int, int]:
    """(top, left, height, width) of the largest crop in the middle whose width / height is allowed.

    >>> central_crop(10, 40, (0.75, 1.25))
    (0, 14, 10, 12)
    """
    low, high = ratio
    rows, columns = height, width
    if width / height < low:
        rows = round(width / low)
    elif width / height > high:
        columns = round(height * high)
    return (height - rows) // 2, (width - columns) // 2, rows, columns
