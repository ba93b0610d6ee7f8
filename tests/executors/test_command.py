import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tocsin.core.clock import SystemClock
from tocsin.core.errors import InvalidEntry
from tocsin.executors.base import Call, Cancelled, Failed, Succeeded, TimedOut
from tocsin.executors.command import Command, CommandExecutor

CLOCK = SystemClock()


class Watched(CommandExecutor):
    """Says when a program runs and can be killed."""

    def __init__(self) -> None:
        super().__init__(4, clock=CLOCK, kill_after=0.2)
        self.armed = threading.Event()

    def _arm(self, *args: Any, **kwargs: Any) -> None:
        super()._arm(*args, **kwargs)
        self.armed.set()


@pytest.fixture
def executor(ending: Any) -> Watched:
    found: Watched = ending(Watched())
    return found


@pytest.fixture
def run(executor: Watched, call: Callable[..., Call], reports: Any) -> Callable[[Command], Any]:
    numbers = iter(range(1, 1000))

    def submit(command: Command) -> Any:
        number = next(numbers)
        executor.submit(call(number, lambda _: command), reports)
        return reports.outcome(number)

    return submit


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A pipe by which a script says that it runs: reading it waits for the script."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


def shell(script: str, *args: object) -> Command:
    return Command(("sh", "-c", script, "sh", *map(str, args)))


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def is_dead(pid: int) -> bool:
    """Gone or a zombie of somebody else (a container's init may reap slowly)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_stdout_and_stderr_are_kept_in_order(run: Callable[[Command], Any]) -> None:
    outcome = run(shell("echo one; echo two >&2; echo three"))
    assert outcome == Succeeded({"exit_code": 0, "output": "one\ntwo\nthree\n"})


def test_only_the_end_of_a_long_output_is_kept(run: Callable[[Command], Any]) -> None:
    outcome = run(shell("seq 1 200000; echo the end"))
    output = outcome.result["output"]
    assert output.endswith("200000\nthe end\n")
    assert 4000 < len(output.encode()) <= 4096


def test_output_that_is_no_text_is_kept_readable(run: Callable[[Command], Any]) -> None:
    outcome = run(shell(r"printf 'a\000b\377c'"))
    assert outcome.result["output"] == "a\\x00b\ufffdc"


def test_an_exit_code_is_a_failure_that_says_what_the_program_said_last(
    run: Callable[[Command], Any],
) -> None:
    failed = run(shell("echo working; echo disk full >&2; exit 3"))
    assert failed == Failed(
        error="sh ended with exit code 3: disk full",
        kind="CommandFailed",
        retryable=True,
        traceback="working\ndisk full\n",
    )


def test_a_signal_is_a_failure_that_names_it(run: Callable[[Command], Any]) -> None:
    assert run(shell("kill -SEGV $$")).error == "sh was killed by SIGSEGV"


def test_arguments_never_show_in_an_error(run: Callable[[Command], Any]) -> None:
    failed = run(Command(("false", "--token=secret")))
    assert "secret" not in repr(failed)


@pytest.mark.parametrize(
    ("argv", "kind"),
    [
        (("/nowhere/program",), "FileNotFoundError"),
        (("/etc/passwd",), "PermissionError"),
        (("echo", "a\0b"), "ValueError"),
    ],
)
def test_a_program_that_cannot_start_is_a_failure(
    run: Callable[[Command], Any], argv: tuple[str, ...], kind: str
) -> None:
    descriptors = open_descriptors()
    assert run(Command(argv)).kind == kind
    assert open_descriptors() == descriptors


def test_a_command_needs_a_program() -> None:
    with pytest.raises(InvalidEntry, match="name of a program"):
        Command(())


def test_a_function_that_returns_no_command_has_failed(
    executor: Watched, call: Callable[..., Call], reports: Any
) -> None:
    executor.submit(call(1, lambda _: "ls"), reports)
    assert "returns a Command, not str" in reports.outcome(1).error


def test_directory_and_environment_are_the_commands_own(
    run: Callable[[Command], Any], tmp_path: Path
) -> None:
    command = Command(("/bin/sh", "-c", "pwd; echo $MOOD"), str(tmp_path), {"MOOD": "calm"})
    assert run(command).result["output"] == f"{tmp_path}\ncalm\n"


def test_standard_input_is_empty(run: Callable[[Command], Any]) -> None:
    assert run(Command(("cat",))) == Succeeded({"exit_code": 0, "output": ""})


def test_no_shell_sees_the_arguments(run: Callable[[Command], Any]) -> None:
    assert run(Command(("echo", "$HOME;", "ls"))).result["output"] == "$HOME; ls\n"


def test_a_daemon_that_inherits_the_output_does_not_hold_the_call(
    run: Callable[[Command], Any], gate: Path
) -> None:
    outcome = run(shell('(read line < "$1") & echo parent; exit 0', gate))
    assert outcome == Succeeded({"exit_code": 0, "output": "parent\n"})
    gate.write_text("")  # the daemon was still waiting for this


def test_a_daemon_that_writes_without_end_does_not_hold_the_call(
    run: Callable[[Command], Any],
) -> None:
    assert run(shell("yes & sleep 0.01; exit 0")).result["exit_code"] == 0


def test_a_program_that_closes_its_output_is_still_waited_for(
    run: Callable[[Command], Any], tmp_path: Path
) -> None:
    run(shell('exec >&- 2>&-; sleep 0.05; touch "$1"', tmp_path / "done"))
    assert (tmp_path / "done").exists()


def test_an_expired_program_dies_with_its_children_however_stubborn(
    executor: Watched, call: Callable[..., Call], reports: Any, watch: Any, gate: Path
) -> None:
    script = 'trap "" TERM; sleep 1000 & echo $$ $! > "$1"; while :; do sleep 1000; done'
    executor.submit(call(1, lambda _: shell(script, gate)), reports)
    ends = [watch(int(pid)) for pid in gate.read_text().split()]
    assert len(ends) == 2
    assert executor.armed.wait(20)
    assert executor.expire((1, 1))
    assert reports.outcome(1) == TimedOut()
    assert all(has_ended() for has_ended in ends)
    assert executor.abandoned == 0


def test_a_program_may_clean_up_when_it_is_asked_to_terminate(
    executor: Watched, call: Callable[..., Call], reports: Any, gate: Path, tmp_path: Path
) -> None:
    script = 'trap "touch $2; exit 0" TERM; echo ready > "$1"; while :; do sleep 0.01; done'
    executor.submit(call(1, lambda _: shell(script, gate, tmp_path / "clean")), reports)
    gate.read_text()
    assert executor.armed.wait(20)
    assert executor.cancel((1, 1))
    assert reports.outcome(1) == Cancelled()
    assert (tmp_path / "clean").exists()


@pytest.mark.parametrize("verb", ["expire", "cancel"])
def test_a_program_that_is_being_killed_is_not_overdue(
    executor: Watched, reports: Any, gate: Path, verb: str
) -> None:
    script = 'trap "" TERM; echo ready > "$1"; while :; do sleep 1000; done'
    command = Call(1, 1, lambda _: shell(script, gate), timeout=1, label="short")
    executor.submit(command, reports)
    gate.read_text()
    assert executor.armed.wait(20)
    assert executor.overdue() == [(1, 1)]
    assert getattr(executor, verb)((1, 1))
    assert executor.overdue() == []
    assert executor.next_deadline() is None
    reports.of((1, 1))


def test_a_program_is_not_reported_before_it_is_dead(
    executor: Watched, call: Callable[..., Call], gate: Path
) -> None:
    dead: list[bool] = []
    reported = threading.Event()
    pid = 0

    def report(_: Any) -> None:
        dead.append(is_dead(pid))
        reported.set()

    script = 'trap "" TERM; echo $$ > "$1"; while :; do sleep 1000; done'
    executor.submit(call(1, lambda _: shell(script, gate)), report)
    pid = int(gate.read_text())
    assert executor.armed.wait(20)
    executor.expire((1, 1))
    assert executor.free() == 3
    assert (1, 1) in executor.holding()
    assert reported.wait(20)
    assert dead == [True]


def test_an_expiry_before_the_program_starts_still_kills_it(
    executor: Watched, call: Callable[..., Call], reports: Any, tmp_path: Path
) -> None:
    deciding, decided = threading.Event(), threading.Event()

    def slow_decision(_: Any) -> Command:
        deciding.set()
        assert decided.wait(20)
        return Command(("sleep", "1000"))

    executor.submit(call(1, slow_decision), reports)
    assert deciding.wait(20)
    assert executor.expire((1, 1))
    assert reports.outcome(1) == TimedOut()
    assert executor.abandoned == 1
    watcher = next(t for t in threading.enumerate() if t.name == "commands: test 1")
    decided.set()
    watcher.join(20)
    assert not watcher.is_alive()
    assert executor.abandoned == 0
    assert len(reports.all) == 1


def test_the_stop_kills_what_the_grace_did_not_end(
    executor: Watched, call: Callable[..., Call], reports: Any, gate: Path
) -> None:
    script = 'trap "" TERM; echo $$ > "$1"; while :; do sleep 1000; done'
    executor.submit(call(1, lambda _: shell(script, gate)), reports)
    pid = int(gate.read_text())
    assert executor.armed.wait(20)
    assert executor.stop(0.01) == [(1, 1)]
    assert is_dead(pid)
    assert reports.all == []


def children() -> set[int]:
    """Every process of ours that is not waited for yet, zombies included."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            pid, _, rest = stat.read_text().partition(" (")
            if int(rest.rpartition(") ")[2].split()[1]) == os.getpid():
                found.add(int(pid))
    return found


def test_neither_zombies_nor_descriptors_remain(run: Callable[[Command], Any]) -> None:
    run(Command(("true",)))
    descriptors, before = open_descriptors(), children()
    for _ in range(10):
        run(shell("echo x"))
    assert open_descriptors() == descriptors
    assert children() <= before


def test_where_there_are_no_process_descriptors_the_process_is_polled(
    *,
    executor: Watched,
    call: Callable[..., Call],
    run: Callable[[Command], Any],
    reports: Any,
    gate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    assert run(shell("echo x; exit 4")).error == "sh ended with exit code 4: x"
    executor.armed.clear()
    executor.submit(call(99, lambda _: shell('echo $$ > "$1"; sleep 1000', gate)), reports)
    pid = int(gate.read_text())
    assert executor.armed.wait(20)
    assert executor.expire((99, 1))
    assert reports.outcome(99) == TimedOut()
    assert is_dead(pid)
