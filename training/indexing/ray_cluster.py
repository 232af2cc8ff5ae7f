"""A Ray cluster: joining and leaving it, and what it has to compute with. Knows nothing of what is computed."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from common import ConfigError, VitrineError, first_line

SETTLE_S = 30.0
"""Longest that a stopped run may take to release its processes, in seconds."""
REACH_S = 5.0
"""Longest that a cluster may take to answer at its address, in seconds."""


@dataclass(frozen=True, slots=True)
class Workers:
    """How the devices of a cluster are shared out: so many processes, each with its cores and GPUs."""

    kind: Literal["cpu", "cuda"]
    gpus: int
    cpus: int
    count: int


@contextmanager
def joined_cluster(address: str) -> Iterator[None]:
    """Join the cluster at `address` while the block runs; one that this process has joined already is used as it is.

    Args:
        address: "local" for the cores of this machine, "auto" for the cluster that it belongs to, or HOST:PORT of that.

    Raises:
        ConfigError: Ray is not installed, or there is no such cluster.
        VitrineError: the cluster fails while the block runs.
    """
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # errors arrive as exceptions anyway
    try:
        import ray
        import ray.data
    except ImportError:
        raise ConfigError("Ray is not installed; get it with `pip install 'vitrine[ray]'` on every node") from None
    if ray.is_initialized():
        yield
        return
    if address.startswith("ray://"):
        raise ConfigError(
            f"{address} is for Ray's client, which Ray Data does not run under; start it on a node of the cluster "
            "(`ray start --address HOST:PORT` makes this machine one) with `--ray auto`"
        )
    if address not in ("local", "auto"):
        _check_reachable(address)
    try:
        quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
        ray.init(address=address, **({"include_dashboard": False} if address == "local" else {}), **quiet)
    except Exception as error:  # ConnectionError, RuntimeError (other versions), AssertionError, ...
        said = first_line(error).split(". ")[0]
        raise ConfigError(
            f"there is no Ray cluster to join at {address!r} ({said}); give local, or HOST:PORT of a cluster that this "
            "machine is a node of (`ray start --address HOST:PORT`), and the nodes' RAY_AUTH_MODE and token, if any"
        ) from error
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    try:
        yield
    except ray.exceptions.RayError as error:
        raise VitrineError(
            f"the cluster at {address} failed ({first_line(error)}); start it again: what was encoded is kept"
        ) from error
    finally:
        # An interrupted run continues in threads of Ray Data until its generator is closed. If one of them then meets a
        # cluster that was left, it ends the whole process. Ray has no public way to stop the executor, or to wait for
        # those that fetch what it gives.
        threads = threading.enumerate()
        for thread in threads:
            if thread.name.startswith("StreamingExecutor-") and hasattr(thread, "shutdown"):
                thread.shutdown(force=True)
                thread.join(SETTLE_S)
        for thread in threads:
            if thread.name == "iter_threaded":
                thread.join(SETTLE_S)
        ray.shutdown()


def plan_workers(device: str) -> Workers:
    """Return how the joined cluster is shared out for `device`: "cpu", "cuda", or "auto" (GPUs, else cores).

    Raises:
        ConfigError: the cluster has no such device.
    """
    import ray

    there = ray.cluster_resources()
    cores, cards = int(there.get("CPU", 0)), int(there.get("GPU", 0))
    if device not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"--ray shares out whole devices, and the device is {device!r}; give auto, cpu or cuda")
    if device == "cuda" and not cards:
        raise ConfigError(f"the cluster has {cores} cores and no GPU; give --device auto or cpu")
    if not cores:
        raise ConfigError("the cluster has no cores to compute with; add a node with `ray start --address HOST:PORT`")
    if device == "cpu" or not cards:
        return Workers("cpu", gpus=0, cpus=1, count=cores)
    return Workers("cuda", gpus=1, cpus=max(1, cores // cards), count=cards)


def _check_reachable(address: str) -> None:
    """Refuse a HOST:PORT at which nothing answers: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ConfigError(f"--ray is {address!r}; give local, auto, or HOST:PORT such as 192.0.2.1:6379")
    try:
        socket.create_connection((host, int(port)), REACH_S).close()
    except (OSError, OverflowError) as error:
        raise ConfigError(f"no Ray cluster answers at {address} ({error}); look at it with `ray status`") from error
