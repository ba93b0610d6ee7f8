"""The examples run as they are written, and so do those of the README."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tocsin.core.config import parse_config

ROOT = Path(__file__).parents[1]


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_basic_scheduler_greets_and_ticks(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    example("basic_scheduler").main(url, ticks=1)
    said = capsys.readouterr().out
    assert "Hello world" in said
    assert "tick, planned for" in said


def test_the_cron_tasks_show_when_they_run_next(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    example("cron_tasks").main(url)
    assert "every-30-seconds" in capsys.readouterr().out


def test_the_own_actor_is_woken_by_its_alarm(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    example("own_actor").main(url)
    assert "the kettle boils" in capsys.readouterr().out


def test_a_campaign_of_the_old_table_goes_out_once_and_a_new_one_is_managed(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    campaigns = example("campaigns")
    for _ in range(2):
        campaigns.main(url)
    said = capsys.readouterr().out
    assert said.count("tenant-abc: campaign spring goes out") == 1
    assert said.count("campaign spring: completed, runs: 1, next: None") == 2
    assert said.count("campaign weekly: active, runs: 0, next: ") == 2


def blocks(language: str) -> list[str]:
    text = (ROOT / "README.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("code", blocks("python"), ids=range(len(blocks("python"))))
def test_the_python_of_the_readme_runs_as_written(tmp_path: Path, code: str) -> None:
    # app.wait() would wait for Ctrl-C: a timer sends it
    ended = subprocess.run(
        [sys.executable, "-c", f"{ALARM}{code}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


ALARM = (
    "import signal, sys; signal.signal(signal.SIGALRM, lambda *_: sys.exit(0)); signal.alarm(5)\n"
)


@pytest.mark.parametrize("text", blocks("toml"), ids=range(len(blocks("toml"))))
def test_the_configuration_of_the_readme_is_valid(text: str) -> None:
    secrets = {"PUSHOVER_USER": "u" * 30, "PUSHOVER_TOKEN": "t" * 30}
    assert parse_config(text, environ=secrets).jobs
