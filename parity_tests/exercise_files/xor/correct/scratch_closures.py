"""No class: build_model makes functions that share their variables."""

from types import SimpleNamespace

import numpy as np

RATE, MOMENTUM, EPSILON, STRENGTH = 0.2, 0.9, 1e-5, 0.01


def batch_norm(params, units):
    running = {"mean": np.zeros(units), "variance": np.ones(units)}
    saved = {}

    def forward(z, training):
        if not training:
            z_hat = (z - running["mean"]) / np.sqrt(running["variance"] + EPSILON)
            return params["gamma"] * z_hat + params["beta"]
        batch = {"mean": z.mean(axis=0), "variance": z.var(axis=0)}
        for key in running:
            running[key] += (1 - MOMENTUM) * (batch[key] - running[key])
        saved["s"] = np.sqrt(batch["variance"] + EPSILON)
        saved["z_hat"] = (z - batch["mean"]) / saved["s"]
        return params["gamma"] * saved["z_hat"] + params["beta"]

    def backward(grad, grads):
        z_hat = saved["z_hat"]
        grads["gamma"], grads["beta"] = (grad * z_hat).sum(axis=0), grad.sum(axis=0)
        across = grad - grad.mean(axis=0) - z_hat * (grad * z_hat).mean(axis=0)
        return params["gamma"] * across / saved["s"]

    return forward, backward


def dropout(rng):
    mask = None

    def forward(h, training):
        nonlocal mask
        mask = (rng.random(h.shape) >= RATE) / (1 - RATE) if training else np.ones_like(h)
        return h * mask

    def backward(grad):
        return grad * mask

    return forward, backward


def build_model(seed):
    rng = np.random.default_rng(seed)
    params = {
        "W1": rng.normal(0, 1, (2, 16)),
        "b1": np.zeros(16),
        "gamma": np.ones(16),
        "beta": np.zeros(16),
        "W2": rng.normal(0, 0.25, (16, 1)),
        "b2": np.zeros(1),
    }
    grads = {}
    norm, norm_backward = batch_norm(params, 16)
    drop, drop_backward = dropout(rng)
    x = tanh = hidden = None

    def forward(inputs, training=False):
        nonlocal x, tanh, hidden
        x = np.asarray(inputs, np.float64)
        tanh = np.tanh(norm(x @ params["W1"] + params["b1"], training))
        hidden = drop(tanh, training)
        return hidden @ params["W2"] + params["b2"]

    def backward(grad):
        grads["W2"], grads["b2"] = hidden.T @ grad, grad.sum(axis=0)
        grad = drop_backward(grad @ params["W2"].T) * (1 - tanh**2)
        grad = norm_backward(grad, grads)
        grads["W1"], grads["b1"] = x.T @ grad, grad.sum(axis=0)

    return SimpleNamespace(params=params, grads=grads, forward=forward, backward=backward)


def train(model, x, y, *, epochs=60, batch_size=20, learning_rate=0.1, seed=0):
    rng = np.random.default_rng(seed)

    def step(rows):
        logits, targets = model.forward(x[rows], training=True), y[rows, None]
        model.backward((sigmoid(logits) - targets) / len(rows))
        for name, w in model.params.items():
            decay = STRENGTH * w if w.ndim == 2 else 0
            w -= learning_rate * (model.grads[name] + decay)
        return np.sum(np.logaddexp(0, logits) - targets * logits)

    def epoch():
        order = rng.permutation(len(x))
        starts = range(0, len(x), batch_size)
        return float(sum(step(order[i : i + batch_size]) for i in starts) / len(x))

    return [epoch() for _ in range(epochs)]


def predict(model, x):
    return sigmoid(model.forward(x))[:, 0]


def sigmoid(z):
    return 0.5 + 0.5 * np.tanh(z / 2)
