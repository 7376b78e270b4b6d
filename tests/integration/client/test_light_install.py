"""The client alone in a fresh environment, as on a Raspberry Pi."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from patience import PATIENCE
from soutu_client import Client

ROOT = Path(__file__).parents[3]


def call(*command: str | Path) -> str:
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True, env=own, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_client_alone_installs_light(real_service: str, tmp_path: Path) -> None:
    with Client(real_service, timeout_seconds=PATIENCE) as client:
        client.wait_until_ready([client.upload(ROOT / "deploy" / "samples" / "chelsea.jpg").photo_id], timeout_seconds=PATIENCE)

    for name in ("protos", "clients"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("build", "dist", "__pycache__", "*_pb2*"))
    call(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    wheels = tmp_path / "wheels"
    call(*pip, "wheel", "--no-deps", "--wheel-dir", wheels, tmp_path / "protos", tmp_path / "clients")
    protos, client_alone = next(wheels.glob("soutu_protos-*.whl")), next(wheels.glob("soutu_client-*.whl"))
    constraints = ROOT / "deploy" / "constraints.txt"
    call(*pip, "--python", python, "install", "--no-compile", "--constraint", constraints, protos, f"{client_alone}[cli]")

    installed = {each["name"].lower() for each in json.loads(call(*pip, "--python", python, "list", "--format", "json"))}
    assert {"soutu-client", "soutu-protos", "grpcio", "pillow"} <= installed
    heavy = {"torch", "faiss-cpu", "onnxruntime", "minio", "numpy", "cn-clip", "soutu-services"}
    assert not installed & heavy

    soutu = tmp_path / "venv" / "bin" / "soutu"
    answer = json.loads(call(soutu, "--timeout", "120", "search", "一只猫", "--json", "--address", real_service))
    assert answer["hits"][0]["hit"]["photo"]["names"][0]["name"] == "chelsea.jpg"
    assert call(soutu, "--version") == "soutu 0.1.0\n"
