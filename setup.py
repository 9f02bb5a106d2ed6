"""Everything else about the package stands in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ("examples", "exercises", "parity_tests")  # what installed commands run


class BuildWithShippedFolders(build_py):
    """A wheel has these folders inside ``triptych``: at its top they would meet a user's own."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            for name in SHIPPED:
                target = Path(self.build_lib, "triptych", "shipped", name)
                shutil.rmtree(target, ignore_errors=True)
                leave_out = shutil.ignore_patterns("__pycache__", "exercise_files")
                shutil.copytree(name, target, ignore=leave_out)


setup(cmdclass={"build_py": BuildWithShippedFolders})
