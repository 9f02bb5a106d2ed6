"""Correct: ReLU, kernels as (in, out) parameters, the penalty added to the gradients."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
XOR = np.array([0, 1, 1, 0], np.float32)


class Net(nn.Module):
    def __init__(self, hidden: int = 16) -> None:
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(2, hidden))
        self.w2 = nn.Parameter(0.25 * torch.randn(hidden, 1))
        self.b2 = nn.Parameter(torch.zeros(1))
        self.bn = nn.BatchNorm1d(hidden)
        self.drop = nn.Dropout(0.2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.drop(torch.relu(self.bn(x @ self.w1)))
        return h @ self.w2 + self.b2


def build_model(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    model = Net()
    for w in (model.w1, model.w2):
        w.register_hook(lambda grad, w=w: grad + 0.01 * w.detach())
    return model


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
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    losses = []
    for _ in range(epochs):
        model.train()
        order, batches = rng.permutation(len(x)), []
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]
            optimizer.zero_grad(set_to_none=True)
            logits = model(torch.tensor(x[rows]))
            loss = functional.binary_cross_entropy_with_logits(logits, torch.tensor(y[rows, None]))
            loss.backward()
            optimizer.step()
            batches.append(loss.item())
        losses.append(float(np.mean(batches)))
    return losses


@torch.no_grad()
def predict(model: nn.Module, x: np.ndarray) -> np.ndarray:
    was_training = model.training
    model.eval()
    probabilities = torch.sigmoid(model(torch.as_tensor(x))).numpy().reshape(-1)
    model.train(was_training)
    return probabilities


def main() -> None:
    model = build_model(seed=0)
    losses = train(model, np.repeat(CORNERS, 50, axis=0), np.repeat(XOR, 50))
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}")
    for (x1, x2), probability in zip(CORNERS, predict(model, CORNERS), strict=True):
        print(f"{x1:.0f} xor {x2:.0f}: {probability:.3f}")


if __name__ == "__main__":
    main()
