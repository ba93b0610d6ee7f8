"""Each case of OTP's own supervisor test suite that makes sense for threads has a test here."""

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PAGE = ROOT.parent / "shared" / "SUPERVISION.md"

CASES = {
    "sup_start_normal": ["sup_start_normal"],
    "sup_start_ignore_init": ["sup_start_ignore_init"],
    "sup_start_ignore_child": ["sup_start_ignore_child"],
    "sup_start_ignore_temporary_child": [
        "sup_start_ignore_temporary_child",
        "sup_start_ignore_temporary_child_start_child",
        "sup_start_ignore_child_start_child_simple",  # temporary and permanent
    ],
    "sup_start_error_return": ["sup_start_error_return", "sup_start_fail"],
    "sup_start_child_returns_error": [
        "sup_start_child_returns_error",
        "sup_restart_child_returns_error",
        "sup_start_child_returns_error_simple",
    ],
    "sup_start_map": ["sup_start_map", "sup_start_map_simple", "sup_start_map_faulty_specs"],
    "sup_stop_infinity": ["sup_stop_infinity"],
    "sup_stop_timeout": ["sup_stop_timeout", "sup_stop_timeout_dynamic"],
    "sup_stop_brutal_kill": ["sup_stop_brutal_kill", "sup_stop_brutal_kill_dynamic"],
    "sup_stop_race": ["sup_stop_race"],
    "sup_stop_non_shutdown_exit_dynamic": ["sup_stop_non_shutdown_exit_dynamic"],
    "child_adm": ["child_adm", "extra_return"],
    "child_adm_simple": ["child_adm_simple"],
    "child_specs": ["child_specs", "child_specs_map"],
    "sup_flags": ["sup_flags"],
    "external_start_no_progress_log": ["external_start_no_progress_log"],
    "permanent_normal": ["permanent_transient_temporary"],
    "transient_normal": ["permanent_transient_temporary"],
    "temporary_normal": ["permanent_transient_temporary"],
    "faulty_application_shutdown": ["faulty_application_shutdown"],
    "temporary_bystander": ["temporary_bystander"],
    "multiple_restarts": ["multiple_restarts"],
    "one_for_one": ["one_for_one"],
    "one_for_one_escalation": ["escalation", "simple_one_for_one_escalation"],  # all strategies
    "one_for_all": ["one_for_all"],
    "one_for_all_other_child_fails_restart": ["one_for_all_other_child_fails_restart"],
    "rest_for_one": ["rest_for_one"],
    "rest_for_one_other_child_fails_restart": ["rest_for_one_other_child_fails_restart"],
    "simple_one_for_one": [
        "simple_one_for_one",
        "simple_one_for_one_shutdown",
        "simple_one_for_one_extra",
        "simple_one_for_one_restart_ignore",
    ],
    "simple_one_for_one_corruption": ["simple_one_for_one_corruption"],
    "nonsignificant_temporary": ["nonsignificant"],
    "significant_temporary": [
        "significant_temporary",
        "significant_transient",
        "significant_any",
        "significant_all",
        "significant_simple",
        "significant_bystander",
        "significant_escalation",
    ],
    "significant_upgrade_*": [],
    "child_unlink": ["child_unlink"],
    "tree": ["tree"],
    "count_children": [
        "count_children",
        "count_children_supervisor",
        "count_restarting_children",
        "which_children",
        "which_children_simple_one_for_one",
    ],
    "do_not_save_start_parameters_": ["do_not_save_child_specs_for_temporary_children"],
    "simple_one_for_one_scale_many_temporary_children": [
        "scale_many_temporary_children",
        "scale_start_stop_many_children",
    ],
    "simple_global_supervisor": ["simple_global_supervisor"],
    "hanging_restart_loop": ["hanging_restart_loop", "hanging_restart_loop_simple"],
    "order_of_children": ["order_of_children"],
    "already_started_outside_supervisor": ["already_started_outside_supervisor"],
    "code_change": ["format_log"],
}
"""The first name in each row of the suite's list -> our tests, by what stands before `__`."""

MEANINGS = {
    "sup_stop_timeout": "does not stop within its `shutdown`",
    "sup_stop_brutal_kill": "`brutal_kill` children",
    "external_start_no_progress_log": "no false progress reports",
    "significant_upgrade_*": "change at run time",
    "child_unlink": "breaks its link",
    "code_change": "code upgrades",
}
"""What holds with a difference is in docs/supervision.md, in these words."""

OURS = {
    name.partition("__")[0]
    for file in HERE.glob("test_supervisor_*.py")
    for name in re.findall(r"^def test_(\w+)", file.read_text(), re.MULTILINE)
}


@pytest.mark.parametrize("case", CASES)
def test_there_is_a_test_for_each_case_of_otp(case: str) -> None:
    assert set(CASES[case]) <= OURS


@pytest.mark.parametrize("case", MEANINGS)
def test_the_page_says_what_threads_change(case: str) -> None:
    table = (ROOT / "docs" / "supervision.md").read_text().partition("## What threads change")[2]
    assert MEANINGS[case] in table


@pytest.mark.skipif(not PAGE.exists(), reason="the list of OTP's cases is not here")
def test_no_case_of_otp_is_forgotten() -> None:
    rows = re.findall(r"^\| (\w[\w*]*)[^|]*\|[^|]+\| ([TP])", PAGE.read_text(), re.MULTILINE)
    assert len(rows) > 40
    assert {case for case, _ in rows} <= CASES.keys()
    assert {case for case, kind in rows if kind == "P"} <= MEANINGS.keys()
    assert all(CASES[case] for case, kind in rows if kind == "T")
