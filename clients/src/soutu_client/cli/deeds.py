"""What a person does with photos that were found, for the record that ``soutu feedback`` turns on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from soutu_client._errors import SoutuError
from soutu_client._feedback import Feedback
from soutu_client._os_errors import describe_os_error
from soutu_client.feedback_models import Deed, Use

if TYPE_CHECKING:
    from soutu_client.cli.session import Session
    from soutu_client.models import Term

__all__ = ["is_recording", "note_deed", "note_deeds_of_last_search"]


def is_recording() -> bool:
    """Whether deeds are recorded on this computer."""
    try:
        return Feedback.of_user().is_on
    except OSError:
        return False


def note_deed(session: Session, did: Deed, *, terms: Sequence[Term], photo_id: str, rank: int) -> bool:
    """Record a deed and say whether it was; nothing that fails here stops what the person wanted."""
    if not terms or not is_recording():
        return False
    try:
        return Feedback.of_user().record(Use(did, tuple(terms), photo_id, rank), access=session.client.access())
    except OSError as error:
        session.remark(session.text("feedback.failed", why=describe_os_error(error, session.texts.language)), style="yellow")
    except SoutuError:
        pass  # who may do what is not known now: nothing is kept
    return False


def note_deeds_of_last_search(session: Session, did: Deed, photo_ids: Sequence[str]) -> None:
    """Record a deed with each of the photos that the last search found."""
    if not is_recording():
        return
    from soutu_client.cli.last_hits import last_hits, last_question  # noqa: PLC0415 - most runs need none

    address = session.client.address
    terms, found = last_question(address), last_hits(address)
    for photo_id in photo_ids:
        if photo_id in found:
            note_deed(session, did, terms=terms, photo_id=photo_id, rank=found.index(photo_id) + 1)
