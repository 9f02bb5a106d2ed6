"""The rate is taken for the probability to keep."""

BASE = "parity_tests/exercise_files/xor/correct/scratch_layer_classes.py"
TODO = "dropout"
FAULT = "the probability to drop and the probability to keep are swapped"


class Dropout(Dropout):
    def forward(self, x, training):
        if not training:
            return x
        self.mask = self.rng.random(x.shape) < self.rate
        return x * self.mask / (1 - self.rate)
