"""What the README and the docstrings show is what happens."""

import doctest
import importlib
import pkgutil
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

import unroll
from unroll.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands():
    """(command, expected output or None) for every `$` line of a console block."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", README, re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output or None))
    return found


@pytest.mark.parametrize(("command", "expected"), commands())
def test_commands_print_what_the_readme_says(command, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    program, *arguments = shlex.split(command, comments=True)
    assert program == "unroll"
    result = CliRunner().invoke(main, arguments)
    if expected is not None:
        assert result.output == expected
    else:
        assert result.exit_code == 0, result.output
        assert (tmp_path / arguments[arguments.index("-o") + 1]).stat().st_size > 1000


def test_python_of_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = "\n".join(re.findall(r"```python\n(.*?)```", README, re.S))
    test = doctest.DocTestParser().get_doctest(blocks, {}, "README", "README.md", 0)
    runner = doctest.DocTestRunner()
    runner.run(test)
    assert runner.failures == 0
    assert runner.tries > 10


def modules():
    names = [m.name for m in pkgutil.walk_packages(unroll.__path__, "unroll.")]
    return ["unroll", *names]


@pytest.mark.parametrize("name", modules())
def test_docstring_examples_run(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("name", ["install", "test"])
def test_the_first_screen_has_the_two_commands(name):
    first_screen = "\n".join(README.splitlines()[:30])
    assert re.search(rf"<!-- {name} -->\n```sh\n(.+)\n```", first_screen)


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)]+)\)", README))
def test_links_lead_somewhere(link):
    assert (ROOT / link).exists()
