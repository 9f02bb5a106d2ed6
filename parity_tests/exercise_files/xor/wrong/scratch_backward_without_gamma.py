"""Backward forgets to multiply by gamma on the way to x."""

BASE = "parity_tests/exercise_files/xor/correct/scratch_layer_classes.py"
TODO = "batch norm"
FAULT = "backward pass is wrong: the gradient of"


class BatchNorm(BatchNorm):
    def backward(self, grad):
        self.dgamma = (grad * self.x_hat).sum(axis=0)
        self.dbeta = grad.sum(axis=0)
        centred = grad - grad.mean(axis=0) - self.x_hat * (grad * self.x_hat).mean(axis=0)
        return centred * self.inv_std
