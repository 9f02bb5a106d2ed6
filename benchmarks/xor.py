"""How many steps a second the smallest network makes: what a framework costs that has no work."""

from dataclasses import replace

import torch

from benchmarks import bare_torch
from benchmarks.networks import panel_epoch
from benchmarks.timing import Contestant, Section, Task
from examples.xor import NETWORKS
from triptych.common.datasets import xor as corners

__all__ = ["xor"]


def xor(quick: bool) -> Section:
    steps = 3 if quick else 500
    recipe = replace(NETWORKS["dropout, batch norm, L2"], passes_per_epoch=steps, epochs=2)
    data = corners(recipe.dtype)
    contestants = {
        "PyTorch eager": lambda: on_one_thread(bare_torch.xor_epoch(bare_torch.xor(), data, steps)),
        "NumPy panel": lambda: panel_epoch("scratch", "mlp", recipe, data),
        "PyTorch panel": lambda: on_one_thread(panel_epoch("torch", "mlp", recipe, data)),
        "Keras panel": lambda: panel_epoch("keras", "mlp", recipe, data),
    }
    return Section(
        work="A training step of XOR, in steps a second",
        note="2-16-1, tanh, dropout, batch norm, L2, Adam, batch 4, float64. PyTorch has one "
        "thread here: so small a network loses by sharing work.",
        tasks={
            "step": Task(
                contestants,
                "PyTorch eager",
                units=steps,
                pairs=[("PyTorch panel", "PyTorch eager")],
            )
        },
        per_second=True,
    )


def on_one_thread(contestant: Contestant) -> Contestant:
    def run() -> float | None:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return contestant()
        finally:
            torch.set_num_threads(threads)

    return run
