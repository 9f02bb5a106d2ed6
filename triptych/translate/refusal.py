"""What a translation says where the other framework has no counterpart."""

__all__ = ["NoCounterpart"]


class NoCounterpart(ValueError):
    """The other framework cannot do that; ``entry`` is the name of the disagreement."""

    def __init__(self, entry: str, text: str) -> None:
        super().__init__(f"{text}: see `triptych differences {entry}`")
        self.entry = entry
