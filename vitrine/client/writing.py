"""Many products in calls of bounded size: what is sent, what each call came to, and all of them together."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from vitrine.client.call import Call, data_uri, json_of
from vitrine.client.errors import BusyError, ServiceError, TooLargeError, UnreachableError

if TYPE_CHECKING:
    from vitrine.client.answers import BulkAnswer

Plan: TypeAlias = Generator[Call[Any], Any, None]
"""Calls, of which each is made, and its answer sent back, before the next one is known."""
LINES = 100
"""Products of one call, of which the answer names every fault."""
CALL_BYTES = 8_000_000
"""Bytes of one call, about."""
PATIENCE_S = 600.0
"""Longest that one call may take at least: the service encodes its pictures before it answers."""
MAX_LOST = 3
"""Lines in a row for which the service was too busy: one may be too large for it, so many mean that it is busy."""
MAX_FAULTS = 1000
"""Lines that failed, in the answer."""
COUNTS = ("created", "replaced", "unchanged", "deleted", "failed")


def line_of(product: Mapping[str, Any]) -> bytes:
    """Return a product as a line of a bulk call, its pictures as data URIs.

    Raises:
        OSError: a picture cannot be read.
    """
    made = dict(product)
    if "image" in made:
        made["image"] = data_uri(made["image"])
    if made.get("images") is not None:
        made["images"] = [data_uri(one) for one in made["images"]]
    return json.dumps(made, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


class Writer:
    """Gathers products into calls.

    Args:
        dry_run: whether it is only said what would be done.
    """

    def __init__(self, *, dry_run: bool = False) -> None:
        self.answer: BulkAnswer = {
            "created": 0,
            "replaced": 0,
            "unchanged": 0,
            "deleted": 0,
            "failed": 0,
            "errors": [],
            "dry_run": dry_run,
            "missing": 0,
            "missing_examples": [],
            "catalogue_version": 0,
        }
        self.sent = 0
        """Bytes of the bodies that the service took."""
        self._lines: list[tuple[str, bytes]] = []
        self._size = 0
        self._first = 1
        self._lost = 0

    def add(self, product: Mapping[str, Any]) -> Plan | None:
        """Take one product; return what is to be sent before the next one, if anything is.

        Raises:
            OSError: a picture cannot be read.
        """
        line = line_of(product)
        due = None
        if self._lines and (len(self._lines) == LINES or self._size + len(line) > CALL_BYTES):
            due = self.finish()
        self._lines.append((str(product.get("id")), line))
        self._size += len(line)
        return due

    def finish(self) -> Plan:
        """Return what is to be sent of the products that were taken last."""
        lines, first = self._lines, self._first
        self._lines, self._size, self._first = [], 0, first + len(lines)
        return self._write(lines, first)

    def _write(self, lines: Sequence[tuple[str, bytes]], first: int) -> Plan:
        """Send some lines; in halves when they are too large, break the connection or keep the service too long.

        Raises:
            ServiceError: the service does not let us, does not answer, or stays busy.
        """
        if not lines:
            return
        content = b"".join(line for _, line in lines)
        try:
            told: BulkAnswer = yield self._call(content)
        except (TooLargeError, BusyError, UnreachableError) as error:
            if error.code == "unreachable":
                raise  # there is no service
            if len(lines) > 1:
                # One of them is too large, or breaks the connection: the others need not suffer.
                half = len(lines) // 2
                yield from self._write(lines[:half], first)
                yield from self._write(lines[half:], first + half)
                return
            self._lost += 1
            if isinstance(error, BusyError) and self._lost >= MAX_LOST:
                raise
            self._fail(lines[0][0], first, error)
            return
        self._lost = 0
        self.sent += len(content)
        for name in COUNTS:
            self.answer[name] += told[name]  # type: ignore[literal-required]
        self.answer["catalogue_version"] = told["catalogue_version"]
        faults = [
            {**one, "line": one["line"] + first - 1, "id": one["id"] or lines[one["line"] - 1][0]}
            for one in told["errors"]
        ]
        self.answer["errors"] += faults[: MAX_FAULTS - len(self.answer["errors"])]  # type: ignore[arg-type]

    def _call(self, content: bytes) -> Call[Any]:
        params = {"dry_run": "true"} if self.answer["dry_run"] else {}
        headers = {"content-type": "application/x-ndjson"}
        return Call("POST", "/v1/products", json_of, params, headers, content, patience_s=PATIENCE_S)

    def _fail(self, product_id: str, line: int, error: ServiceError) -> None:
        self.answer["failed"] += 1
        if len(self.answer["errors"]) < MAX_FAULTS:
            fault = {"line": line, "id": product_id, "code": error.code, "message": str(error)}
            self.answer["errors"].append(fault)  # type: ignore[arg-type]


def plans(writer: Writer, products: Iterable[Mapping[str, Any]]) -> Iterable[Plan]:
    """Yield what is to be sent of some products, one call after another."""
    for product in products:
        if (due := writer.add(product)) is not None:
            yield due
    yield writer.finish()


class Steps:
    """A plan under way: `call` is to be made next, None once all are.

    Args:
        plan: what is carried out.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.call: Call[Any] | None = None
        self.answered(None)

    def answered(self, answer: Any) -> None:
        """Go on with what the call came to."""
        self.call = next(self._plan, None) if self.call is None else self._step(self._plan.send, answer)

    def failed(self, error: ServiceError) -> None:
        """Go on after a call that failed.

        Raises:
            ServiceError: the plan ends with it.
        """
        self.call = self._step(self._plan.throw, error)

    @staticmethod
    def _step(step: Callable[[Any], Call[Any]], what: Any) -> Call[Any] | None:
        try:
            return step(what)
        except StopIteration:
            return None


def carry_out(plan: Plan, send: Callable[[Call[Any]], Any]) -> None:
    """Make the calls of a plan.

    Raises:
        ServiceError: the plan ends with it.
    """
    steps = Steps(plan)
    while steps.call is not None:
        try:
            answer = send(steps.call)
        except ServiceError as error:
            steps.failed(error)
        else:
            steps.answered(answer)
