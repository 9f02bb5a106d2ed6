"""Attention in nn.Sequential: the solution.

``nn.Sequential`` gives each layer one thing, what the layer before it returned.
``nn.MultiheadAttention`` takes three, query, key and value, and returns two, its output and the
attention weights. So it needs a module around it, with one tensor in and one out: in self-attention
all three are x, and what goes on is the first of the two. (``batch_first=True`` was there already,
and has to stay: without it the sequences of the batch would be taken for the tokens.)
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

SYMBOLS, TOKENS, WIDTH, HEADS = 8, 6, 32, 4


def make_data(rows, seed):
    """Sequences (rows, 6, 9) and their classes (rows,)."""
    rng = np.random.default_rng(seed)
    again, first = rng.integers(2, size=rows), rng.integers(SYMBOLS, size=(rows, 1))
    others = (first + rng.integers(1, SYMBOLS, size=(rows, TOKENS - 1))) % SYMBOLS
    where = again[:, None] * rng.permuted(np.tile(np.arange(TOKENS - 1) == 0, (rows, 1)), axis=1)
    x = np.zeros((rows, TOKENS, SYMBOLS + 1), np.float32)
    x[:, :, :SYMBOLS] = np.eye(SYMBOLS)[np.hstack([first, np.where(where, first, others)])]
    x[:, 0, -1] = 1
    return torch.from_numpy(x), torch.from_numpy(again)


class SelfAttention(nn.Module):
    """Each token takes something from all tokens of its sequence: (N, 6, WIDTH) in and out."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)

    def forward(self, x):
        taken, _ = self.attention(x, x, x)
        return taken


class First(nn.Module):
    """The first token's output, (N, WIDTH)."""

    def forward(self, x):
        return x[:, 0]


def build_model(seed):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(SYMBOLS + 1, WIDTH),
        SelfAttention(),
        nn.LayerNorm(WIDTH),
        First(),
        nn.Linear(WIDTH, 2),
    )


def predict(model, x):
    """The probabilities of the classes, (N, 2)."""
    with torch.no_grad():
        return model(x).softmax(dim=1)


def train(model, x, y, epochs=20, batch_size=50, seed=0):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        for rows in torch.from_numpy(rng.permutation(len(x))).split(batch_size):
            loss = functional.cross_entropy(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def main():
    x, y = make_data(2000, seed=0)
    unseen, classes = make_data(500, seed=1)
    share = classes.float().mean().item()
    print(f"right with a guess: {max(share, 1 - share):.1%}")
    model = build_model(seed=0)
    train(model, x, y)
    right = predict(model, unseen).argmax(dim=1) == classes
    print(f"right, of sequences that were not seen: {right.float().mean():.1%}")


if __name__ == "__main__":
    main()
