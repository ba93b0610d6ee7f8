"""The database says that it stored nothing, and it did."""

from collections.abc import Callable
from typing import Any

import pytest

from tocsin import RunContext, Tocsin
from tocsin.core.errors import StorageUnavailable
from tocsin.storage.ledger import Ledger

Until = Callable[[Callable[[], Any]], Any]


@pytest.mark.parametrize("delivery", ["at_least_once", "at_most_once"])
def test_a_claim_that_came_through_although_its_commit_failed_is_taken_back_and_made(
    app: Tocsin, until: Until, monkeypatch: pytest.MonkeyPatch, delivery: str
) -> None:
    execute, failed, made = Ledger.execute, list[int](), list[int]()

    def doubtful(self: Ledger, commands: Any, **options: Any) -> Any:
        commit = execute(self, commands, **options)
        if commit.starts and not failed:
            failed.append(len(commit.starts))
            raise StorageUnavailable("the answer was cut off")
        return commit

    monkeypatch.setattr(Ledger, "execute", doubtful)

    @app.handler("x", delivery=delivery)
    def x(ctx: RunContext) -> None:
        made.append(ctx.attempt)

    with app:
        app.schedule("x", "in 1 second", key="k")
        app.schedule("x", "in 1 hour", key="other")
        until(lambda: app.get("k").status == "completed")
    assert failed == [1]
    assert made == [2], "made once, and its first claim is in the record"
