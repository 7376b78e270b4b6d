from __future__ import annotations

import os
import shlex
import sys

import pytest
from click.testing import CliRunner

from soutu_services.embedding.cli import main
from soutu_services.embedding.install_clip import CN_CLIP, COMPANIONS, TORCH, InstallPlan, install, plan_install
from soutu_services.runtime.errors import FailedPrecondition, Unavailable

PIP = (sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input")


def test_everything_goes_into_the_running_environment_and_cn_clip_without_its_dependencies() -> None:
    assert plan_install(again=True).commands == ((*PIP, TORCH), (*PIP, *COMPANIONS), (*PIP, "--no-deps", CN_CLIP))
    assert (TORCH, CN_CLIP) == ("torch==2.13.0", "cn_clip==1.6.0")


def test_a_mirror_serves_all_and_another_index_torch_alone() -> None:
    torch, companions, cn_clip = plan_install(again=True, index_url="https://m/simple", torch_index_url="https://t/cpu").commands
    assert torch == (*PIP, "--index-url", "https://t/cpu", TORCH)
    assert cn_clip == (*PIP, "--index-url", "https://m/simple", "--no-deps", CN_CLIP)
    assert companions == (*PIP, "--index-url", "https://m/simple", *COMPANIONS)
    assert plan_install(again=True, index_url="https://m/simple").commands[0] == (*PIP, "--index-url", "https://m/simple", TORCH)


def test_a_complete_environment_needs_nothing_and_is_left_alone() -> None:
    assert plan_install().commands == ()
    install(plan_install())


def test_the_dry_run_shows_what_would_run_and_runs_nothing() -> None:
    done = CliRunner().invoke(main, ["install-clip", "--dry-run", "--again"])
    assert done.exit_code == 0
    assert done.output.splitlines() == [f"+ {shlex.join(command)}" for command in plan_install(again=True).commands]


def test_packages_that_cannot_be_fetched_lead_to_the_mirror(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_RETRIES", "0")
    command = (*PIP, "--index-url", "http://me:password@127.0.0.1:9/simple", "--no-deps", "soutu-no-such-package")
    with pytest.raises(Unavailable) as caught:
        install(InstallPlan((command,)))
    assert caught.value.text.en == (
        "The packages cannot be fetched (soutu-no-such-package): check the network, or name a mirror with --index-url"
    )
    assert caught.value.text.zh == "取不到软件包（soutu-no-such-package）：请检查网络，或用 --index-url 指定一个镜像"
    assert "soutu-no-such-package" in capfd.readouterr().err  # pip's own output was shown


def test_another_failure_of_pip_points_to_its_output(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FailedPrecondition) as caught:
        install(InstallPlan(((*PIP, "not a requirement!"),)))
    assert caught.value.reason == "INSTALL_FAILED"


def test_an_environment_without_pip_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pip", raising=False)
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(FailedPrecondition) as caught:
        install(InstallPlan(((*PIP, "six"),)))
    assert caught.value.reason == "NO_PIP"
