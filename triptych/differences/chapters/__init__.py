"""The entries of the map, a file for each chapter."""

import triptych.torch_first  # noqa: F401 - a chapter imports Keras
