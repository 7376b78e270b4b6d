"""The library as a whole: its status, its jobs, its near-duplicates."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, StrictBool, TypeAdapter

from soutu_client._errors import CallTimeoutError, SoutuError
from soutu_client.library_models import DuplicatePage, Job, JobPage, LibraryStatus, LibrarySummary, SpaceStatus
from soutu_client.web.callers import CallerClient
from soutu_client.web.description import PageToken
from soutu_client.web.entity_tags import is_known
from soutu_client.web.errors import Problem
from soutu_client.web.search_api import FilterQuery

__all__ = ["router"]

router = APIRouter(tags=["library"])

_JOB = TypeAdapter(Job)
_SUMMARY = TypeAdapter(LibrarySummary)
_WATCH_SECONDS = 10.0
"""How long a call watches a job for a browser that may have gone: the search service takes few at a time."""


class Sync(BaseModel):
    """Which sources to read; none: all. ``confirm_gone``: a person's word that what is missing was removed."""

    model_config = ConfigDict(extra="forbid")

    sources: tuple[str, ...] = ()
    confirm_gone: StrictBool = False


class Space(BaseModel):
    """A model's space; see ``/api/status``."""

    model_config = ConfigDict(extra="forbid")

    space_id: str


@router.get("/status")
def get_status(client: CallerClient) -> LibraryStatus:
    """Say how the library is."""
    return client.status()


@router.get("/summary", response_model=LibrarySummary, responses={304: {}})
def get_summary(request: Request, client: CallerClient, chosen: Annotated[FilterQuery, Query()]) -> Response:
    """Say what there is to choose from among the photos that pass a filter: months, folders, cameras, formats, tags, albums."""
    body = _SUMMARY.dump_json(client.summary(filter=chosen.filter()))
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"etag": tag, "cache-control": "private, no-cache"}
    if is_known(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


@router.get("/duplicates")
def list_duplicates(
    client: CallerClient,
    max_distance: Annotated[int | None, Query(ge=0, le=16)] = None,
    min_cosine: Annotated[float | None, Query(ge=-1, le=1)] = None,
    page_size: Annotated[int, Query(ge=1, le=200)] = 50,
    page_token: PageToken = "",
) -> DuplicatePage:
    """List groups of photos that are nearly the same, the largest first."""
    return client.near_duplicates(max_distance=max_distance, min_cosine=min_cosine, page_size=page_size, page_token=page_token)


@router.post("/sync")
def start_sync(client: CallerClient, asked: Sync) -> Job:
    """Start reading the sources for what is new, changed or gone."""
    return client.start_sync(asked.sources, confirm_gone=asked.confirm_gone)


@router.get("/jobs")
def list_jobs(client: CallerClient, page_size: Annotated[int, Query(ge=1, le=200)] = 20, page_token: PageToken = "") -> JobPage:
    """List jobs, newest first."""
    return client.jobs(page_size=page_size, page_token=page_token)


@router.get("/jobs/{job_id}")
def get_job(client: CallerClient, job_id: str) -> Job:
    """Say how far a job is."""
    return client.job(job_id)


@router.post("/jobs/{job_id}/pause")
def pause_job(client: CallerClient, job_id: str) -> Job:
    """Pause a job; what is done stays done."""
    return client.pause_job(job_id)


@router.post("/jobs/{job_id}/resume")
def resume_job(client: CallerClient, job_id: str) -> Job:
    """Go on with a paused job."""
    return client.resume_job(job_id)


@router.post("/jobs/{job_id}/cancel")
def cancel_job(client: CallerClient, job_id: str) -> Job:
    """End a job early; what is done stays done."""
    return client.cancel_job(job_id)


@router.post("/reindex")
def start_reindex(client: CallerClient, asked: Space) -> Job:
    """Start embedding every photo with another model, which serves when all are."""
    return client.start_reindex(asked.space_id)


@router.post("/space")
def switch_space(client: CallerClient, asked: Space) -> SpaceStatus:
    """Answer queries by another model whose embeddings are kept, at once."""
    return client.switch_space(asked.space_id)


@router.get("/jobs/{job_id}/events", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}})
def watch_job(client: CallerClient, job_id: str) -> StreamingResponse:
    """Tell whenever a job has come further, until it is over (server-sent events, WHATWG HTML, section 9.2)."""
    client.job(job_id)  # one that does not exist is an error, not an empty stream
    return StreamingResponse(_events(client, job_id), media_type="text/event-stream", headers={"cache-control": "no-store"})


def _events(client: CallerClient, job_id: str) -> Iterator[bytes]:
    try:
        while True:
            try:
                for job in client.watch_job(job_id, timeout_seconds=_WATCH_SECONDS):
                    yield b"data: " + _JOB.dump_json(job) + b"\n\n"
                return
            except CallTimeoutError:
                yield b": still\n\n"  # and whoever has gone is noticed
    except SoutuError as error:
        problem = Problem(reason=error.reason, message=error.message)
        yield b"event: problem\ndata: " + problem.model_dump_json().encode() + b"\n\n"
