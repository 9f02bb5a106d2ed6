"""Panel 2: PyTorch, through the framework's own ops and idioms."""

import torch

from triptych.common import checks

checks.compiling = torch.compiler.is_compiling
