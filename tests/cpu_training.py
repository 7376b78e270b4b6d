"""cn_clip's training program on a CPU, for tests: as ``soutu_services.tuning.full.program`` runs it, told that this is a GPU.

Where the configurations lie, is the first argument; ``--kill-after=N`` ends it hard while it writes the Nth epoch's last
checkpoint.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch


def _cpu_for_gpu() -> None:
    torch.cuda.set_device = lambda _: None
    torch.Tensor.cuda = lambda self, *_, **__: self  # type: ignore[method-assign]
    torch.nn.Module.cuda = lambda self, *_, **__: self  # type: ignore[method-assign]
    begin, parallel = torch.distributed.init_process_group, torch.nn.parallel.DistributedDataParallel
    torch.distributed.init_process_group = lambda backend: begin(
        "gloo", rank=0, world_size=1, store=torch.distributed.HashStore()
    )
    torch.nn.parallel.DistributedDataParallel = lambda model, device_ids, **options: parallel(model, **options)


def _kill_after(epochs: int) -> None:
    save, count = torch.save, [0]

    def counted(what: Any, path: Any) -> None:
        if "latest" in str(path):
            count[0] += 1
            if count[0] == epochs:
                buffer = io.BytesIO()
                save(what, buffer)
                Path(path).write_bytes(buffer.getvalue()[:-100])  # cut off
                os._exit(9)
        save(what, path)

    torch.save = counted


def main() -> None:
    configurations = Path(sys.argv.pop(1))
    options = [one for one in sys.argv if one.startswith("--kill-after=")]
    sys.argv = [one for one in sys.argv if one not in options]
    torch.set_num_threads(1)
    os.environ["LOCAL_RANK"] = "0"
    _cpu_for_gpu()
    if options:
        _kill_after(int(options[0].partition("=")[2]))

    from soutu_services.tuning.full import program

    data, train = (sys.modules[f"cn_clip.training.{name}"] for name in ("data", "train"))
    data.__file__ = program.program.__file__ = str(configurations / "training" / "main.py")
    train.autocast = lambda **_: nullcontext()
    program.program.GradScaler = lambda: torch.amp.GradScaler("cpu", enabled=False)
    program.main()


if __name__ == "__main__":
    main()
