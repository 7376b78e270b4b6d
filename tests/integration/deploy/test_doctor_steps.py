"""``soutu doctor`` tells at each step of the guides what is still to be done."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from compose_files import DEPLOY, settings_of
from compose_house import ComposeHouse
from patience import PATIENCE, eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="every service has a loopback address of its own")


@pytest.fixture
def doctor(tmp_path: Path) -> Callable[..., str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("SOUTU_")}

    def ask(**told: str | Path) -> str:
        environment = {**own, "SOUTU_LANGUAGE": "en", "HOME": str(tmp_path), **{name: str(each) for name, each in told.items()}}
        command = [Path(sysconfig.get_path("scripts")) / "soutu", "doctor"]
        return subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=PATIENCE).stdout

    return ask


def test_doctor_names_the_step_that_is_not_done(tmp_path: Path, doctor: Callable[..., str]) -> None:
    with ComposeHouse(tmp_path, {DEPLOY / "compose.one.yaml": (frozenset(), settings_of())}) as house:
        address = {"SOUTU_ADDRESS": house.address("search", "8401")}
        assert "docker compose up" in doctor(**address), "1. start it"
        house.start("search")
        assert "name the home's ca.pem in SOUTU_AUTHORITY" in doctor(**address), "2. copy ca.pem"
        known = {**address, "SOUTU_AUTHORITY": house.path("search", "/run/soutu/ca.pem")}
        assert "set SOUTU_TOKEN" in doctor(**known), "3. a token"
        entered = {**known, "SOUTU_TOKEN_FILE": house.path("search", "/data/admin-token")}
        eventually(lambda: "✗" not in doctor(**entered))
        assert "photos: none yet: soutu add FOLDER" in doctor(**entered), "4. photos"
        assert "start soutu-web there" in doctor(**entered), "5. the page, for whoever wants it"
        house.stop("embedding")
        eventually(lambda: "start the embedding service at" in doctor(**entered))
        house.stop("store")
        assert "the photo store (S3) does not answer" in doctor(**entered)
