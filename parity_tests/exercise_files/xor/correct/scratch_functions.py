"""Functions forward and backward, a cache between them; batch norm, tanh, dropout."""

import numpy as np

P_DROP = 0.2
MOMENTUM = 0.99
EPS = 1e-3
LAMBDA = 0.01


def batchnorm_forward(x, gamma, beta, state, training):
    if training:
        mu = np.mean(x, axis=0)
        xmu = x - mu
        var = np.mean(xmu**2, axis=0)
        state["mean"] = MOMENTUM * state["mean"] + (1 - MOMENTUM) * mu
        state["var"] = MOMENTUM * state["var"] + (1 - MOMENTUM) * var
    else:
        xmu = x - state["mean"]
        var = state["var"]
    sqrtvar = np.sqrt(var + EPS)
    xhat = xmu / sqrtvar
    return gamma * xhat + beta, (xmu, sqrtvar, xhat, gamma)


def batchnorm_backward(dout, cache):
    xmu, sqrtvar, xhat, gamma = cache
    n = dout.shape[0]
    dgamma = np.sum(dout * xhat, axis=0)
    dbeta = np.sum(dout, axis=0)
    dxhat = dout * gamma
    dvar = np.sum(dxhat * xmu * -0.5 / sqrtvar**3, axis=0)
    dmu = np.sum(-dxhat / sqrtvar, axis=0) + dvar * np.mean(-2 * xmu, axis=0)
    dx = dxhat / sqrtvar + dvar * 2 * xmu / n + dmu / n
    return dx, dgamma, dbeta


def dropout_forward(x, rng, training):
    if training:
        mask = rng.binomial(1, 1 - P_DROP, size=x.shape) / (1 - P_DROP)
        return x * mask, mask
    return x, None


def dropout_backward(dout, mask):
    return dout * mask


class Model:
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.params = {
            "W1": self.rng.standard_normal((2, 16)),
            "b1": np.zeros(16),
            "gamma1": np.ones(16),
            "beta1": np.zeros(16),
            "W2": 0.25 * self.rng.standard_normal((16, 1)),
            "b2": np.zeros(1),
        }
        self.grads = {}
        self.bn_state = {"mean": np.zeros(16), "var": np.ones(16)}

    def forward(self, x, training=False):
        p = self.params
        x = x.astype(np.float64)
        a1 = x @ p["W1"] + p["b1"]
        n1, bn_cache = batchnorm_forward(a1, p["gamma1"], p["beta1"], self.bn_state, training)
        h1 = np.tanh(n1)
        d1, mask = dropout_forward(h1, self.rng, training)
        self.cache = x, bn_cache, h1, d1, mask
        return d1 @ p["W2"] + p["b2"]

    def backward(self, grad):
        x, bn_cache, h1, d1, mask = self.cache
        g = self.grads
        g["W2"] = d1.T @ grad
        g["b2"] = grad.sum(axis=0)
        dd1 = grad @ self.params["W2"].T
        dh1 = dropout_backward(dd1, mask)
        dn1 = dh1 * (1 - h1 * h1)
        da1, g["gamma1"], g["beta1"] = batchnorm_backward(dn1, bn_cache)
        g["W1"] = x.T @ da1
        g["b1"] = da1.sum(axis=0)


def build_model(seed):
    return Model(seed)


def train(model, x, y, *, epochs=60, batch_size=20, learning_rate=0.1, seed=0):
    rng = np.random.default_rng(seed)
    history = []
    for _ in range(epochs):
        order = rng.permutation(len(x))
        loss = 0.0
        for i in range(0, len(x), batch_size):
            batch = order[i : i + batch_size]
            xb, yb = x[batch], y[batch].reshape(-1, 1)
            logits = model.forward(xb, training=True)
            loss += np.sum(np.logaddexp(0, logits) - yb * logits)
            model.backward((sigmoid(logits) - yb) / len(batch))
            for key in model.params:
                grad = model.grads[key]
                if key in ("W1", "W2"):
                    grad = grad + LAMBDA * model.params[key]
                model.params[key] -= learning_rate * grad
        history.append(float(loss) / len(x))
    return history


def predict(model, x):
    return sigmoid(model.forward(x, training=False)).ravel()


def sigmoid(z):
    return 1 / (1 + np.exp(-np.clip(z, -500, 500)))
