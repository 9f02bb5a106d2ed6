"""Weights that travel: one dictionary of NumPy arrays for a model, whatever framework holds it.

    save(model, "cnn.safetensors")        a model of any of the three frameworks
    load(model, "cnn.safetensors")        the same network, in any of the three

Names are those of ``scratch``: "conv_1.weight", "batch_norm_1.running_mean", "dropout_1.step". So
the file has what is trained, the running statistics, and the counters that random draws continue
from. It has no optimizer, and nothing that is an argument of a layer: momentum, epsilon, rates and
seeds come from the recipe. What the frameworks keep differently:

    dense                      (in, out)                    PyTorch keeps (out, in)
    convolution                (height, width, in, out)     PyTorch keeps (out, in, height, width);
                               likewise of 1 or 3 axes      Keras's depthwise: (.., in, multiplier)
    dense after a flatten      rows in height, width,       in PyTorch, channels come first there
                               channel order
    attention, LSTM and its    in_weight (C, 3 C),          PyTorch keeps (3 C, C), (gates units,
    like                       weight (in, gates units)     in); gates i, f, g, o and r, z, n
    batch norm                 gamma, beta,                 PyTorch: weight, bias, running_var;
                               running_mean,                Keras: moving_mean, moving_variance
                               running_variance

A bare model, of ``torch.nn`` or ``keras.layers`` alone, has such a dictionary too, under the names
of its own layers. To port it, ``rename`` them; and where PyTorch flattens images to dense layers,
reorder the rows (``Flatten(order="chw")`` in the other model is the other way to do it):

    weights = rename(canonical(bare), {"0": "conv_1", "1": "batch_norm_1", "5": "output"})
    weights["output.weight"] = hwc_from_chw(weights["output.weight"], (7, 7, 64))
    restore(model, canonical(model) | weights)

The last line leaves the model what only it has, its counters of random draws. An array is converted
by the kind of its layer: docs/porting.md lists the kinds. A ``ValueError`` refuses others by name,
but for arrays with one axis or none, which have one layout only. ``num_batches_tracked``, PyTorch's
counter that only ``momentum=None`` reads, stays where it is. Momentum and epsilon are arguments of
layers: set them equal by hand, see ``triptych differences batch-norm-momentum``.
"""

import contextlib
import errno
import hashlib
import json
import os
import stat
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import safetensors.numpy
from safetensors import SafetensorError, safe_open

from triptych.adapters import Adapter, adapter
from triptych.common.names import NUMBERED
from triptych.layouts import chw_from_hwc, from_torch_layout, hwc_from_chw, to_torch_layout

__all__ = [
    "canonical",
    "chw_from_hwc",
    "framework_of",
    "from_torch_layout",
    "hwc_from_chw",
    "load",
    "rename",
    "restore",
    "save",
    "to_torch_layout",
]

Arrays = dict[str, np.ndarray]

VERSION = "2"  # 1 had no checksum
UNNAMED = (
    ". Layers without a name are numbered as they are made: give them names, or call "
    "triptych.reset_names() before each of the two models is made"
)
# The base class of a framework's models, Keras's first: on PyTorch its layers are modules too.
MODELS = {
    "keras": ("keras", "Layer"),
    "torch": ("torch.nn", "Module"),
    "scratch": ("scratch.layers", "Layer"),
}


def save(model: Any, path: str | Path) -> None:
    """Write every array of ``canonical(model)``, and which framework it was, as safetensors.

    The file comes into being whole or not at all; one that was there is replaced, with its mode. A
    symbolic link stays, and the file that it names is written. Raises ``ValueError`` if ``path`` is
    there and no file, and ``OSError``, with the path, if it cannot be written.
    """
    # In C order: safetensors takes the bytes as they lie in memory, whatever the strides.
    arrays = {name: np.asarray(array, order="C") for name, array in canonical(model).items()}
    floating = {array.dtype.name for array in arrays.values() if array.dtype.kind == "f"}
    metadata = {
        "format": "triptych",
        "version": VERSION,
        "framework": framework_of(model),
        "dtype": ", ".join(sorted(floating)),
    }
    metadata["sha256"] = _checksum(arrays, metadata)
    _write(Path(path), safetensors.numpy.save(arrays, metadata))


