"""How this project is built; what it is made of is in pyproject.toml, how a wheel is laid out in packing/."""

import sys
from pathlib import Path

from setuptools import setup

sys.path.insert(0, str(Path(__file__).parent))  # a build does not look here by itself

from packing.layout import BuildPy, EggInfo, Sdist

setup(cmdclass={"build_py": BuildPy, "egg_info": EggInfo, "sdist": Sdist})
