"""The functions of ``scratch``, sooner: each has its twin there, of the same name and signature.

They give what the twin gives, but for rounding, and check nothing: the layers that call them have
checked. Read the twin; come here for how NumPy is made fast.
"""
