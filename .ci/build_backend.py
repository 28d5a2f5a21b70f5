"""The build backend: setuptools, with the list of the sdist's files beside this module rather than at the top level,
and with the kernels of a wheel compiled when it is built (phylometa/pipeline/kernel_cache.py), so that the first run
need not.

`PHYLOMETA_COMPILE=0` in the environment builds without; so does a build that cannot import Numba.
"""

import os
import subprocess
import sys
from pathlib import Path

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403
from setuptools.command.build_py import build_py
from setuptools.command.egg_info import manifest_maker

manifest_maker.template = ".ci/MANIFEST.in"
KERNELS_NEED = ["numba>=0.58", "numpy>=1.24", "scipy>=1.11"]
COMPILES = os.environ.get("PHYLOMETA_COMPILE", "1") != "0"


def get_requires_for_build_wheel(config_settings=None):
    return build_meta.get_requires_for_build_wheel(config_settings) + KERNELS_NEED * COMPILES


def get_requires_for_build_editable(config_settings=None):
    return build_meta.get_requires_for_build_editable(config_settings) + KERNELS_NEED * COMPILES


class BuildWithKernels(build_py):
    def run(self):
        super().run()
        if COMPILES:
            compile_kernels(Path.cwd() if self.editable_mode else Path(self.build_lib).resolve())


def compile_kernels(root):
    """Leave compiled kernels in `root`/phylometa; the package works without them, so a failure is said and no more."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *sys.path]), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("NUMBA_CACHE_DIR", None)
    done = subprocess.run([sys.executable, "-m", "phylometa.pipeline.kernel_cache"], cwd=root, env=environment)
    if done.returncode:
        print("kernels were not compiled: they will be on first use", file=sys.stderr)


# The class itself is replaced: setuptools looks commands up by module and name.
sys.modules[build_py.__module__].build_py = BuildWithKernels
