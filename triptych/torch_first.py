"""To be imported above TensorFlow, and above Keras, where a process uses PyTorch too.

PyTorch imported after TensorFlow can end the process. So can the Triton of a PyTorch for CUDA,
which PyTorch imports only with the first step of an optimizer.
"""

import contextlib

import torch  # noqa: F401

with contextlib.suppress(ImportError):
    import triton  # noqa: F401
