"""The XOR practical challenge, in PyTorch: a solution.

    python xor_torch.py

The hidden layer is linear, batch normalization, tanh, dropout.

TODO 1, dropout: ``nn.Dropout(0.2)``, which divides by 0.8 itself.
    The trap: it drops only while the model is in training mode. So train() calls ``model.train()``
    and predict() calls ``model.eval()``; without the second, predictions are random.

TODO 2, batch normalization: ``nn.BatchNorm1d(16)``, whose weight is gamma and whose bias is beta.
    The trap: the same two calls choose between batch and running statistics; without
    ``model.eval()`` a prediction depends on the other rows and moves the running statistics. And
    its ``momentum=0.1`` is the weight of the *new* batch, so 0.9 of the old value is kept.

TODO 3, L2: SGD with ``weight_decay=0.01`` adds 0.01 * w to the gradient.
    The trap: given to all of ``model.parameters()`` it would also decay biases, gamma and beta. So
    there are two groups, told apart by their dimensions, since gamma is called "weight" too.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
XOR = np.array([0, 1, 1, 0], np.float32)


def build_model(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    hidden, output = nn.Linear(2, 16), nn.Linear(16, 1)
    for layer, deviation in ((hidden, 1.0), (output, 0.25)):
        nn.init.normal_(layer.weight, std=deviation)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(hidden, nn.BatchNorm1d(16), nn.Tanh(), nn.Dropout(0.2), output)


def train(
    model: nn.Module,
    x: np.ndarray,
    y: np.ndarray,
    *,
    epochs: int = 60,
    batch_size: int = 20,
    learning_rate: float = 0.1,
    seed: int = 0,
) -> list[float]:
    matrices = [p for p in model.parameters() if p.ndim == 2]
    vectors = [p for p in model.parameters() if p.ndim == 1]  # biases, gamma and beta
    groups = [
        {"params": matrices, "weight_decay": 0.01},
        {"params": vectors, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.SGD(groups, lr=learning_rate)
    inputs, targets = torch.from_numpy(x), torch.from_numpy(y)
    generator = torch.Generator().manual_seed(seed)
    losses = []
    model.train()
    for _ in range(epochs):
        total = 0.0
        for rows in torch.randperm(len(inputs), generator=generator).split(batch_size):
            logits = model(inputs[rows])[:, 0]
            loss = functional.binary_cross_entropy_with_logits(logits, targets[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        losses.append(total / len(inputs))
    return losses


def predict(model: nn.Module, x: np.ndarray) -> np.ndarray:
    model.eval()
    with torch.no_grad():
        return torch.sigmoid(model(torch.from_numpy(x)))[:, 0].numpy()


def main() -> None:
    x, y = np.repeat(CORNERS, 50, axis=0), np.repeat(XOR, 50)
    model = build_model(seed=0)
    losses = train(model, x, y)
    print(f"Trained on {len(x)} rows for {len(losses)} epochs:", end=" ")
    print(f"the mean loss fell from {losses[0]:.3f} to {losses[-1]:.3f}.\n")

    probabilities = predict(model, CORNERS)
    right = (probabilities > 0.5) == (XOR == 1)
    print("x1  x2   XOR   P(XOR = 1)")
    for (x1, x2), target, probability, ok in zip(CORNERS, XOR, probabilities, right, strict=True):
        print(f"{x1:2.0f}  {x2:2.0f}   {target:3.0f}   {probability:10.3f}", end="   ")
        print("right" if ok else "wrong")
    print(f"\n{right.sum()} of 4 corners are right.")


if __name__ == "__main__":
    main()
