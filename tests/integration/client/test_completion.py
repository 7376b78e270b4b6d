"""Shell completion, in the shells themselves."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from patience import PATIENCE
from soutu_client.cli.group import COMMANDS
from soutu_client.cli.main import run
from terminal_session import TerminalSession

BIN = Path(sys.executable).parent

BASH = """
eval "$(soutu completion bash)"
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
_soutu_completion soutu
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{BIN}:{os.environ['PATH']}")
    monkeypatch.setenv("SOUTU_LANGUAGE", "en")
    monkeypatch.setenv("SOUTU_ADDRESS", "127.0.0.1:9")  # nobody is there: completing asks nobody
    monkeypatch.setenv("HOME", str(tmp_path))


def call(*command: str) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def in_bash(*words: str) -> list[str]:
    return [line for line in call("bash", "-c", BASH, "bash", "soutu", *words) if line]


needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")


@needs_bash
@pytest.mark.parametrize(
    ("words", "completions"),
    [
        (("",), list(COMMANDS)),
        (("se",), ["search"]),
        (("search", "--fr"), ["--from"]),
        (("search", "--kind", ""), ["still", "animation", "video"]),
        (("search", "--format", "j"), ["jpeg"]),
        (("--language", ""), ["zh", "en"]),
        (("tokens", ""), ["list", "create", "revoke"]),
        (("tokens", "create", "guest", "--scope", ""), ["read", "write", "admin"]),
        (("list", "--state", "un"), ["unreadable"]),
        (("jobs", "re"), ["resume"]),
        (("completion", ""), ["bash", "zsh", "fish"]),
        (("no-such-command", ""), list(COMMANDS)),
        (("search", "狗", "--no"), ["--not", "--not-favourite"]),
    ],
)
def test_bash_completes_commands_options_and_values(words: tuple[str, ...], completions: list[str]) -> None:
    found = in_bash(*words)
    assert [each for each in found if each in completions] == completions
    assert set(found) - set(completions) == set(), "and nothing else"


@needs_bash
def test_bash_completes_at_tab_in_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "a photo.jpg").touch()
    environment = {"PATH": os.environ["PATH"], "SOUTU_LANGUAGE": "en", "TERM": "xterm", "PS1": "ready> ", "HOME": str(tmp_path)}
    with TerminalSession(["bash", "--norc", "--noprofile", "-i"], environment=environment) as terminal:
        terminal.type('bind "set enable-bracketed-paste off"; eval "$(soutu completion bash)"; PS1=again\\>\n')
        terminal.expect("again>")
        terminal.type("soutu dup\t")
        terminal.expect("soutu duplicates ")
        terminal.type("--js\t")
        terminal.expect("--json")
        terminal.type(f"\x15cd {tmp_path}\nsoutu similar a\t")
        terminal.expect("soutu similar a\\ photo.jpg")
        terminal.type("\x15exit\n")
        terminal.wait()


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes() -> None:
    def completed(line: str) -> list[str]:
        return [each.partition("\t")[0] for each in call("fish", "-c", f"soutu completion fish | source; complete -C '{line}'")]

    assert completed("soutu dup") == ["duplicates"]
    assert sorted(completed("soutu search --kind ")) == ["animation", "still", "video"]
    assert completed("soutu search --fr") == ["--from"]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_completes_at_tab_in_a_terminal(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "SOUTU_LANGUAGE": "en", "TERM": "xterm", "HOME": str(tmp_path)}
    with TerminalSession(["zsh", "-f", "-i"], environment=environment) as terminal:
        terminal.type("autoload -U compinit; compinit -u; source <(soutu completion zsh); PS1=again\\>\n")
        terminal.expect("again>")
        terminal.type("soutu dup\t")
        terminal.expect("duplicates")
        terminal.type("--js\t")
        terminal.expect("--json")
        terminal.type("\x15exit\n")
        terminal.wait()


def test_the_script_says_where_to_put_it(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert run(["completion", shell]) == 0
        out = capsys.readouterr().out
        assert out.splitlines()[-1].startswith("# To use it: ")
        assert f"soutu completion {shell}" in out.splitlines()[-1]
        assert run(["completion", shell, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["script"] in out
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert run(["completion"]) == 0
    assert "__fish_complete_path" in capsys.readouterr().out
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    assert run(["completion"]) == 2
    assert "name it" in capsys.readouterr().err
