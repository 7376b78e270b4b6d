"""Exit codes are what they are said to be, in the README and in the help."""

import re
from pathlib import Path

import pytest

from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.main import run
from soutu_client.cli.texts import Texts

README = Path(__file__).parents[3] / "README.md"


@pytest.mark.parametrize(("language", "heading"), [("zh", "| 退出码 | 含义 |"), ("en", "| Exit code | Meaning |")])
def test_the_readme_lists_every_code_with_its_meaning(language: str, heading: str) -> None:
    _, found, rest = README.read_text(encoding="utf-8").partition(heading)
    assert found
    rows = dict(re.findall(r"^\| (\d+) \| (.*) \|$", rest.partition("\n\n")[0], re.MULTILINE))
    assert set(rows) == {str(code.value) for code in ExitCode}
    texts = Texts("zh" if language == "zh" else "en")
    for code in ExitCode:
        assert rows[str(code.value)].startswith(texts.text(f"exit.{code.name.lower()}").rstrip(".")), code


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_help_lists_every_code(language: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help", "--language", language]) == 0
    shown = capsys.readouterr().out
    for code in ExitCode:
        assert re.search(rf"^ +{code.value} +\S", shown, re.MULTILINE), code
