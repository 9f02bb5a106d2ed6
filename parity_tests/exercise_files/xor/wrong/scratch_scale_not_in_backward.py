"""Backward multiplies by the mask and forgets the scale, 1 / 0.8."""

BASE = "parity_tests/exercise_files/xor/correct/scratch_layer_classes.py"
TODO = "dropout"
FAULT = "the scale of its forward pass"


class Dropout(Dropout):
    def backward(self, grad):
        return grad * self.mask
