"""A frame that knows the home's authority and no address finds the service."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from frame_process import start
from home_certificates import HomeCertificates
from integration.client.test_discovery import LOOKING, _alone, serving
from patience import PATIENCE, eventually

__all__ = ["_alone"]  # one announces at a time

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="its loopback interface takes multicast")


def test_without_an_address_it_finds_the_service_of_the_home(tmp_path: Path) -> None:
    certificates = HomeCertificates(tmp_path)
    token = tmp_path / "data" / "admin-token"
    with serving(tmp_path, certificates, LOOKING["SOUTU_DISCOVERY"]):
        process = start(tmp_path, **LOOKING, SOUTU_AUTHORITY=str(certificates.authority), SOUTU_TOKEN_FILE=str(token))
        try:
            eventually(lambda: list((tmp_path / "cache").glob("list-*.json")) or process.poll() is not None)
        finally:
            process.terminate()
            _, said = process.communicate(timeout=PATIENCE)
    assert list((tmp_path / "cache").glob("list-*.json")), said
