"""The configs that come with the code, by their bare names. Reads none of them, and imports nothing that is slow."""

from __future__ import annotations

from pathlib import Path

from common import ConfigError

CONFIGS = Path(__file__).resolve().parent / "configs"
"""The folder of the configs, in a clone as in an installed wheel."""
SUFFIX = ".toml"


def config_names() -> list[str]:
    """Return the bare names of the configs that come with the code, such as own-products."""
    return sorted(path.stem for path in CONFIGS.glob(f"*{SUFFIX}"))


def find_config(given: Path | str) -> Path:
    """Return the file of a config: a path as it is, or the bare name of one that comes with the code.

    A file of that name in the working folder comes first. training/configs/NAME.toml, the path from the root of a
    clone, is answered in every folder.

    Raises:
        ConfigError: there is no such file, and none of ours has that name.
    """
    path = Path(given)
    if path.is_file():
        return path
    name = path.name.removesuffix(SUFFIX)
    if name in config_names() and str(path) in {name, f"{name}{SUFFIX}", str(Path("training", "configs", path.name))}:
        return CONFIGS / f"{name}{SUFFIX}"
    from index import did_you_mean

    names = config_names()
    raise ConfigError(
        f"there is no config {path}{did_you_mean(name, names) or ';'} give the path of a TOML file, or a name that "
        f"comes with Vitrine: {', '.join(names)}"
    )
