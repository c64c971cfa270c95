"""What asks the program to stop waits for the end of a step, once."""

from __future__ import annotations

import signal
import threading

import pytest

from iqf_core.experiments.running.interruption import undivided


@pytest.fixture(autouse=True)
def _handlers():
    """Give every test Python's own handler of SIGINT, and SIGTERM back afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_step_is_finished_before_the_program_stops() -> None:
    steps = []
    with pytest.raises(KeyboardInterrupt), undivided():
        signal.raise_signal(signal.SIGINT)
        steps.append("done")
    assert steps == ["done"]


def test_the_next_step_does_not_begin() -> None:
    steps = []
    with pytest.raises(KeyboardInterrupt):
        for step in range(3):
            with undivided():
                signal.raise_signal(signal.SIGINT)
                steps.append(step)
    assert steps == [0]


def test_a_second_request_is_not_held_back() -> None:
    steps = []
    with pytest.raises(KeyboardInterrupt), undivided():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        steps.append("not reached")
    assert steps == []


def test_other_ways_to_ask_are_held_back_too() -> None:
    asked = []
    signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))
    with undivided():
        signal.raise_signal(signal.SIGTERM)
        assert asked == []
    assert asked == [signal.SIGTERM]


def test_handlers_are_as_before_also_after_an_error() -> None:
    with pytest.raises(ValueError, match="broken"), undivided():
        raise ValueError("broken")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_ignored_signal_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with undivided():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_other_threads_run_as_ever() -> None:
    steps = []

    def work() -> None:
        with undivided():
            steps.append("done")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert steps == ["done"]
