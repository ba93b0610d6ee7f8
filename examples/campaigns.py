"""One module of a larger program on an engine that it shares: `python examples/campaigns.py`.

The engine knows nothing of campaigns. The module registers its handler when it is loaded, and
orders schedules for its tenants by the handler's key; a survey module would do the same beside it.
Campaigns from before there were schedules, which only have a moment, are taken over.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tocsin import RunContext, Schedule, Task, Tocsin, at, cron

EXECUTE = "campaign.execute"


class Orchestrator:
    """Knows how to run a campaign, and nothing of schedules."""

    async def execute(self, tenant: str, campaign: str) -> str:
        """Send everything that belongs to one campaign."""
        print(f"{tenant}: campaign {campaign} goes out")
        return f"{campaign} sent"


@dataclass(frozen=True)
class LegacyCampaign:
    """A row of the old table: it was polled for its moment."""

    id: str
    tenant: str
    scheduled_at: datetime


class CampaignScheduler:
    """The campaigns' side of the engine.

    Args:
        engine: shared by all modules of the program.
        orchestrator: does the work.
    """

    def __init__(self, engine: Tocsin, orchestrator: Orchestrator) -> None:
        self._engine = engine
        self._orchestrator = orchestrator
        engine.handler(EXECUTE, validate=self._validate)(self._execute)

    def schedule(self, tenant: str, campaign: str, when: Schedule, **policy: Any) -> Task:
        """Order a campaign; doing so again changes its schedule."""
        return self._engine.schedule(
            EXECUTE,
            when,
            key=f"campaign {campaign}",
            tenant=tenant,
            payload={"campaign": campaign},
            metadata={"module": "campaigns", "campaign": campaign},
            **policy,
        )

    def take_over(self, campaigns: Iterable[LegacyCampaign]) -> None:
        """Order what the old table still holds; at every start, for a known one changes nothing."""
        for each in campaigns:
            self.schedule(each.tenant, each.id, at(each.scheduled_at))

    def _validate(self, payload: dict[str, Any]) -> None:
        if "campaign" not in payload:
            raise ValueError("it needs a campaign")

    async def _execute(self, ctx: RunContext, payload: dict[str, Any]) -> str:
        return await self._orchestrator.execute(ctx.tenant, payload["campaign"])


def main(url: str = "sqlite:///campaigns.db") -> None:
    """Take an old campaign over, order a recurring one, manage it, and show what happened."""
    engine = Tocsin(url)
    campaigns = CampaignScheduler(engine, Orchestrator())
    campaigns.take_over([LegacyCampaign("spring", "tenant-abc", datetime(2026, 3, 1, tzinfo=UTC))])
    with engine:
        weekly = campaigns.schedule("tenant-abc", "weekly", cron("0 9 * * 1"), max_runs=10)
        engine.pause(weekly, tenant="tenant-abc")
        engine.resume(weekly, tenant="tenant-abc")
        engine.update(weekly, when=cron("0 10 * * 1"), tenant="tenant-abc")
        while engine.get("campaign spring", tenant="tenant-abc").enabled:
            engine.wait(timeout=0.05)
        for task in engine.tasks(tenant="tenant-abc"):
            print(f"{task.name}: {task.status}, runs: {task.run_count}, next: {task.next_run_at}")
        engine.cancel(weekly, reason="the season is over", tenant="tenant-abc")


if __name__ == "__main__":
    main(*sys.argv[1:2])
