"""Attention that finds what is asked for: the solution.

``nn.MultiheadAttention`` takes (tokens, N, width) unless it is told otherwise, and was given (N,
tokens, width). Both shapes fit, so nothing fails: it took the examples of the batch for tokens, and
let each token look at the tokens of the same place in other sequences, never at its own. With
``batch_first=True`` the first axis is the batch.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

KEYS, FEATURES, WIDTH, HEADS = 4, 9, 32, 4


def make_data(rows, seed):
    """Sequences (rows, 5, 9) and their classes (rows,)."""
    rng = np.random.default_rng(seed)
    keys = rng.permuted(np.tile(np.arange(KEYS), (rows, 1)), axis=1)
    values, asked = rng.integers(2, size=(rows, KEYS)), rng.integers(KEYS, size=rows)
    x = np.zeros((rows, KEYS + 1, FEATURES), np.float32)
    x[:, :KEYS, :KEYS] = np.eye(KEYS)[keys]
    x[:, :KEYS, -1] = 2 * values - 1
    x[:, KEYS, KEYS : 2 * KEYS] = np.eye(KEYS)[asked]
    return torch.from_numpy(x), torch.from_numpy(values[keys == asked[:, None]])


class Attention(nn.Module):
    """Each token takes something from all tokens of its sequence: (N, 5, WIDTH) in and out."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, x):
        taken, _ = self.attention(x, x, x)
        return self.norm(x + taken)


class Last(nn.Module):
    """The last token's output, (N, WIDTH)."""

    def forward(self, x):
        return x[:, -1]


def build_model(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(FEATURES, WIDTH), Attention(), Last(), nn.Linear(WIDTH, 2))


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
    model = build_model(seed=0)
    train(model, x, y)
    right = predict(model, unseen).argmax(dim=1) == classes
    print(f"right, of sequences that were not seen: {right.float().mean():.1%}")
    print("probability of class 1 for the first of them:")
    for rows in (1, 2, 10, 500):
        print(f"  with {rows - 1:3} others {predict(model, unseen[:rows])[0, 1]:.4f}")


if __name__ == "__main__":
    main()
