"""Which line of a file a key stands on, so that a mistake can be told with it."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.config_toml import KeyPath, find_lines, line_of
from tocsin.core.problems import dotted


def test_the_line_finder_knows_every_way_to_write_a_key() -> None:
    text = '''# jobs.no = 1
top = 1
"quoted key".'b.c' = """
[not.a.table]
k = "1"
"""" # "[
[jobs.x]   # [nor.this]
retry . attempts = 3
remind = { to = ["a"], message = "k = 1" }
list = [   # ]
  "]", '[', """
  ]""",
]
after_list = 1
[jobs."a.b"]
"" = 'x # y'
[[people]]
name = 1
[people.home]
street = 1
[[people]]
name = 2
end = "a\\"#"'''
    lines = find_lines(text)
    written = text.split("\n")
    for path, start in {
        ("top",): "top",
        ("quoted key", "b.c"): '"quoted key"',
        ("quoted key",): '"quoted key"',
        ("jobs",): "[jobs.x]",
        ("jobs", "x"): "[jobs.x]",
        ("jobs", "x", "retry"): "retry .",
        ("jobs", "x", "retry", "attempts"): "retry .",
        ("jobs", "x", "remind"): "remind",
        ("jobs", "x", "list"): "list",
        ("jobs", "x", "after_list"): "after_list",
        ("jobs", "a.b"): '[jobs."a.b"]',
        ("jobs", "a.b", ""): '"" =',
        ("people", 0): "[[people]]",
        ("people", 0, "name"): "name = 1",
        ("people", 0, "home", "street"): "street",
        ("people", 1, "name"): "name = 2",
        ("people", 1, "end"): "end",
    }.items():
        assert written[lines[path] - 1].startswith(start), path
    assert not any("not" in path or "k" in path or "no" in path for path in lines)


def test_what_has_no_line_of_its_own_has_the_line_around_it_or_none() -> None:
    lines = find_lines("[jobs.x]\nremind = { to = ['a'] }\n")
    assert line_of(("jobs", "x", "remind", "to", 0), lines) == 2
    assert line_of(("jobs", "x", "cron"), lines) == 1
    assert line_of(("jobs", "y"), lines) == 1
    assert line_of(("log", "level"), lines) is None


NAME = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8)
VALUE = st.sampled_from(
    [
        "1",
        "'#'",
        '"]\\"["',
        "[ '{',\n # ]\n 2 ]",
        "{ a = '}', b = [1] }",
        '"""\na = 1\n"""',
        "'''\n[x]'''",
    ]
)


def quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(st.dictionaries(NAME, st.dictionaries(NAME, VALUE, max_size=4), max_size=4))
def test_every_key_of_any_file_is_found_on_its_line(tables: dict[str, dict[str, str]]) -> None:
    text, expected = "", dict[KeyPath, int]()
    for table, keys in tables.items():
        expected[(table,)] = text.count("\n") + 1
        text += f"[{quoted(table)}]\n"
        for key, value in keys.items():
            expected[(table, key)] = text.count("\n") + 1
            text += f"{quoted(key)} = {value}\n"
    tomllib.loads(text)
    assert find_lines(text) == expected


@given(st.lists(NAME, min_size=1))
def test_a_path_is_written_as_toml_reads_it(names: list[str]) -> None:
    value: object = tomllib.loads(f"{dotted(tuple(names))} = 1")
    for name in names:
        assert isinstance(value, dict)
        value = value[name]
    assert value == 1
