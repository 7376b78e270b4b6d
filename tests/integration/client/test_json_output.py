"""``--json`` on every command, against the real services."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from patience import PATIENCE
from soutu_client import Client
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.group import COMMANDS, SoutuGroup
from soutu_client.cli.main import run
from soutu_client.cli.texts import Texts

SAMPLES = Path(__file__).parents[3] / "deploy" / "samples"


@pytest.fixture(scope="module")
def photo_id(real_service: str) -> str:
    with Client(real_service, timeout_seconds=PATIENCE) as client:
        added = [client.upload(SAMPLES / name).photo_id for name in ("chelsea.jpg", "rocket.jpg")]
        assert len(client.wait_until_ready(added, timeout_seconds=PATIENCE).ready) == 2
    return added[0]


@pytest.fixture
def commands(real_service: str, photo_id: str, tmp_path: Path) -> dict[str, list[list[str]]]:
    """A command line for each command, or several; the last ones stop the service."""
    shutil.copy(SAMPLES / "flower.jpg", tmp_path)
    return {
        "add": [[str(tmp_path / "flower.jpg")]],
        "feedback": [["on"], [], ["show"], ["clear", "--yes"]],
        "import": [[str(tmp_path / "flower.jpg")], ["--dry-run", str(tmp_path)]],
        "search": [["一只猫"], ["一只猫", "--limit", "1"]],
        "similar": [[photo_id], [str(SAMPLES / "rocket.jpg")]],
        "show": [[photo_id]],
        "open": [[photo_id], ["1"]],
        "list": [[], ["--state", "ready"]],
        "annotate": [[photo_id, "--favourite", "--tag", "家"]],
        "delete": [[photo_id, "--yes"], ["--undo", photo_id]],
        "undelete": [[photo_id]],
        "sync": [[], ["--no-wait"]],
        "reindex": [[], ["--back"]],
        "check": [[]],
        "jobs": [[]],
        "backup": [[str(tmp_path / "library.soutu")]],
        "status": [[]],
        "duplicates": [[]],
        "login": [[real_service], []],
        "logout": [[], []],
        "tokens": [[], ["create", "客人"]],
        "doctor": [[]],
        "completion": [["bash"]],
        "restore": [[str(tmp_path / "library.soutu"), "--yes", "--no-wait"]],
    }


@pytest.fixture(autouse=True)
def own_settings(real_service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for variable, folder in (("XDG_CONFIG_HOME", "config"), ("XDG_STATE_HOME", "state"), ("XDG_CACHE_HOME", "cache")):
        monkeypatch.setenv(variable, str(tmp_path / folder))
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SOUTU_ADDRESS", real_service)
    monkeypatch.setenv("SOUTU_LANGUAGE", "en")
    yield


def test_every_command_takes_json() -> None:
    group = SoutuGroup(Texts("en"))
    context = click.Context(group)
    for name in COMMANDS:
        command = group.get_command(context, name)
        assert command is not None
        assert any("--json" in parameter.opts for parameter in command.params), name


def test_without_a_service_every_command_says_so_in_json(
    commands: dict[str, list[list[str]]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOUTU_ADDRESS", "127.0.0.1:9")
    alone = {
        "logout",
        "completion",
        "backup",
        "restore",
        "login",
        "doctor",
        "feedback",
    }  # these need none, or more than this test has
    for name in sorted(set(commands) - alone):
        code = run(["--timeout", "5", name, *commands[name][0], "--json"])
        out, err = capsys.readouterr()
        error = json.loads(err.splitlines()[-1])["error"]
        assert (out, code, error["code"], error["reason"]) == ("", ExitCode.UNREACHABLE, 4, "UNREACHABLE"), name
        assert "\n" not in error["message"]


@pytest.mark.parametrize(
    ("line", "code", "reason"),
    [
        (["search", "--json"], 2, "USAGE"),
        (["search", "--bogus", "--json"], 2, "USAGE"),
        (["serch", "--json"], 2, "USAGE"),
        (["show", "ffffffff", "--json"], 1, "PHOTO_NOT_FOUND"),
        (["similar", "/nothing.jpg", "--json"], 1, "FILE"),
        (["status", "--address", "a b", "--json"], 1, "BAD_ADDRESS"),
    ],
)
def test_errors_are_json_too(line: list[str], code: int, reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line) == code
    out, err = capsys.readouterr()
    assert out == ""
    told = json.loads(err)["error"]
    assert (told["code"], told["reason"]) == (code, reason)


def test_watch_writes_a_document_a_line(real_service: str, tmp_path: Path) -> None:
    shutil.copy(SAMPLES / "seeding.jpg", tmp_path)
    command = [sys.executable, "-c", "from soutu_client.cli.main import main; main()", "watch", str(tmp_path), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        events = [json.loads(process.stdout.readline())["event"] for _ in range(2)]
        process.send_signal(signal.SIGTERM)
        rest = [json.loads(line)["event"] for line in process.stdout]
        assert process.wait(PATIENCE) == 0
    assert events == ["watching", "added"]
    assert rest[-1] == "stopped"


def test_every_command_writes_one_document(commands: dict[str, list[list[str]]], capsys: pytest.CaptureFixture[str]) -> None:
    assert set(commands) | {"watch"} == set(COMMANDS)
    for name, lines in commands.items():
        for line in lines:
            code = run(["--timeout", str(PATIENCE), name, *line, "--json"])
            out, err = capsys.readouterr()
            if code in (ExitCode.OK, ExitCode.NOTHING_FOUND):
                json.loads(out)
            else:
                assert (name, out, "error" in json.loads(err.splitlines()[-1])) == ("reindex", "", True), (line, err)
