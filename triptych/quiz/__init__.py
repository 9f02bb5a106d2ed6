"""The quiz: questions on what the techniques do and why, with numbers that settle them.

triptych quiz             asks them one by one
triptych quiz --json      all of them as data
triptych quiz --strategy  a plan against overfitting, put together step by step
"""
