"""The services' logs."""

from __future__ import annotations

import json
import logging

import pytest

from soutu_services.runtime.logs import configure_logging


@pytest.fixture(autouse=True)
def put_logging_back():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def test_json_logs_are_one_object_a_line_with_extras_and_traceback(capsys):
    configure_logging("info", json=True)
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("soutu").exception("坏了", extra={"photo_id": "ab"})
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    record = json.loads(lines[0])
    assert (record["level"], record["message"], record["photo_id"]) == ("error", "坏了", "ab")
    assert "ValueError" in record["traceback"]
    assert record["time"].endswith("+00:00")


def test_lines_for_people_carry_extras(capsys):
    configure_logging("info", json=False)
    logging.getLogger("soutu").info("read", extra={"photos": 3})
    line = capsys.readouterr().err
    assert "INFO" in line
    assert line.rstrip().endswith("soutu: read photos=3")


def test_what_is_below_the_level_is_not_logged(capsys):
    configure_logging("warning", json=False)
    logging.getLogger("soutu").info("quiet")
    assert capsys.readouterr().err == ""
