"""The record of use: what is done with what is found, kept on this machine once an admin has turned it on."""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from soutu_client._errors import NotAllowedError, NotFoundError
from soutu_client._feedback import Feedback
from soutu_client._language import Text
from soutu_client._use_line import line_of
from soutu_client.access_models import Access, Scope
from soutu_client.feedback_models import Deed, Use, is_guest
from soutu_client.models import ImageTerm, PhotoTerm, Term, TextTerm
from soutu_client.web.callers import CallerClient, language_of, token_of

__all__ = ["router"]

router = APIRouter(prefix="/feedback", tags=["feedback"])
_logger = logging.getLogger(__name__)

_MOST_TERMS, _MOST_CHARACTERS = 32, 1000  # as a search may have
_WHO_DIGITS = 8

_NO_FOLDER = Text(
    zh="这台网页服务没有地方放使用记录：请设 SOUTU_WEB_FEEDBACK_FOLDER",
    en="this web server has no place for the record of use: set SOUTU_WEB_FEEDBACK_FOLDER",
)
_GUEST = Text(zh="客人的搜索不记", en="nothing is recorded of guests")
_ADMIN = Text(zh="只有管理员能看和改使用记录", en="only an admin may see and change the record of use")

Weight = Annotated[float, Field(strict=True, ge=-100, le=100)]


class AskedText(BaseModel):
    """Words that were looked for."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=_MOST_CHARACTERS)
    weight: Weight = 1.0

    def term(self) -> Term:
        """Return it as the SDK has it."""
        return TextTerm(self.text, self.weight)


class AskedPhoto(BaseModel):
    """A photo that similar ones were looked for of."""

    model_config = ConfigDict(extra="forbid")

    photo_id: str = Field(pattern=r"^[0-9a-f]{32}$")
    weight: Weight = 1.0

    def term(self) -> Term:
        """Return it as the SDK has it."""
        return PhotoTerm(self.photo_id, self.weight)


class AskedPicture(BaseModel):
    """A picture that similar photos were looked for of: that there was one, and nothing of it."""

    model_config = ConfigDict(extra="forbid")

    picture: Literal[True]
    weight: Weight = 1.0

    def term(self) -> Term:
        """Return it as the SDK has it."""
        return ImageTerm(b"", self.weight)


class UseBody(BaseModel):
    """What was done with a photo that a search found at a rank, from 1."""

    model_config = ConfigDict(extra="forbid")

    did: Deed
    terms: tuple[AskedText | AskedPhoto | AskedPicture, ...] = Field(min_length=1, max_length=_MOST_TERMS)
    photo_id: str = Field(pattern=r"^[0-9a-f]{32}$")
    rank: int = Field(ge=1, le=1_000_000, strict=True)


class Kept(BaseModel):
    """Whether it was recorded."""

    kept: bool


class Turn(BaseModel):
    """Whether to record from now on."""

    model_config = ConfigDict(extra="forbid")

    record: StrictBool


class FeedbackState(BaseModel):
    """How the record is. Whether it can be kept at all, whether it is, and, for admins, how much there is since when."""

    can_record: bool
    is_on: bool
    uses: int | None = None
    broken_lines: int | None = None
    size_bytes: int | None = None
    since: datetime | None = None


@router.get("")
def get_feedback(request: Request, client: CallerClient) -> FeedbackState:
    """Say whether use is recorded."""
    return _state(request, client.access())


@router.post("")
def turn_feedback(request: Request, client: CallerClient, asked: Turn) -> FeedbackState:
    """Record use from now on, or no more; what is there stays."""
    feedback, access = _of_admin(request, client)
    feedback.turn(is_on=asked.record)
    return _state(request, access)


@router.post("/uses")
def record_use(request: Request, client: CallerClient, asked: UseBody) -> Kept:
    """Record what was done with a photo that was found, if use is recorded."""
    access = client.access()
    if is_guest(access):
        raise NotAllowedError(_GUEST.to(language_of(request)), reason="GUEST")
    feedback: Feedback | None = request.app.state.feedback
    if feedback is None:
        return Kept(kept=False)
    use = Use(asked.did, tuple(one.term() for one in asked.terms), asked.photo_id, asked.rank, _who(request))
    try:
        return Kept(kept=feedback.record(use, access=access))
    except OSError:
        _logger.warning("a use could not be recorded", exc_info=True)
        return Kept(kept=False)


@router.get("/record", response_class=Response, responses={200: {"content": {"application/x-ndjson": {}}}})
def get_record(request: Request, client: CallerClient) -> Response:
    """Return the record, a line of JSON for each deed; lines that cannot be read are left out."""
    feedback, _ = _of_admin(request, client)
    headers = {"content-disposition": 'attachment; filename="use.jsonl"', "cache-control": "no-store"}
    return Response(b"".join(map(line_of, feedback.read().uses)), media_type="application/x-ndjson", headers=headers)


@router.post("/clear")
def clear_record(request: Request, client: CallerClient) -> FeedbackState:
    """Erase the record."""
    feedback, access = _of_admin(request, client)
    feedback.clear()
    return _state(request, access)


def _of_admin(request: Request, client: CallerClient) -> tuple[Feedback, Access]:
    access = client.access()
    if not _is_admin(access):
        raise NotAllowedError(_ADMIN.to(language_of(request)), reason="ADMIN_ONLY")
    feedback: Feedback | None = request.app.state.feedback
    if feedback is None:
        raise NotFoundError(_NO_FOLDER.to(language_of(request)), reason="NO_FEEDBACK_FOLDER")
    return feedback, access


def _state(request: Request, access: Access) -> FeedbackState:
    feedback: Feedback | None = request.app.state.feedback
    if feedback is None or is_guest(access):
        return FeedbackState(can_record=False, is_on=False)
    if not _is_admin(access):
        return FeedbackState(can_record=True, is_on=feedback.is_on)
    status = feedback.status()
    return FeedbackState(
        can_record=True,
        is_on=status.is_on,
        uses=status.uses,
        broken_lines=status.broken_lines,
        size_bytes=status.size_bytes,
        since=status.since,
    )


def _is_admin(access: Access) -> bool:
    return access.scope is Scope.ADMIN and not is_guest(access)


def _who(request: Request) -> str:
    """Tell persons apart by their tokens, which cannot be told from it; empty: none is needed here."""
    token = token_of(request)
    return hashlib.sha256(f"soutu use {token}".encode()).hexdigest()[:_WHO_DIGITS] if token else ""