def load(model: Any, path: str | Path, *, cast: bool = False) -> None:
    """Set the weights of ``model`` to those in the file, as ``restore`` does.

    Raises ``ValueError`` also if the file is not as ``save`` wrote it (a SHA-256 tells), and
    ``OSError`` if it cannot be read; both name the path.
    """
    arrays = _read(Path(path))
    try:
        restore(model, arrays, cast=cast)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def canonical(model: Any) -> Arrays:
    """Every trained array and every piece of state by our names, in our layouts, copied."""
    _, arrays = _inspect(model)
    return arrays


def restore(model: Any, weights: Mapping[str, np.ndarray], *, cast: bool = False) -> None:
    """Set the weights of ``model`` to what ``canonical`` returned for it or for its twin.

    float32 goes into a float64 model exactly; float64 into float32 rounds, so it needs ``cast``.
    Every array must be given; ``canonical(model) | weights`` keeps those that ``weights`` lacks.
    Raises ``ValueError``, with the model as it was, if a name, a shape or a dtype does not fit, and
    if a value cannot be one: NaN, an infinity, also by ``cast``, a negative variance or step.
    """
    adapter, own = _inspect(model)
    given = {name: np.asarray(array) for name, array in weights.items()}
    _check_fit(given, own, cast)
    with np.errstate(over="ignore"):  # what becomes infinite is refused below
        fitting = {name: given[name].astype(array.dtype) for name, array in own.items()}
    _check_values(given, fitting)
    adapter.load(model, fitting)


def rename(weights: Mapping[str, np.ndarray], layers: Mapping[str, str]) -> Arrays:
    """``weights`` with other names for their layers: every layer in it, from its name to the new.

    >>> list(rename({"0.weight": np.ones((2, 1)), "0.bias": np.ones(1)}, {"0": "output"}))
    ['output.weight', 'output.bias']
    """
    found = dict.fromkeys(name.rpartition(".")[0] for name in weights)
    if found.keys() != layers.keys():
        raise ValueError(
            f"layers must rename each of {_listed(found)}, which have weights; "
            f"missing {_listed(found.keys() - layers.keys())}, "
            f"unknown {_listed(layers.keys() - found.keys())}"
        )
    if len(set(layers.values())) < len(layers):
        raise ValueError(f"layers must have new names that differ, got {_listed(layers.values())}")
    renamed = {}
    for name, array in weights.items():
        layer, _, key = name.rpartition(".")
        renamed[f"{layers[layer]}.{key}"] = array
    return renamed


def framework_of(model: Any) -> str:
    """Which framework a layer or model is of."""
    for framework, (module, base) in MODELS.items():
        # Nothing is imported: a model can only exist if its framework is there already.
        if module in sys.modules and isinstance(model, getattr(sys.modules[module], base)):
            return framework
    raise ValueError(
        "model must be a Layer of scratch, a torch.nn.Module or a keras.Layer, "
        f"got {type(model).__name__}"
    )


def _inspect(model: Any) -> tuple[Adapter, Arrays]:
    """The adapter, and every array that travels."""
    framework = framework_of(model)
    if framework == "keras" and not model.built:
        raise ValueError(
            "model has no weights before it is built: begin it with keras.Input, or call it once"
        )
    found = adapter(framework)
    arrays = found.weights(model)
    if framework == "keras" and len(arrays) < len(model.weights):
        raise ValueError(
            f"model has {len(model.weights)} arrays under only {len(arrays)} names, "
            f"{_listed(arrays)}: give its layers names that differ"
        )
    return found, arrays


