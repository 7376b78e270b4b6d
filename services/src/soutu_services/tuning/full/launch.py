"""Running cn_clip's training program: followed line by line, stopped when nothing gets better, never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from soutu_services.runtime.errors import FailedPrecondition, Overloaded
from soutu_services.tuning.full.progress import FullProgress, best_epoch

__all__ = ["run_training"]

_GRACE_SECONDS = 20


def run_training(
    command: Sequence[str],
    *,
    progress: FullProgress,
    checkpoints: Path,
    log: Path,
    patience: int,
    chunk: int,
    on_line: Callable[[], None] = lambda: None,
    on_epoch: Callable[[], None] = lambda: None,
) -> None:
    """Run the program until it ends or nothing gets better; keep the best and the last epoch's checkpoints alone.

    Args:
        command: What to run.
        progress: Takes what it says.
        checkpoints: Folder of its checkpoints.
        log: Takes its output, after what is there.
        patience: Epochs without a better one after which it is stopped.
        chunk: Pairs at once, for advice.
        on_line: Called after each line.
        on_epoch: Called when an epoch was measured, before its checkpoint is written.

    Raises:
        Overloaded: memory does not suffice; epochs that are complete are kept.
        FailedPrecondition: it failed.
        OSError: it cannot be run, or the log cannot be written.
    """
    last = ""
    with (
        log.open("a", encoding="utf-8") as file,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True
        ) as process,
    ):
        assert process.stdout is not None
        try:
            for line in process.stdout:
                file.write(line)
                last = line.strip() or last
                event = progress.read(line)
                if event == "measured":
                    on_epoch()
                elif event == "saved":
                    _prune(checkpoints, progress)
                    if progress.saved - best_epoch(progress.epochs) >= patience:
                        return
                on_line()
            status = process.wait()
        finally:
            _stop(process)
    if progress.out_of_memory:
        raise _out_of_memory(chunk)
    if status != 0 or not progress.saved:
        raise FailedPrecondition(
            "TRAINING_FAILED",
            zh=f"cn_clip 的训练程序出错了（{last[:200]}）：全部输出在 {log}；完成的各轮已保留，再运行一次会接着做",
            en=f"cn_clip's training program failed ({last[:200]}): all of its output is in {log}; epochs that are complete are "
            "kept, and running it again goes on",
        )


def _prune(checkpoints: Path, progress: FullProgress) -> None:
    """Remove all but two: each is three times the model."""
    kept = {f"epoch{progress.saved}.pt", f"epoch{best_epoch(progress.epochs)}.pt"}
    for path in checkpoints.glob("epoch*.pt"):
        if path.name not in kept:
            path.unlink()


def _stop(process: subprocess.Popen[str]) -> None:
    """End it with all that it started."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None and sign == signal.SIGTERM:
            return
        try:
            os.killpg(process.pid, sign)
            process.wait(_GRACE_SECONDS)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _out_of_memory(chunk: int) -> Overloaded:
    smaller = max(1, chunk // 2)
    return Overloaded(
        "OUT_OF_MEMORY",
        zh=f"显存不够（每次 {chunk} 对）：请加上 --chunk {smaller} 再运行一次，会从完成的一轮接着做；或改用 --depth low-rank",
        en=f"the GPU's memory does not suffice ({chunk} pairs at once): run it again with --chunk {smaller}; it goes on from the "
        "last complete epoch. Or choose --depth low-rank",
    )
