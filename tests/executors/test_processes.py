import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tocsin.core.clock import SystemClock
from tocsin.executors.base import Call, Cancelled, Rejected, Succeeded, TimedOut
from tocsin.executors.processes import Job, ProcessExecutor

CLOCK = SystemClock()


@pytest.fixture
def executor(ending: Any) -> ProcessExecutor:
    found: ProcessExecutor = ending(ProcessExecutor(2, clock=CLOCK))
    return found


@pytest.fixture
def run(executor: ProcessExecutor, call: Callable[..., Call], reports: Any) -> Callable[[Job], Any]:
    numbers = iter(range(1, 1000))

    def submit(job: Job) -> Any:
        number = next(numbers)
        executor.submit(call(number, lambda _: job), reports)
        return reports.outcome(number)

    return submit


class Unpicklable:
    def __reduce__(self) -> Any:
        raise ValueError("not for other processes")


def test_a_job_runs_in_another_process_that_is_used_again(run: Callable[[Job], Any]) -> None:
    pids = {run(Job("os", "getpid")).result for _ in range(3)}
    assert len(pids) == 1
    assert os.getpid() not in pids


def test_a_call_that_takes_its_process_down_fails_alone(
    executor: ProcessExecutor, call: Callable[..., Call], reports: Any, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    executor.submit(call(1, lambda _: Job("pathlib", "Path.read_text", (gate,))), reports)
    executor.submit(call(2, lambda _: Job("os", "_exit", (3,))), reports)
    executor.submit(call(3, lambda _: Job("ctypes", "string_at", (0,))), reports)
    executor.submit(call(4, lambda _: Job("operator", "mul", (6, 7))), reports)
    assert reports.outcome(2).error == "the process ended with exit code 3"
    assert reports.outcome(3).error == "the process was killed by SIGSEGV"
    assert reports.outcome(4) == Succeeded(42)
    gate.write_text("undisturbed")
    assert reports.outcome(1) == Succeeded("undisturbed")


@pytest.mark.parametrize("verb", ["expire", "cancel"])
def test_a_running_job_is_killed(
    *,
    executor: ProcessExecutor,
    call: Callable[..., Call],
    reports: Any,
    watch: Any,
    tmp_path: Path,
    verb: str,
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    script = f"import os, time; open({str(gate)!r}, 'w').write(str(os.getpid())); time.sleep(1000)"
    executor.submit(call(1, lambda _: Job("builtins", "exec", (script,))), reports)
    pid = int(gate.read_text())
    has_ended = watch(pid)
    assert getattr(executor, verb)((1, 1))
    assert reports.outcome(1) == {"expire": TimedOut(), "cancel": Cancelled()}[verb]
    assert has_ended()


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        (Job("no.such.module", "f"), "no.such.module:f cannot be imported"),
        (Job("os", "no_such"), "os:no_such cannot be imported"),
        (Job("os", "name"), "os:name is not callable"),
        (Job("operator", "add", (1,)), "operator:add does not take these arguments"),
    ],
)
def test_a_job_that_does_not_resolve_or_bind_is_rejected(
    run: Callable[[Job], Any], job: Job, reason: str
) -> None:
    rejected = run(job)
    assert isinstance(rejected, Rejected)
    assert rejected.reason.startswith(reason)


@pytest.mark.parametrize(
    ("job", "kind"),
    [
        (Job("operator", "truediv", (1, 0)), "ZeroDivisionError"),
        (Job("sys", "exit", (1,)), "SystemExit"),
        (Job("operator", "add", (Unpicklable(), 1)), "ValueError"),
        (Job("operator", "add", (threading.Lock(), 1)), "TypeError"),
    ],
)
def test_a_job_that_fails_is_described(run: Callable[[Job], Any], job: Job, kind: str) -> None:
    assert run(job).kind == kind
    assert run(Job("operator", "mul", (6, 7))) == Succeeded(42)


def test_a_result_that_cannot_be_pickled_is_shown(run: Callable[[Job], Any]) -> None:
    assert run(Job("threading", "Lock")).result.startswith("<unlocked _thread.lock")


def test_an_async_function_runs_to_its_end(run: Callable[[Job], Any]) -> None:
    assert run(Job("asyncio", "sleep", (0,), {"result": "slept"})) == Succeeded("slept")


def test_a_process_that_was_killed_while_idle_is_replaced(
    run: Callable[[Job], Any], watch: Any
) -> None:
    pid = run(Job("os", "getpid")).result
    has_ended = watch(pid)
    os.kill(pid, signal.SIGKILL)
    assert has_ended()
    outcomes = [run(Job("operator", "mul", (6, 7))) for _ in range(2)]
    assert outcomes[-1] == Succeeded(42)


def test_no_process_remains_when_the_executor_stops(
    executor: ProcessExecutor, run: Callable[[Job], Any]
) -> None:
    pid = run(Job("os", "getpid")).result
    assert executor.stop(1) == []
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_function_that_returns_no_job_has_failed(
    executor: ProcessExecutor, call: Callable[..., Call], reports: Any
) -> None:
    executor.submit(call(1, lambda _: "ls"), reports)
    assert "returns a Job, not str" in reports.outcome(1).error
