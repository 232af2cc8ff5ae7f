"""How a mirror behaves towards the hosts that it asks, and how much it takes from them."""

from __future__ import annotations

from dataclasses import dataclass

from common import ConfigError
from training.data import MAX_IMAGE_BYTES


@dataclass(frozen=True, slots=True)
class MirrorOptions:
    """What an operator chooses; the defaults ask no host for more than a browser does."""

    contact: str = ""
    """Address or mail that the user agent names, so that a host's operator can write."""
    concurrency: int = 16
    """Requests at a time."""
    per_host: int = 4
    """Requests at a time to one host."""
    max_bytes: int = MAX_IMAGE_BYTES
    """Largest picture in bytes, after decompression; counted while it comes."""
    timeout_s: float = 60.0
    """Longest one picture may take in all, in seconds, waiting for its turn aside."""
    tries: int = 4
    """How often a picture is asked for when a passing failure is met."""
    backoff_s: float = 0.5
    """Wait before the second try, in seconds; it doubles with each further one."""
    allow_private: bool = False
    """Whether hosts within the own network may be asked."""
    ignore_robots: bool = False
    """Whether pictures are fetched that robots.txt of their host forbids."""
    proxy: str | None = None
    """Address of an HTTP proxy; the environment names none."""

    def __post_init__(self) -> None:
        if any(ord(letter) < 32 or ord(letter) > 126 for letter in self.contact):
            raise ConfigError(f"--contact is {self.contact!r}; give a mail address or a URL, in ASCII")
