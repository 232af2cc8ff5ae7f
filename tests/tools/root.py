"""A tool: where the repository is, for tests and tools that read its files."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
