"""Sequences: recurrent layers and attention alone, and a training step of a transformer."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.layers import numpy_pass, task
from benchmarks.timing import Section
from scratch.attention import MultiHeadAttention
from scratch.layers import Layer
from scratch.losses import softmax_cross_entropy, softmax_cross_entropy_backward
from scratch.models import transformer
from scratch.optimizers import Adam
from scratch.recurrent import GRU, LSTM, RNN
from torch_impl import attention as torch_attention
from torch_impl import models as torch_models
from torch_impl import recurrent as torch_recurrent
from triptych.common.recipes import Recipe

Make = Callable[[], nn.Module]

__all__ = ["RECIPE", "BareTransformer", "sequences"]

BATCH, STEPS, WIDTH = 64, 64, 128
RECIPE = Recipe(
    input_shape=(STEPS,),
    vocabulary=1000,
    width=WIDTH,
    heads=4,
    blocks=2,
    expansion=4,
    positions="learned",
    hidden=(),
    outputs=2,
    activation="gelu",
    dropout=0.1,
    attention_dropout=0.1,
    batch_size=BATCH,
)
# In NumPy, of PyTorch's own and in the PyTorch panel.
LAYERS: dict[str, tuple[Callable[[], Layer], Make, Make]] = {
    "RNN": (
        lambda: RNN(WIDTH, WIDTH),
        lambda: nn.RNN(WIDTH, WIDTH, batch_first=True),
        lambda: torch_recurrent.RNN(WIDTH, WIDTH),
    ),
    "LSTM": (
        lambda: LSTM(WIDTH, WIDTH),
        lambda: nn.LSTM(WIDTH, WIDTH, batch_first=True),
        lambda: torch_recurrent.LSTM(WIDTH, WIDTH),
    ),
    "GRU": (
        lambda: GRU(WIDTH, WIDTH),
        lambda: nn.GRU(WIDTH, WIDTH, batch_first=True),
        lambda: torch_recurrent.GRU(WIDTH, WIDTH),
    ),
    "attention": (
        lambda: MultiHeadAttention(WIDTH, 4),
        lambda: nn.MultiheadAttention(WIDTH, 4, batch_first=True),
        lambda: torch_attention.MultiHeadAttention(WIDTH, 4),
    ),
}


def sequences(quick: bool) -> Section:
    shape = (4, 8, WIDTH) if quick else (BATCH, STEPS, WIDTH)
    tasks = {}
    for name, (ours, theirs, own) in LAYERS.items():
        makers: dict[str, Callable[[], Callable[[], object]]] = {
            "PyTorch eager": partial(torch_pass, theirs, shape),
            "NumPy panel": partial(_numpy_pass, ours, shape),
            "PyTorch panel": partial(torch_pass, own, shape),
        }
        tasks[name] = task(makers, 1 if quick else 3)
    makers = {
        "PyTorch eager": partial(torch_step, BareTransformer, shape[:2]),
        "NumPy panel": partial(numpy_step, shape[:2]),
        "PyTorch panel": partial(torch_step, partial(torch_models.transformer, RECIPE), shape[:2]),
    }
    tasks["transformer, a step"] = task(makers, 1)
    return Section(
        work="Sequences: a layer forward and backward, and a step of a transformer",
        note="Batch 64, 64 steps, width 128, float32, with all gradients; attention has 4 heads. "
        "The transformer has 2 blocks with 4 heads and 512 units, dropout of 0.1, Adam; PyTorch's "
        "is built of nn.TransformerEncoderLayer.",
        tasks=tasks,
    )


def draw(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape, np.float32)


def _numpy_pass(make: Callable[[], Layer], shape: tuple[int, ...]) -> Callable[[], object]:
    return numpy_pass(make(), draw(shape))


def torch_pass(make: Make, shape: tuple[int, ...]) -> Callable[[], object]:
    module, x = make(), torch.from_numpy(draw(shape)).requires_grad_()
    if isinstance(module, nn.MultiheadAttention):
        module = Alone(module)
    sources, grad = [x, *module.parameters()], torch.ones(shape)

    def one_pass() -> Any:
        y = module(x)
        return torch.autograd.grad(y[0] if isinstance(y, tuple) else y, sources, grad)

    return one_pass


class Alone(nn.Module):
    """Attention of a sequence to itself, without its weights, as in training."""

    def __init__(self, attention: nn.MultiheadAttention) -> None:
        super().__init__()
        self.attention = attention

    def forward(self, x: torch.Tensor) -> Any:
        return self.attention(x, x, x, need_weights=False)


class BareTransformer(nn.Module):
    """The network of RECIPE out of PyTorch's own layers."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(RECIPE.vocabulary, WIDTH, padding_idx=0)
        self.places = nn.Parameter(torch.zeros(STEPS, WIDTH))
        self.dropout = nn.Dropout(RECIPE.dropout)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                *(WIDTH, RECIPE.heads, RECIPE.expansion * WIDTH, RECIPE.dropout),
                activation=F.gelu,
                batch_first=True,
                norm_first=True,
            )
            for _ in range(RECIPE.blocks)
        )
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, RECIPE.outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        padding = x == 0
        y = self.dropout(self.words(x) + self.places[: x.shape[1]])
        for block in self.blocks:
            y = block(y, src_key_padding_mask=padding)
        real = ~padding[:, :, None]
        return self.head((self.norm(y) * real).sum(1) / real.sum(1))


def batch(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Words, of which the last eighth is padding, and labels."""
    rng = np.random.default_rng(0)
    x = rng.integers(1, RECIPE.vocabulary, shape)
    x[:, shape[1] - shape[1] // 8 :] = 0
    return x, rng.integers(RECIPE.outputs, size=shape[0])


def torch_step(make: Make, shape: tuple[int, ...]) -> Callable[[], object]:
    model = make()
    optimizer = torch.optim.Adam(model.parameters())
    x, y = map(torch.from_numpy, batch(shape))

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()

    return step


def numpy_step(shape: tuple[int, ...]) -> Callable[[], object]:
    model = transformer(RECIPE)
    optimizer = Adam()
    parameters = list(model.parameters())
    x, y = batch(shape)

    def step() -> None:
        logits = model.forward(x, training=True)
        softmax_cross_entropy(logits, y)
        model.backward_parameters(softmax_cross_entropy_backward(logits, y))
        params = {name: layer.params[key] for name, layer, key in parameters}
        optimizer.step(params, {name: layer.grads[key] for name, layer, key in parameters})

    return step
