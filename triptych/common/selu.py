"""The two numbers of SELU, as Klambauer et al. (NeurIPS 2017) solve for them.

With them what comes in with mean 0 and variance 1 leaves with mean 0 and variance 1.
"""

__all__ = ["ALPHA", "SCALE"]

ALPHA = 1.6732632423543772848170429916717
SCALE = 1.0507009873554804934193349852946
