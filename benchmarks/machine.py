"""What the numbers were measured on, read from the machine itself."""

import os
import platform
import sys
from pathlib import Path

from triptych.extras import keras_backend

__all__ = ["machine"]

PACKAGES = {
    "numpy": "NumPy",
    "torch": "PyTorch",
    "keras": "Keras",
    "tensorflow": "TensorFlow",
    "sklearn": "scikit-learn",
    "cv2": "OpenCV",
    "scipy": "SciPy",
}


def machine() -> dict:
    """The processor, its cores, the threads that the libraries use, and their versions.

    Only libraries that are loaded appear, so ask after the work is done.
    """
    return {
        "processor": _processor(),
        "cores": _cores(),
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": {
            name: sys.modules[module].__version__
            for module, name in PACKAGES.items()
            if module in sys.modules
        },
        "keras_backend": keras_backend(),
        "threads": _threads(),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text("utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _cores() -> int:
    """Those that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _threads() -> dict[str, int]:
    from threadpoolctl import threadpool_info

    blas = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    threads = {"BLAS of NumPy": max((pool["num_threads"] for pool in blas), default=1)}
    if "torch" in sys.modules:
        threads["PyTorch"] = sys.modules["torch"].get_num_threads()
    if "tensorflow" in sys.modules:
        threading = sys.modules["tensorflow"].config.threading
        # 0 leaves it to TensorFlow, which takes a thread for each core.
        threads["TensorFlow"] = threading.get_intra_op_parallelism_threads() or _cores()
    if "cv2" in sys.modules:
        threads["OpenCV"] = sys.modules["cv2"].getNumThreads()
    return threads
