"""What a learner's training script does, measured: nothing here looks at its text."""

from collections.abc import Callable, Iterator
from types import ModuleType

from triptych.exercises.findings import WRONG, Finding

from .course import augmentation, early_stopping, schedule
from .networks import Network, make
from .regularizers import batch_norm, clipping, dropout, smoothing, weight_decay
from .reports import curves, misclassified

__all__ = ["check"]

FUNCTIONS = (
    *("build_model", "make_optimizer", "set_learning_rate", "train_step", "predict"),
    *("learning_rate", "augment", "evaluate", "train", "save_curves", "misclassified"),
)


def check(
    module: ModuleType,
    framework: str,
    progress: Callable[[str], None],
    seed: int = 0,
    only: str | None = None,
) -> Iterator[Finding]:
    """``seed`` is that of the learner's models; ``only`` a TODO's key."""
    for name in FUNCTIONS:
        if not callable(getattr(module, name, None)):
            yield Finding("", WRONG, f"the file has no function {name}")
            return
    network = make(framework)

    def build() -> Network:
        return network(module, seed)

    build()  # or the first of the findings would say that it cannot be built
    probes: dict[str, Callable[[], Iterator[Finding]]] = {
        "dropout": lambda: dropout(build),
        "weight decay": lambda: weight_decay(build),
        "schedule": lambda: schedule(module, build),
        "batch norm": lambda: batch_norm(build),
        "clipping": lambda: clipping(build),
        "augmentation": lambda: augmentation(module, build),
        "early stopping": lambda: early_stopping(module, build),
        "smoothing": lambda: smoothing(build),
        "curves": lambda: curves(module),
        "misclassified": lambda: misclassified(module),
    }
    for key, probe in probes.items():
        if only in (None, key):
            progress(f"measuring {key}")
            yield from probe()
