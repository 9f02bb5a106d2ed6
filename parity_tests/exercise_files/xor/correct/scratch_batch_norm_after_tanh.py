"""Tanh, batch norm, dropout."""

import numpy as np

BASE = "parity_tests/exercise_files/xor/correct/scratch_layer_classes.py"


class Model(Model):
    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.fc1 = Dense(rng.normal(0, 1, (2, 16)), np.zeros(16))
        self.bn = BatchNorm(16)
        self.fc2 = Dense(rng.normal(0, 0.25, (16, 1)), np.zeros(1))
        self.layers = [self.fc1, Tanh(), self.bn, Dropout(0.2, rng), self.fc2]
        self.params = {
            "W1": self.fc1.W,
            "b1": self.fc1.b,
            "gamma": self.bn.gamma,
            "beta": self.bn.beta,
            "W2": self.fc2.W,
            "b2": self.fc2.b,
        }
        self.grads = {}
