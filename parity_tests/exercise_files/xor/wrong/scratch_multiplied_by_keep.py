"""The values that are kept are multiplied by 0.8, where they are to be divided."""

BASE = "parity_tests/exercise_files/xor/correct/scratch_layer_classes.py"
TODO = "dropout"
FAULT = "multiplied by 1 - rate, where it must be divided"


class Dropout(Dropout):
    def forward(self, x, training):
        if not training:
            return x
        self.mask = self.rng.random(x.shape) >= self.rate
        return x * self.mask * (1 - self.rate)

    def backward(self, grad):
        return grad * self.mask * (1 - self.rate)
