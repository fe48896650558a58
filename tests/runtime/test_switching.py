"""How soon other threads ask for the interpreter's lock."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import pytest

from nbdeploy_ext.runtime.switching import EAGER, PATIENT, eagerly, patiently

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before)


def asked_after() -> object:
    return pytest.approx(sys.getswitchinterval())


def test_others_ask_soon_while_the_notebooks_code_runs_and_not_while_ours_does() -> None:
    with eagerly():
        assert asked_after() == EAGER
        with patiently():
            assert asked_after() == PATIENT
            with eagerly():  # a figure is drawn while the answer is written
                assert asked_after() == EAGER
            assert asked_after() == PATIENT
        assert asked_after() == EAGER
    assert asked_after() == PATIENT


def test_a_thread_that_is_patient_slows_down_nobody_beside_it() -> None:
    inside, done = threading.Event(), threading.Event()

    def run() -> None:
        with eagerly():
            inside.set()
            done.wait()

    other = threading.Thread(target=run)
    other.start()
    inside.wait()
    with eagerly(), patiently():
        assert asked_after() == EAGER
    done.set()
    other.join()
    assert asked_after() == PATIENT
