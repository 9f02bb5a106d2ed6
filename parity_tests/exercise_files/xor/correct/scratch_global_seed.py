"""NumPy's global generator, seeded in build_model and in train."""

import numpy as np

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
XOR = np.array([0, 1, 1, 0], np.float32)

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


def dropout_forward(x, training):
    if training:
        mask = (np.random.rand(*x.shape) < 1 - P_DROP) / (1 - P_DROP)  # noqa: NPY002
        return x * mask, mask
    return x, None


def dropout_backward(dout, mask):
    return dout * mask


class Model:
    def __init__(self, seed):
        np.random.seed(seed)  # noqa: NPY002
        self.params = {
            "W1": np.random.randn(2, 16),  # noqa: NPY002
            "b1": np.zeros(16),
            "gamma1": np.ones(16),
            "beta1": np.zeros(16),
            "W2": 0.25 * np.random.randn(16, 1),  # noqa: NPY002
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
        d1, mask = dropout_forward(h1, training)
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
    np.random.seed(seed)  # noqa: NPY002
    history = []
    for _ in range(epochs):
        order = np.random.permutation(len(x))  # noqa: NPY002
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
