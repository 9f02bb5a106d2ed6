"""Hints that exercises share."""

from triptych.exercises.findings import Hint

__all__ = ["FORM"]

# For the findings of ``functions`` on the form of a result.
FORM = (
    Hint(
        r"in place",
        "Are the arrays that the function was given still what they were, after it returns?",
        "Operators like *= and assignments to elements, x[...] = ..., write into the array that "
        "they stand behind, and the caller holds the same array.",
        "Let the result be a new array, y = x * ..., and return that.",
    ),
    Hint(
        r"dtype",
        "Which of the things that take part has another dtype than the argument?",
        "NumPy goes to the wider dtype of two arrays. Python's own floats, and booleans, leave the "
        "dtype of an array as it is.",
        "Use masks as they are, boolean, and numbers as the Python numbers that they are; make no "
        "arrays of them, with np.array, np.ones or np.float64, in another dtype than x.",
    ),
    Hint(
        r"two calls with the same arguments",
        "Where does something that changes from call to call come from?",
        "The function is given all that it needs.",
        "Draw nothing here, and keep nothing outside: no global, no attribute.",
    ),
    Hint(
        r"has not the form|returns something else",
        "What does the function return, of which shape, and in which order?",
        "The docstring says what is returned. An axis that a sum or a mean has taken away can be "
        "kept with keepdims=True.",
        "Print the shape of what you return beside that of what the docstring asks for.",
    ),
)
