"""The map of disagreements: where PyTorch and Keras differ, each with a probe that shows it.

triptych differences                      the map, chapter by chapter
triptych differences batch-norm-momentum  one entry, measured now
"""
