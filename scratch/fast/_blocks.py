"""A few images at a time, so that what is made of them stays in the processor's cache."""

from collections.abc import Iterator


def blocks(images: int, elements: int, most: int) -> Iterator[slice]:
    """Slices of a batch of ``images`` that need ``elements`` each: of ``most`` or of one image."""
    few = max(1, most // elements)
    return (slice(start, start + few) for start in range(0, images, few))
