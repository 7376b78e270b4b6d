"""Adding photos: one file a request, whole in its body."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from soutu_client._errors import BusyError, InvalidInputError, NotAllowedError
from soutu_client._language import Text
from soutu_client.access_models import Scope
from soutu_client.models import Upload
from soutu_client.web.callers import CallerClient, language_of

__all__ = ["router"]

router = APIRouter(tags=["photos"])

_TOO_LARGE = Text(
    zh="文件有 {size} MiB，超过 {limit} MiB 的上限，没有上传",
    en="the file has {size} MiB, more than the limit of {limit} MiB; it was not uploaded",
)
_NO_LENGTH = Text(zh="请求没有说明文件大小（Content-Length）", en="the request does not tell the file's size (Content-Length)")
_READ_ONLY = Text(zh="这个令牌只能看，不能添加照片", en="this token allows looking, not adding photos")
_NO_ROOM = Text(zh="网页服务的磁盘写不进去，请检查剩余空间", en="the web server's disk does not take more; check its free space")


@router.put(
    "/uploads",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def upload(
    request: Request,
    client: CallerClient,
    name: Annotated[str, Query(min_length=1, max_length=900, description='Name in the library, "/" between folders.')],
) -> Upload:
    """Take one file in. It is safe in the store and the catalog when this answers; it is searchable soon after."""
    language, limit = language_of(request), request.app.state.settings.max_upload_bytes
    said = request.headers.get("content-length", "")
    if not said.isdecimal():
        raise InvalidInputError(_NO_LENGTH.to(language), reason="NO_LENGTH")
    if int(said) > limit:
        message = _TOO_LARGE.to(language).format(size=-(-int(said) // (1 << 20)), limit=limit >> 20)
        raise InvalidInputError(message, reason="TOO_LARGE")
    access = await run_in_threadpool(client.access)  # before anything of the body is kept
    if access.scope is Scope.READ:
        raise NotAllowedError(_READ_ONLY.to(language), reason="SCOPE_TOO_SMALL")
    async with request.app.state.uploads:
        with tempfile.TemporaryDirectory(prefix="soutu-web-") as folder:
            path = Path(folder) / "upload"
            try:
                with path.open("wb") as file:
                    async for chunk in request.stream():
                        await run_in_threadpool(file.write, chunk)
            except OSError as error:
                raise BusyError(_NO_ROOM.to(language), reason="DISK_FULL") from error
            return await run_in_threadpool(client.upload, path, name=name)
