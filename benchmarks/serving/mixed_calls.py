"""Calls of the mixed notebook's endpoints, and what each must answer."""

from __future__ import annotations

import http.client
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random


@dataclass(frozen=True)
class Answer:
    """What came back, whole."""

    status: int
    body: bytes


@dataclass(frozen=True)
class Call:
    """One call; `result` is the right one, the lines of a stream as a list."""

    endpoint: str
    arguments: dict[str, Any]
    result: Any = None
    status: int = 200
    is_stream: bool = False

    def fault(self, answer: Answer) -> str:
        """Say what is wrong with an answer, nothing where it is right."""
        if answer.status != self.status:
            return f"status {answer.status}: {answer.body[:200]!r}"
        if self.status != 200:
            said = json.loads(answer.body)
            return "" if said["status"] == self.status else f"problem {said}"
        lines = answer.body.splitlines() if self.is_stream else [answer.body]
        found = [json.loads(line) for line in lines]
        expected = self.result if self.is_stream else [self.result]
        return "" if found == expected else f"answered {answer.body[:200]!r}"


def draw(numbers: random.Random) -> Call:
    """Return some call, the quick ones most often."""
    return numbers.choices(_MAKERS, _WEIGHTS)[0](numbers)


class Caller:
    """One connection; `worker` is the process at its other end, 0 until that is known."""

    def __init__(self, port: int) -> None:
        """Connect with the first call."""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.worker = 0

    def ask(self, call: Call) -> Answer:
        """Send a call and read all of its answer; `OSError` where the connection fails."""
        if not self.worker:
            self._connection.connect()
            self._connection.auto_open = 0
            self.worker = int(self._post("whose", {}).body)
        return self._post(call.endpoint, call.arguments)

    def metric(self, name: str) -> float:
        """Return one of the service's counters, summed over its labels."""
        self._connection.request("GET", "/metrics")
        text = self._connection.getresponse().read().decode()
        return sum(map(float, re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE)))

    def _post(self, endpoint: str, arguments: dict[str, Any]) -> Answer:
        headers = {"content-type": "application/json"}
        try:
            self._connection.request("POST", f"/{endpoint}", json.dumps(arguments), headers)
            answer = self._connection.getresponse()
            return Answer(answer.status, answer.read())
        except http.client.HTTPException as fault:  # cut within an answer, or closed before it
            raise ConnectionError(repr(fault)) from fault


def _predict(numbers: random.Random) -> Call:
    amount, country = numbers.randrange(10**6), numbers.choice(("de", "fr", "Åland 🇦🇽"))
    result = {"score": amount * 0.25, "country": country}
    return Call("predict", {"amount": amount, "country": country}, result)


def _wait(numbers: random.Random) -> Call:
    seconds = round(numbers.uniform(0, 0.03), 4)
    return Call(numbers.choice(("wait", "wait_aside")), {"seconds": seconds}, seconds)


def _count(numbers: random.Random) -> Call:
    n = numbers.randrange(50)
    name = numbers.choice(("count", "count_aside"))
    return Call(name, {"n": n}, list(range(n)), is_stream=True)


def _scale(numbers: random.Random) -> Call:
    values = [float(numbers.randrange(10**6)) for _ in range(numbers.choice((10, 1000, 20_000)))]
    return Call("scale", {"values": values}, [value * 2 for value in values])


def _joined(numbers: random.Random) -> Call:
    rows = [
        [float(numbers.randrange(1000)) for _ in range(3)] for _ in range(numbers.choice((1, 5)))
    ]
    return Call("joined", {"rows": rows}, [sum(row) for row in rows])


def _fail(numbers: random.Random) -> Call:
    return Call("fail", {"number": numbers.randrange(10)}, status=500)


def _refused(numbers: random.Random) -> Call:
    return Call("predict", {"amount": "much", "country": numbers.randrange(10)}, status=422)


_MAKERS = (_predict, _wait, _count, _scale, _joined, _fail, _refused)
_WEIGHTS = (50, 12, 10, 3, 15, 5, 5)
