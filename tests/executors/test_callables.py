"""From an entry to a call."""

import sys
import threading
import types
from datetime import UTC, datetime
from typing import Any

import pytest

from tocsin.core.entry import Entry, RunContext
from tocsin.core.errors import EntryRejected
from tocsin.core.handlers import Handler, Handlers
from tocsin.executors.callables import bind_entry, check_fit, resolve

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CONTEXT = RunContext(1, 2, "k", "default", "x", NOW, NOW, 1, (), threading.Event())


@pytest.fixture(autouse=True)
def _myapp(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("myapp")

    class Report:
        @staticmethod
        def build(region: str, *, fast: bool = False) -> tuple[str, bool]:
            return region, fast

    module.Report = Report  # type: ignore[attr-defined]
    module.sys = sys  # type: ignore[attr-defined]
    module.number = 5  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "myapp", module)


def called(entry: Entry, handlers: Handlers | None = None) -> Any:
    function, args = bind_entry(entry, handlers or Handlers(), lambda: CONTEXT)
    return function(*args, **entry.kwargs)


def test_a_path_is_called_without_a_context() -> None:
    entry = Entry("myapp", "Report.build", args=("eu",), kwargs={"fast": True})
    assert called(entry) == ("eu", True)


def test_a_handler_gets_the_context_first() -> None:
    handlers = Handlers()
    handlers.register(Handler("new", lambda ctx, x: (ctx.handler, ctx.run_id, x)), ["old"])
    assert called(Entry(handler="new", args=(5,)), handlers)[1:] == (1, 5)
    assert called(Entry(handler="old", args=(5,)), handlers)[2] == 5


@pytest.mark.parametrize(
    ("module", "function", "words"),
    [
        ("myapp_that_is_not_there", "f", "cannot be imported: ModuleNotFoundError"),
        ("myapp", "nothing", "cannot be imported: AttributeError"),
        ("myapp", "Report.nothing", "AttributeError"),
        ("myapp", "number", "is not callable"),
        ("myapp", "sys.exit", "'sys' is a module"),
        ("myapp", "sys", "'sys' is a module"),
        ("", "f", "cannot be imported"),
        (".relative", "f", "cannot be imported"),
        ("myapp", "", "cannot be imported"),
    ],
)
def test_what_does_not_resolve_is_rejected(module: str, function: str, words: str) -> None:
    with pytest.raises(EntryRejected, match=words):
        resolve(module, function)


def test_a_module_that_fails_while_it_is_imported_is_rejected(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_at_import.py").write_text("raise RuntimeError('half done')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EntryRejected, match="RuntimeError: half done"):
        resolve("broken_at_import", "f")


@pytest.mark.parametrize(
    ("args", "kwargs"), [((), {}), ((1, 2), {}), ((1,), {"slow": True}), ((1,), {"region": 1})]
)
def test_arguments_that_do_not_fit_are_rejected_before_the_call(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    with pytest.raises(EntryRejected, match=r"myapp:Report\.build does not take these arguments"):
        called(Entry("myapp", "Report.build", args=args, kwargs=kwargs))


def test_a_builtin_that_does_not_tell_its_signature_is_called_all_the_same() -> None:
    check_fit(dict, (), {"a": 1}, "builtins:dict")
    assert called(Entry("builtins", "dict", kwargs={"a": 1})) == {"a": 1}


def test_an_unknown_handler_is_rejected_with_the_nearest_one() -> None:
    handlers = Handlers()
    handlers.register(Handler("report.build", print))
    with pytest.raises(EntryRejected, match=r"did you mean .report\.build."):
        called(Entry(handler="report.biuld"), handlers)


def test_an_error_of_the_call_itself_is_not_a_rejection() -> None:
    handlers = Handlers()

    def fail(ctx: RunContext) -> None:
        raise TypeError("mine")

    handlers.register(Handler("h", fail))
    with pytest.raises(TypeError, match="mine"):
        called(Entry(handler="h"), handlers)
