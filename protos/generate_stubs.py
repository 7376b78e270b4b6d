"""Build hook: generate the Python stubs of every proto file into the wheel.

The stubs are never committed; the wheel is the only place they exist.
"""

from __future__ import annotations

import shutil
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class StubGenerator(BuildHookInterface):
    """Run protoc over ``soutu/**/*.proto`` before the wheel is packed."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the stubs to ``build/stubs`` and add them to the wheel.

        Raises:
            RuntimeError: protoc refused a file; its own words are on stderr.
        """
        import grpc_tools
        from grpc_tools import protoc

        root = Path(self.root)
        out = root / "build" / "stubs"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        sources = sorted(str(path.relative_to(root)) for path in (root / "soutu").rglob("*.proto"))
        well_known = Path(grpc_tools.__file__).parent / "_proto"
        arguments = ["protoc", f"--proto_path={root}", f"--proto_path={well_known}"]
        for plugin in ("protoc-gen-mypy", "protoc-gen-mypy_grpc"):
            arguments.append(f"--plugin={plugin}={_script(plugin)}")
        for kind in ("python", "grpc_python", "mypy", "mypy_grpc"):
            arguments.append(f"--{kind}_out={out}")
        if protoc.main(arguments + sources) != 0:
            raise RuntimeError("protoc could not generate the stubs; see its message above")
        for stub in sorted(out.rglob("*.py*")):
            build_data["force_include"][str(stub)] = str(stub.relative_to(out))


def _script(name: str) -> str:
    """Find a console script of the isolated build environment."""
    for folder in (Path(sys.executable).parent, Path(sysconfig.get_path("scripts"))):
        if (candidate := folder / name).exists():
            return str(candidate)
    found = shutil.which(name)
    if found is None:
        raise RuntimeError(f"{name} is missing from the build environment")
    return found
