"""A parent of processes: how soon it begins one again."""

from __future__ import annotations

import time

import pytest

from nbdeploy_ext.runtime.shared import Numbers
from nbdeploy_ext.runtime.supervisor import Supervisor


@pytest.fixture
def supervisor():
    made = Supervisor([lambda _: None], Numbers({}, 2))
    yield made
    made._woken.close()
    made._waker.close()
    made._selector.close()


def test_a_process_is_begun_again_at_once_and_then_later_and_later(supervisor) -> None:
    (process,) = supervisor._processes
    delays = []
    for _ in range(12):
        process.begun = time.monotonic()
        delays.append(supervisor._delay(process) - process.begun)
    rounded = [round(delay, 1) for delay in delays]
    assert rounded[:4] == [0.0, 0.4, 0.8, 1.6]
    assert rounded[-1] == 10.0
    # One that has served for long is no part of that
    process.begun = time.monotonic() - 600
    assert supervisor._delay(process) - time.monotonic() < 0.1
