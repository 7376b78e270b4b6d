"""What commands of ``soutu-tune`` do with the record of use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from soutu_services.embedding.encoder import Encoder
from soutu_services.runtime.command_line import complain, say
from soutu_services.runtime.language import Text
from soutu_services.tuning.flaws import Flaws
from soutu_services.tuning.library_commands import connected, shown_progress
from soutu_services.tuning.use_pairs import UsePair, use_pairs
from soutu_services.tuning.use_record import read_uses
from soutu_services.tuning.use_vectors import UseVectors, embed_use

__all__ = ["pairs_of_record", "vectors_of_record"]


def pairs_of_record(files: Sequence[Path], flaws: Flaws) -> list[UsePair]:
    """Read records and say what is in them.

    Raises:
        OSError: a file cannot be read.
    """
    pairs = use_pairs(read_uses(files, flaws))
    wanted = sum(pair.is_wanted for pair in pairs)
    queries = len({pair.query for pair in pairs})
    say(
        Text(
            zh=f"使用记录：{queries} 种问法，{wanted} 对相符，{len(pairs) - wanted} 对不符",
            en=f"record of use: {queries} queries, {wanted} pairs that fit, {len(pairs) - wanted} that do not",
        )
    )
    return pairs


def vectors_of_record(
    files: Sequence[Path], strength: float, encoder: Encoder, flaws: Flaws, *, address: str | None
) -> UseVectors | None:
    """Return what records tell a training; None: nothing, or nothing that counts.

    Raises:
        SoutuError: the library fails, or has no vectors of this model.
        OSError: a file cannot be read.
    """
    if not files or not strength:
        return None
    pairs = pairs_of_record(files, flaws)
    if not pairs:
        return None
    with connected(address) as library, shown_progress(Text(zh="图库的向量", en="the library's vectors")) as (progress, task):
        uses = embed_use(pairs, encoder, library, flaws, on_progress=lambda seen: progress.update(task, completed=seen))
    if uses is None:
        complain(
            Text(
                zh="使用记录里的照片图库里都没有，没有用上它",
                en="no photo of the record of use is in the library: it is not used",
            )
        )
        return None
    return uses.scaled(strength)
