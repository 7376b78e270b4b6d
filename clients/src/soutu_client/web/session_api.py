"""Logging in: a token becomes a cookie that no script reads."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from soutu_client._feedback import Feedback
from soutu_client.access_models import Access
from soutu_client.feedback_models import is_guest
from soutu_client.web.callers import COOKIE, CallerClient, language_of, token_of
from soutu_client.web.client_pool import ClientPool

__all__ = ["router"]

router = APIRouter(tags=["session"])

_YEAR = 365 * 24 * 3600


class Session(BaseModel):
    """What whoever calls may do, whether by a token, how large an uploaded file may be, and whether their use is recorded."""

    access: Access
    has_token: bool
    max_upload_bytes: int
    records_use: bool


class LogIn(BaseModel):
    """A token, as ``soutu tokens create`` shows it."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(min_length=1, max_length=512)


@router.get("/session")
def get_session(request: Request, client: CallerClient) -> Session:
    """Say what the caller may do."""
    return _session(request, client.access(), has_token=bool(token_of(request)))


@router.post("/session")
def log_in(request: Request, response: Response, given: LogIn) -> Session:
    """Check a token and remember it in this browser."""
    pool: ClientPool = request.app.state.clients
    token = given.token.strip()
    access = pool.client(token, language_of(request)).access()
    response.set_cookie(
        COOKIE, token, max_age=_YEAR, httponly=True, samesite="strict", secure=request.url.scheme == "https", path="/"
    )
    return _session(request, access, has_token=True)


@router.delete("/session", status_code=204)
def log_out(response: Response) -> None:
    """Forget the token in this browser, and the pictures that were seen with it."""
    response.headers["clear-site-data"] = '"cache"'
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")


def _session(request: Request, access: Access, *, has_token: bool) -> Session:
    feedback: Feedback | None = request.app.state.feedback
    return Session(
        access=access,
        has_token=has_token,
        max_upload_bytes=request.app.state.settings.max_upload_bytes,
        records_use=feedback is not None and feedback.is_on and not is_guest(access),
    )