def _checksum(arrays: Arrays, metadata: Mapping[str, str]) -> str:
    """SHA-256 of the metadata, but for itself, and of each array with its name, dtype and shape."""
    own = sorted((key, value) for key, value in metadata.items() if key != "sha256")
    digest = hashlib.sha256(json.dumps(own).encode())
    for name, array in sorted(arrays.items()):
        digest.update(json.dumps([name, array.dtype.name, array.shape]).encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


ONE_AT_A_TIME = threading.Lock()


def _write(path: Path, content: bytes) -> None:
    """``content`` into the file, by way of a temporary one beside it that takes its place."""
    target = Path(os.path.realpath(path))
    with ONE_AT_A_TIME, _naming(path):
        mode = _mode(target, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.parent / f".triptych-{os.getpid()}.tmp"
        _sweep(target.parent)
        try:
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if mode is not None:
                temporary.chmod(mode)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """An ``OSError`` that has the path, which that of a full disk lacks."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def _mode(target: Path, path: Path) -> int | None:
    """The mode of the file to be replaced, None if there is none."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "a device or a pipe"
        raise ValueError(f"path must be a file or a new name, got {path}, which is {what}")
    if not os.access(target, os.W_OK):  # it could be replaced, but its owner said no
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return stat.S_IMODE(mode)


def _sweep(folder: Path) -> None:
    """Remove what saves that were killed have left."""
    for path in folder.glob(".triptych-*.tmp"):
        process = path.stem.removeprefix(".triptych-")
        # An own one is left over too, of a former process with our number: we write one at a time.
        if process.isdecimal() and (
            int(process) == os.getpid() or not psutil.pid_exists(int(process))
        ):
            path.unlink(missing_ok=True)


def _read(path: Path) -> Arrays:
    if not path.is_file():
        what = "does not exist"
        if path.exists():
            what = "is a folder" if path.is_dir() else "is a device or a pipe"
        raise FileNotFoundError(f"path must be a file that save wrote, got {path}, which {what}")
    path.open("rb").close()  # safe_open says of a file that it may not read that there is none
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise OSError(f"{path} cannot be read: {error}") from None
    # get_tensor lets NumPy's own errors through, of dtypes and shapes that it has not.
    except (SafetensorError, AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            f"path must be a safetensors file, got {path}, which is none or is damaged ({error})"
        ) from None
    if metadata.get("format") != "triptych":
        raise ValueError(
            f"path must be a file that save wrote, got {path}, which does not say how its "
            "arrays are named and laid out; read it with safetensors, and see restore"
        )
    if metadata.get("version") != VERSION:
        raise ValueError(
            f"{path} has format version {metadata.get('version')}, this Triptych reads "
            f"version {VERSION}: upgrade Triptych, save the model again, or read the file with "
            "safetensors.numpy.load_file and give that to restore"
        )
    if metadata.get("sha256") != _checksum(arrays, metadata):
        raise ValueError(
            f"{path} is damaged: its content is not what save wrote, the SHA-256 differs; "
            "copy it again, or save the model again"
        )
    return arrays


def _check_fit(given: Arrays, own: Arrays, cast: bool) -> None:
    missing, unknown = own.keys() - given.keys(), given.keys() - own.keys()
    if missing or unknown:
        numbered = any(NUMBERED in name for name in missing | unknown)
        raise ValueError(
            f"the weights are not those of this model: missing {_listed(missing)}, "
            f"unknown to the model {_listed(unknown)}; build it from the recipe that it was "
            f"trained with, or rename the layers{UNNAMED if numbered else ''}"
        )
    shapes = [
        f"{name} has shape {given[name].shape}, the model needs {array.shape}"
        for name, array in sorted(own.items())
        if given[name].shape != array.shape
    ]
    if shapes:
        more = f"; {len(shapes) - 1} more differ" if len(shapes) > 1 else ""
        raise ValueError(f"{shapes[0]}{more}: build it from the recipe that it was trained with")
    for name, array in sorted(own.items()):
        found, needed = given[name].dtype, array.dtype
        if found.kind == needed.kind and np.can_cast(found, needed):
            continue
        wrong = f"{name} is {found.name}, the model needs {needed.name}"
        if not (found.kind == needed.kind == "f"):
            raise ValueError(wrong)
        if not cast:
            raise ValueError(f"{wrong}: cast=True rounds it, or build the model in {found.name}")


def _check_values(given: Arrays, fitting: Arrays) -> None:
    """``fitting`` is ``given`` in the dtypes of the model."""
    for name, array in sorted(fitting.items()):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            first = given[name][~np.isfinite(array)][0]
            if np.isfinite(first):
                raise ValueError(
                    f"{name} has {first}, which is too large for {array.dtype.name}: "
                    f"build the model in {given[name].dtype.name}"
                )
            raise ValueError(
                f"{name} must be finite, got {first}: the training has diverged, or the weights "
                "are damaged"
            )
        key = name.rpartition(".")[2]
        if key == "running_variance" and (array < 0).any():
            raise ValueError(f"{name} must be >= 0, got {array.min()}")
        # A count has room to go on: it ends far from where int64 does.
        if key == "step" and array.dtype.kind == "i" and ((array < 0) | (array >= 2**62)).any():
            raise ValueError(f"{name} must be in [0, 2**62), got {array}")


def _listed(names: Iterable[str], limit: int = 4) -> str:
    """The first few in order, and how many more there are."""
    ordered = sorted(names)
    shown = ", ".join(map(repr, ordered[:limit])) or "none"
    return shown if len(ordered) <= limit else f"{shown} and {len(ordered) - limit} more"
