"""Improvements as a list; the stop as the first gap that is long enough; the old arrays reused."""

import numpy as np


def improvements(losses, min_delta):
    found = []
    for epoch, loss in enumerate(losses):
        if not np.isnan(loss) and (not found or loss + min_delta < losses[found[-1]]):
            found.append(epoch)
    return found


def best_epoch(losses, *, min_delta=0.0):
    return max(improvements(losses, min_delta), default=None)


def stopping_epoch(losses, patience, *, min_delta=0.0):
    found = improvements(losses, min_delta)
    for epoch in range(1, len(losses)):
        last = max((each for each in found if each <= epoch), default=-1)
        if epoch - last >= max(patience, 1):
            return np.int64(epoch)


def keep_best(best, weights, improved):
    if improved and best is not None and best.keys() == weights.keys():
        for name, array in weights.items():
            best[name][...] = array
    elif improved:
        best = dict(zip(weights, map(np.copy, weights.values()), strict=True))
    return best
