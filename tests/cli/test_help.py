"""--help is quick: it loads nothing heavy, and shows an example that is a real command."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys

import pytest

from nas_scale.samplers.registry import SAMPLERS
from tests.support.command import Command

COMMANDS = ("search", "grid", "expand", "family", "compare", "certify", "show", "profile", "spaces", "doctor")
HEAVY = ("torch", "optuna", "ray", "sklearn", "scipy", "fvcore", "numpy", "yaml", "sqlalchemy")


def test_no_help_loads_anything_heavy() -> None:
    code = (
        "import json, sys\n"
        "from nas_scale.cli.main import run\n"
        f"codes = [run(words) for words in {[['--help'], *([name, '--help'] for name in COMMANDS), ['--version']]!r}]\n"
        f"print(json.dumps([codes, [name for name in {HEAVY!r} if name in sys.modules]]), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stderr) == [[0] * (len(COMMANDS) + 2), []]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_shows_an_example_whose_options_exist(nas_scale: Command, command: str) -> None:
    text = " ".join(nas_scale(command, "--help").out.replace("│", " ").split())
    found = re.search(rf"Example: nas-scale ({command}.*?) ╭", text)
    assert found is not None, text
    flags = [word for word in shlex.split(found[1]) if word.startswith("--")]
    assert all(f" {flag} " in text for flag in flags)


def test_the_help_of_a_search_says_when_each_strategy_is_right(nas_scale: Command) -> None:
    text = " ".join(nas_scale("search", "--help").out.replace("│", " ").split())
    assert all(f"{name}: right for {strategy.right_for}." in text for name, strategy in SAMPLERS.items())


def test_the_first_help_names_every_command(nas_scale: Command) -> None:
    text = nas_scale("--help").out
    assert all(f" {command} " in text for command in COMMANDS)
    assert "nas-scale search --target-flops 400M" in " ".join(text.split())


def test_version(nas_scale: Command) -> None:
    assert re.fullmatch(r"nas-scale \d+\.\d+\.\d+\n", nas_scale("--version").out)
