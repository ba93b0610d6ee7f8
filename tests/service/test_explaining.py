"""What `app.explain` says of moments that passed, and of moments to come."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tocsin import RunContext, every
from tocsin.core.errors import InvalidSchedule
from tocsin.testing import ManualTocsin

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def app() -> Iterator[ManualTocsin]:
    with ManualTocsin(start=NOON) as service:
        yield service


def test_explain_says_what_became_of_every_moment(app: ManualTocsin) -> None:
    broken = [True]

    @app.handler("job", retries=1, retry_delay="1m")
    def job(ctx: RunContext) -> None:
        if broken:
            raise ValueError("out of paper")

    def hour(n: float) -> datetime:
        return NOON + timedelta(hours=n)

    app.schedule("job", every("1h"), key="k")
    app.advance("1h 30m")
    broken.clear()
    app.advance("1h")
    app.pause("k", "holidays")
    app.advance("2h")
    app.resume("k")
    app.clock.advance("3h")
    app.advance()
    said = {n: app.explain("k", hour(n)) for n in (1, 2, 3, 4, 5, 6, 7, 8, 0.5, -5)}
    assert "failed, at attempt 2" in said[1]
    assert "out of paper" in said[1]
    assert "succeeded" in said[2]
    assert "skipped" in said[3]
    assert "paused" in said[3]
    assert "skipped" in said[4]
    assert "coalesced into run" in said[5]
    assert "coalesced into run" in said[6]
    assert "succeeded" in said[7]
    assert "not come yet" in said[8]
    assert "not planned" in said[0.5]
    assert "not planned" in said[-5]


def test_explain_knows_a_moment_however_many_runs_came_since(app: ManualTocsin) -> None:
    app.handler("job")(lambda _: None)
    app.schedule("job", every("1s"), key="k")
    (first,) = app.advance("1s")
    with app.storage.transaction() as connection:
        connection.execute(
            "WITH RECURSIVE seconds (n) AS"
            " (SELECT 2 UNION ALL SELECT n + 1 FROM seconds WHERE n < 12000)"
            " INSERT INTO runs (id, task_id, tenant, due_at, ready_at, status, cause, attempt,"
            " fence, missed, count) SELECT n, task_id, tenant, due_at + n * 1000000, ready_at,"
            " 'succeeded', 'schedule', 1, 1, '[]', 1 FROM seconds, runs"
        )
    assert len(app.history("k", limit=20_000)) == 12_000
    assert "succeeded" in app.explain("k", first.due_at)
    assert "not planned" in app.explain("k", first.due_at + timedelta(seconds=0.5))


def test_a_moment_without_a_zone_is_refused(app: ManualTocsin) -> None:
    app.handler("job")(lambda _: None)
    app.schedule("job", every("1h"), key="k")
    with pytest.raises(InvalidSchedule, match="use an aware datetime"):
        app.explain("k", NOON.replace(tzinfo=None))
