"""`tocsin show`: what is odd about a planned time stands beside it."""

from typing import Any

from tocsin import Tocsin, cron

FIRSTS = [f"{month:02}-01" for month in range(1, 13) if month != 6]


def test_the_next_times_name_the_days_that_were_left_out(cli: Any, app: Tocsin) -> None:
    monthly = cron("0 9 1 * *").excluding(*FIRSTS)
    app.schedule("os:getpid", monthly, key="june")
    planned = [line for line in cli.says("show", "june").splitlines() if "-06-01 09:00" in line]
    assert len(planned) == 5
    assert all("left out before: " in line for line in planned[1:])
    assert len(cli.json("show", "june")["upcoming"]) == 5
