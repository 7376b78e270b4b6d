from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from clip_checkpoints import TinyCheckpoint


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TinyCheckpoint]:
    """A tiny checkpoint of each kind of vision tower: ``vit`` and ``resnet``."""
    from clip_checkpoints import make_checkpoint

    folder = tmp_path_factory.mktemp("tiny-clip")
    return {kind: make_checkpoint(folder, kind) for kind in ("vit", "resnet")}
