"""A small class that both functions use, and a dictionary filled in a loop."""

import math


class Watch:
    def __init__(self, min_delta):
        self.min_delta = min_delta
        self.best = None
        self.epoch = None
        self.wait = 0

    def update(self, epoch, loss):
        if math.isnan(loss):
            improved = False
        elif self.best is None:
            improved = True
        else:
            improved = self.best - loss > self.min_delta
        if improved:
            self.best = loss
            self.epoch = epoch
            self.wait = 0
        else:
            self.wait += 1


def best_epoch(losses, *, min_delta=0.0):
    watch = Watch(min_delta)
    for epoch in range(len(losses)):
        watch.update(epoch, losses[epoch])
    return watch.epoch


def stopping_epoch(losses, patience, *, min_delta=0.0):
    watch = Watch(min_delta)
    for epoch in range(len(losses)):
        watch.update(epoch, losses[epoch])
        if watch.wait == 0 or epoch == 0:
            continue
        if watch.wait >= patience:
            return epoch
    return None


def keep_best(best, weights, improved):
    if not improved:
        return best
    kept = {}
    for name in weights:
        kept[name] = weights[name] + 0
    return kept
