"""The service's log: readable for people, parseable for machines, and silent about secrets."""

import json
import subprocess
import sys

PRELUDE = """
import logging
from loguru import logger
from tocsin.cli.logs import set_up_log
"""


def log(style: str, code: str, level: str = "info") -> str:
    """What a fresh process writes to standard error."""
    script = f"{PRELUDE}set_up_log({level!r}, {style!r}, 'Asia/Tokyo')\n{code}"
    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout == ""
    return answer.stderr


CRASH = """
def crash(password):
    raise ValueError('it broke')
try:
    crash('s3cret')
except ValueError:
    logger.exception('a call failed')
"""


def test_text_has_no_colours_in_a_pipe_and_no_braces_are_filled_in() -> None:
    written = log("text", "logger.info('a {} b {}', '{x}', '<red>')")
    assert written.rstrip().endswith("INFO     a {x} b <red>")
    assert "\x1b" not in written


def test_no_message_can_pass_for_another_line() -> None:
    written = log("text", r"logger.info('one\n2026-01-01 00:00:00.000 INFO     two \x1b[2J')")
    assert len(written.splitlines()) == 2
    assert written.splitlines()[1].startswith("    2026")
    assert "\x1b" not in written


def test_json_has_one_object_a_line_with_what_was_bound() -> None:
    written = log("json", r"logger.bind(run_id=7).warning('one\ntwo')")
    [line] = map(json.loads, written.splitlines())
    assert line["level"] == "warning"
    assert line["message"] == "one\ntwo"
    assert line["extra"] == {"run_id": 7}
    assert line["time"].endswith("+00:00")


def test_tracebacks_never_show_local_values() -> None:
    for style in ("text", "json"):
        written = log(style, CRASH)
        assert "it broke" in written
        assert "crash" in written
        assert "'s3cret'" not in written.replace("crash('s3cret')", "")
    [line] = map(json.loads, log("json", CRASH).splitlines())
    assert "ValueError: it broke" in line["exception"]


def test_the_standard_library_logs_here_too_but_no_web_addresses() -> None:
    code = (
        "logging.getLogger('theirs').warning('hello %s', 'you')\n"
        "logging.getLogger('urllib3.connectionpool').warning('Retrying /services/SECRET')\n"
        "logging.getLogger('theirs').debug('too much')\n"
    )
    written = log("text", code, level="trace")
    assert "WARNING  hello you" in written
    assert "SECRET" not in written
    assert "too much" not in written


def test_the_level_is_obeyed() -> None:
    written = log("text", "logger.info('quiet'); logger.error('loud')", level="warning")
    assert "loud" in written
    assert "quiet" not in written
