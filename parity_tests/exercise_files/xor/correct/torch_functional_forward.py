"""Correct: functional.batch_norm, autograd.grad, and weights assigned."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
XOR = np.array([0, 1, 1, 0], np.float32)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(2, 16)
        self.fc2 = nn.Linear(16, 1)
        self.gamma = nn.Parameter(torch.ones(16))
        self.beta = nn.Parameter(torch.zeros(16))
        self.register_buffer("mean", torch.zeros(16))
        self.register_buffer("variance", torch.ones(16))
        nn.init.normal_(self.fc1.weight)
        nn.init.normal_(self.fc2.weight, std=0.25)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = functional.batch_norm(
            self.fc1(x), self.mean, self.variance, self.gamma, self.beta, self.training, 0.1
        )
        h = h.tanh()
        if self.training:
            h = h * torch.empty_like(h).bernoulli_(0.8).div_(0.8)
        return self.fc2(h)


def build_model(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return Net()


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
    torch.manual_seed(seed)
    model.train()
    inputs, targets = torch.as_tensor(x), torch.as_tensor(y).unsqueeze(1)
    parameters = list(model.parameters())
    losses = []
    for _ in range(epochs):
        total = 0.0
        for rows in torch.randperm(len(inputs)).split(batch_size):
            loss = functional.binary_cross_entropy_with_logits(model(inputs[rows]), targets[rows])
            penalty = (model.fc1.weight.square().sum() + model.fc2.weight.square().sum()) / 2
            grads = torch.autograd.grad(loss + 0.01 * penalty, parameters)
            for parameter, grad in zip(parameters, grads, strict=True):
                parameter.data = parameter.data - learning_rate * grad
            total += loss.item() * len(rows)
        losses.append(total / len(inputs))
    return losses


def predict(model: nn.Module, x: np.ndarray) -> np.ndarray:
    model.eval()
    with torch.no_grad():
        return torch.sigmoid(model(torch.from_numpy(x)))[:, 0].numpy()


def main() -> None:
    model = build_model(seed=0)
    losses = train(model, np.repeat(CORNERS, 50, axis=0), np.repeat(XOR, 50))
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}")
    for (x1, x2), probability in zip(CORNERS, predict(model, CORNERS), strict=True):
        print(f"{x1:.0f} xor {x2:.0f}: {probability:.3f}")


if __name__ == "__main__":
    main()
