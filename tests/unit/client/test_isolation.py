"""No test reads or writes what belongs to whoever runs it."""

import sys
from pathlib import Path

import pytest

from soutu_client import Client
from soutu_client._user_folders import cache_folder, config_folder, state_folder
from terminal_session import TerminalSession


@pytest.fixture(scope="module")
def made_early() -> Client:
    """Made before any fixture of a single test."""
    with Client() as client:
        return client


def test_a_client_takes_no_login_of_the_person_who_runs_the_tests(made_early: Client, tmp_path: Path) -> None:
    assert made_early.address == "127.0.0.1:8401"
    for folder in (config_folder(), state_folder(), cache_folder()):
        assert tmp_path.parents[1] in folder.parents
        assert Path.home() / ".config" not in folder.parents


def test_a_program_at_a_terminal_has_the_folders_of_the_tests() -> None:
    program = "from soutu_client._user_folders import *; print(config_folder(), state_folder(), cache_folder(), 'END')"
    with TerminalSession([sys.executable, "-c", program], environment={}, columns=1000) as terminal:
        told = terminal.expect("END").decode()
    assert told.split() == [str(folder) for folder in (config_folder(), state_folder(), cache_folder())]
