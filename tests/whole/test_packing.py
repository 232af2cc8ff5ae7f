"""How a source file is rewritten for the wheel: what is understood, and what is refused."""

from __future__ import annotations

import pytest

from packing.imports import UndecidedError, in_wheel

MODULES = {"app", "app.server", "app.http.decoder", "common", "index", "index.search", "models", "training.train"}


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("from app.server import serve\n", "from vitrine.app.server import serve\n"),
        ("from common import (\n    one,\n    two,\n)\n", "from vitrine.common import (\n    one,\n    two,\n)\n"),
        ("if True:\n\tfrom index  import search\n", "if True:\n\tfrom vitrine.index  import search\n"),
        ("import common\n", "import vitrine.common as common\n"),
        ("import os, models, sys\n", "import os, vitrine.models as models, sys\n"),
        ("import app.server as one\n", "import vitrine.app.server as one\n"),
        ("# \f \u2028\nfrom app import x\n", "# \f \u2028\nfrom vitrine.app import x\n"),
        ("é = 'ü'; from app import x\n", "é = 'ü'; from vitrine.app import x\n"),
        ('g = lazy_exports(n, {"app.server": "a"})\n', 'g = lazy_exports(n, {"vitrine.app.server": "a"})\n'),
        ("RUN = 'torchrun -m training.train, -m pip'\n", "RUN = 'torchrun -m vitrine.training.train, -m pip'\n"),
        ('"""Two.\n\nLines: -m app\n, -m index.x."""\n', '"""Two.\n\nLines: -m vitrine.app\n, -m index.x."""\n'),
        ("f'{x} -m training.train {y}'\n", "f'{x} -m vitrine.training.train {y}'\n"),
    ],
)
def test_what_names_a_module_is_moved_below_the_wheels_package(source: str, made: str) -> None:
    assert in_wheel(source, MODULES, "file.py") == made


@pytest.mark.parametrize(
    "source",
    [
        "from . import server\nfrom .http import decoder\n",
        "import application\nfrom indexes import one\nfrom vitrine.cli import main\nfrom fastapi import common\n",
        "app = index = 1\nlogger = getLogger('vitrine.app')\n",
        "KINDS = {'app': 1, 'index': 2, 'models.list': 3}\n",
        "# -m training.train, from app import x\n",
        '"""See `app.server`; from index import search."""\n',
        "path = 'app/server.py'\n",
    ],
)
def test_what_names_no_module_stays_as_it_is(source: str) -> None:
    assert in_wheel(source, MODULES, "file.py") == source


@pytest.mark.parametrize(
    "source",
    [
        "COMMAND = ('python', '-m', 'training.train')\n",
        "uvicorn.run('app.server:create_app')\n",
        "uvicorn.run('app:create')\n",
        "COMMAND = [python, '-P', '-m', 'app', '--port']\n",
        "import_module('index')\n",
        "importlib.util.find_spec('models')\n",
        "CODE = 'from index import search; search()'\n",
        "CODE = '''\nimport common\n'''\n",
        "import app.server\n",
        "from \\\n  app import server\n",
        "lazy_exports(n, {'''app.server''': 'serve'})\n",
    ],
)
def test_what_cannot_be_decided_stops_the_build_and_says_where(source: str) -> None:
    with pytest.raises(UndecidedError, match=r"file\.py:\d+: "):
        in_wheel(source, MODULES, "file.py")
