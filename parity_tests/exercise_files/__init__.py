"""Files of learners: what the checks of the exercises must find right, and what wrong, and how.

A table for each exercise and framework tells them as changes to a correct file; whole files, under
``correct``, are what they begin with.
"""
