"""The ASGI application: the page, and the API below ``/api`` with its description at ``/api/openapi.json``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse
from starlette.staticfiles import StaticFiles

from soutu_client._feedback import Feedback
from soutu_client.web import album_api, download_api, feedback_api, library_api, photo_api, search_api, session_api, upload_api
from soutu_client.web.body_limit import BodyLimit
from soutu_client.web.client_pool import ClientPool
from soutu_client.web.description import describe
from soutu_client.web.errors import Problem, answer_errors
from soutu_client.web.protection import Protection
from soutu_client.web.service_worker import service_worker
from soutu_client.web.settings import WebSettings

__all__ = ["create_application"]

_UPLOADS_AT_A_TIME = 8
"""How many files lie in the temporary folder at most; others wait before their bytes are read."""
_STATIC = Path(__file__).parent / "static"
_REVALIDATED = {"cache-control": "no-cache"}
_AT_THE_TOP = {"/": "index.html", "/manifest.webmanifest": "manifest.webmanifest"}
_MEDIA_TYPES = {"manifest.webmanifest": "application/manifest+json"}


class _Static(StaticFiles):
    """Files of the page: the browser asks each time whether they changed, so that an upgrade is seen at once."""

    def file_response(self, *arguments: object, **options: object) -> FileResponse:
        """Return a file."""
        answer = super().file_response(*arguments, **options)  # type: ignore[arg-type]
        answer.headers.update(_REVALIDATED)
        return answer  # type: ignore[return-value]


def create_application(settings: WebSettings) -> FastAPI:
    """Make the application.

    Args:
        settings: Where the search service is, and what is allowed.
    """
    clients = ClientPool(settings)

    @asynccontextmanager
    async def lifespan(_application: FastAPI) -> AsyncIterator[None]:
        yield
        clients.close()

    application = FastAPI(
        title="soutu 搜图",
        summary="Private photo search for a home: what the web page uses, for programs of the house.",
        version="1",
        openapi_url="/api/openapi.json",
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    application.state.clients = clients
    application.state.settings = settings
    application.state.downloads = download_api.Downloads()
    application.state.feedback = Feedback(settings.feedback_folder) if settings.feedback_folder is not None else None
    application.state.uploads = asyncio.Semaphore(_UPLOADS_AT_A_TIME)
    api = APIRouter(prefix="/api", responses={"4XX": {"model": Problem}, "5XX": {"model": Problem}})
    for module in (session_api, search_api, photo_api, album_api, download_api, library_api, feedback_api, upload_api):
        api.include_router(module.router)
    application.include_router(api)
    for path, name in _AT_THE_TOP.items():
        application.add_api_route(path, _file(name), methods=["GET", "HEAD"], include_in_schema=False)
    application.add_api_route("/sw.js", service_worker(_STATIC), methods=["GET", "HEAD"], include_in_schema=False)
    application.mount("/static", _Static(directory=_STATIC), name="static")
    describe(application)
    answer_errors(application)
    application.add_middleware(BodyLimit, max_bytes=settings.max_query_bytes, except_path="/api/uploads")
    application.add_middleware(Protection, settings=settings)
    return application


def _file(name: str) -> Callable[[], FileResponse]:
    def answer() -> FileResponse:
        return FileResponse(_STATIC / name, media_type=_MEDIA_TYPES.get(name), headers=_REVALIDATED)

    return answer
