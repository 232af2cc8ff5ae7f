"""Several worker processes that share one socket: started, watched and started again when they die.

Knows no application: a worker makes its own by the path that it is given.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
from contextlib import suppress

import uvicorn
from prometheus_client.multiprocess import mark_process_dead
from uvicorn.supervisors import Multiprocess

from app.telemetry import SHARED

logger = logging.getLogger("vitrine.app")


ACCEPTED_AT_ONCE = 8
"""Connections that are accepted in one round of the event loop."""


def listen(config: uvicorn.Config) -> list[socket.socket]:
    """Return the socket that the workers share, several times: uvloop accepts one connection of each in a round.

    With a single one, new connections would be accepted no faster than requests are answered, and a caller who connects
    again for each of hundreds of requests would keep all others waiting behind them.

    asyncio switches Nagle's algorithm off for connections whose socket names TCP as its protocol. uvicorn's does not:
    the body of every answer would wait some 40 ms for the caller to confirm the headers. Connections inherit what is
    set here.
    """
    listening = config.bind_socket()
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return [listening, *(listening.dup() for _ in range(ACCEPTED_AT_ONCE - 1))]


class Supervisor(Multiprocess):
    """Starts workers again that die, and passes SIGHUP on: uvicorn's own would restart all of them.

    SIGHUP is blocked here and therefore, from their first moment on, in the workers: it waits until their application
    listens to it, instead of ending them.
    """

    def run(self) -> None:
        """Run the workers until SIGTERM or SIGINT."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
        try:
            super().run()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})

    def init_processes(self) -> None:
        """Start the workers."""
        super().init_processes()
        self._close_pipe_ends()

    def handle_signals(self) -> None:
        """Do what the signals say that came since the last call."""
        if signal.sigtimedwait({signal.SIGHUP}, 0):
            self.handle_hup()
        super().handle_signals()

    def handle_hup(self) -> None:
        """Pass SIGHUP on to every worker."""
        logger.info("SIGHUP: every worker reloads its artefacts")
        for process in self.processes:
            if process.pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGHUP)

    def keep_subprocess_alive(self) -> None:
        """Start workers again that died, and forget what they said of themselves."""
        before = {process.pid for process in self.processes}
        super().keep_subprocess_alive()
        self._close_pipe_ends()
        for pid in before - {process.pid for process in self.processes}:
            mark_process_dead(pid, os.environ[SHARED])  # type: ignore[no-untyped-call]

    def _close_pipe_ends(self) -> None:
        """Close our copy of the workers' ends of their pipes, so that the death of one is seen at once."""
        for process in self.processes:
            process.child_conn.close()
