"""The programs of the house and their settings: the same variables that each of them is given on a NAS or a GPU machine."""

from __future__ import annotations

import json
import os
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from soutu_services.home.library import InPlaceFolder, Library, StoreKey
from soutu_services.home.problem import HomeProblem
from soutu_services.home.security import has_tls
from soutu_services.home.settings import HomeSettings
from soutu_services.home.supervisor import Program
from soutu_services.runtime.addresses import Address
from soutu_services.runtime.language import Text
from soutu_services.runtime.probe import answers_grpc, answers_tcp, reachable

__all__ = ["embedding_service", "in_place_store", "photo_store", "script", "search_service", "web_page"]

_RCLONE_STOP_SECONDS = 5.0
_EMBEDDING_STOP_SECONDS = 15.0
_WEB_STOP_SECONDS = 10.0
_SEARCH_STOP_SECONDS = 30.0


def script(name: str) -> Path | None:
    """Find a program that a package installed into this environment."""
    candidates = (Path(sysconfig.get_path("scripts")) / name, Path(sys.executable).parent / name)
    return next((candidate for candidate in candidates if candidate.exists()), None)


def photo_store(library: Library, settings: HomeSettings) -> Program:
    """The S3 server of the library: every folder of ``store`` is a bucket."""
    address = Address.parse(settings.store_listen)
    return Program(
        name="store",
        title=Text(zh="照片存储", en="photo store"),
        command=(*_rclone(library, address), str(library.store)),
        environment=_rclone_environment(library.store_key()),
        is_ready=partial(answers_tcp, address),
        stop_seconds=_RCLONE_STOP_SECONDS,
    )


def in_place_store(library: Library, settings: HomeSettings, folders: Sequence[InPlaceFolder]) -> Program:
    """The S3 server of the folders that are used where they lie: each is a bucket, and none can be written.

    Paths are handed over in variables, one an ``alias`` remote, so that any character may be in them.
    """
    address = Address.parse(settings.in_place_listen)
    remotes = {"RCLONE_CONFIG_FOLDERS_TYPE": "combine"}
    upstreams = []
    for number, folder in enumerate(folders, 1):
        remotes[f"RCLONE_CONFIG_INPLACE{number}_TYPE"] = "alias"
        remotes[f"RCLONE_CONFIG_INPLACE{number}_REMOTE"] = folder.path
        upstreams.append(f"{folder.name}=inplace{number}:")
    remotes["RCLONE_CONFIG_FOLDERS_UPSTREAMS"] = " ".join(upstreams)
    return Program(
        name="in-place",
        title=Text(zh="就地相册", en="store of the folders in place"),
        command=(*_rclone(library, address), "--read-only", "folders:"),
        environment=_rclone_environment(library.store_key()) | remotes,
        is_ready=partial(answers_tcp, address),
        stop_seconds=_RCLONE_STOP_SECONDS,
    )


def embedding_service(settings: HomeSettings, environment: Mapping[str, str] = os.environ) -> Program:
    """The embedding service; which models it serves is up to its own variables."""
    address = Address.parse(settings.embedding_listen)
    text = {"SOUTU_EMBEDDING_MODELS": settings.text_model} if settings.text_embedding_address else {}
    return Program(
        name="embedding",
        title=Text(zh="向量服务", en="embedding service"),
        command=(sys.executable, "-m", "soutu_services.embedding"),
        environment={
            **environment,
            "SOUTU_EMBEDDING_LISTEN": settings.embedding_listen,
            "SOUTU_EMBEDDING_METRICS_LISTEN": settings.embedding_metrics_listen,
            **text,
        },
        is_ready=partial(answers_grpc, address, _authority(environment, "EMBEDDING")),
        stop_seconds=_EMBEDDING_STOP_SECONDS,
    )


def search_service(library: Library, settings: HomeSettings, environment: Mapping[str, str] = os.environ) -> Program:
    """The search service with the library's store and the folders in place as its sources."""
    key = library.store_key()
    in_place = {"url": f"http://{settings.in_place_listen}", "access_key": key.access, "secret_key": key.secret}
    own = [{"name": folder.name, "bucket": folder.name, "store": in_place} for folder in library.in_place_folders]
    more = _more_sources(environment.get("SOUTU_SEARCH_SOURCES") or "[]")
    variables = {
        **environment,
        "SOUTU_SEARCH_LISTEN": settings.search_listen,
        "SOUTU_SEARCH_METRICS_LISTEN": settings.search_metrics_listen,
        "SOUTU_SEARCH_DATA_FOLDER": str(library.catalog),
        "SOUTU_SEARCH_SOURCES": json.dumps([*own, *more]),
        "SOUTU_SEARCH_EMBEDDING_ADDRESS": settings.embedding_address or settings.embedding_listen,
    }
    if settings.text_embedding_address:
        variables["SOUTU_SEARCH_TEXT_EMBEDDING_ADDRESS"] = settings.text_embedding_address
    if not settings.store_url:
        variables |= {
            "SOUTU_SEARCH_STORE__URL": f"http://{settings.store_listen}",
            "SOUTU_SEARCH_STORE__ACCESS_KEY": key.access,
            "SOUTU_SEARCH_STORE__SECRET_KEY": key.secret,
            "SOUTU_SEARCH_STORE__FOLDER": str(library.store),
        }
    return Program(
        name="search",
        title=Text(zh="搜索服务", en="search service"),
        command=(sys.executable, "-m", "soutu_services.search"),
        environment=variables,
        is_ready=partial(answers_grpc, Address.parse(settings.search_listen), _authority(environment, "SEARCH")),
        stop_seconds=_SEARCH_STOP_SECONDS,
    )


def web_page(library: Library, settings: HomeSettings, environment: Mapping[str, str] = os.environ) -> Program:
    """The web page: a client of the search service as any other, without a token of its own."""
    address = Address.parse(settings.web_listen)
    authority = _authority(environment, "SEARCH")
    variables = {name: value for name, value in environment.items() if name not in {"SOUTU_TOKEN", "SOUTU_TOKEN_FILE"}}
    variables.setdefault("SOUTU_WEB_FEEDBACK_FOLDER", str(library.root / "feedback"))
    variables |= {
        "SOUTU_WEB_LISTEN": settings.web_listen,
        "SOUTU_ADDRESS": str(reachable(Address.parse(settings.search_listen))),
        "SOUTU_WEB_HOSTS": ",".join(name for name in (settings.host, environment.get("SOUTU_WEB_HOSTS", "")) if name),
    }
    if authority is not None:
        variables["SOUTU_AUTHORITY"] = str(authority)
    return Program(
        name="web",
        title=Text(zh="网页", en="web page"),
        command=(sys.executable, "-m", "soutu_client.web"),
        environment=variables,
        is_ready=partial(answers_tcp, reachable(address)),
        stop_seconds=_WEB_STOP_SECONDS,
    )


def _authority(environment: Mapping[str, str], service: str) -> Path | None:
    """Return by what a service that has a certificate is known; None: it has none."""
    authority = environment.get(f"SOUTU_{service}_TLS__AUTHORITY")
    return Path(authority) if authority and has_tls(environment, service) else None


def _more_sources(text: str) -> list[object]:
    try:
        sources = json.loads(text)
    except ValueError:
        sources = None
    if not isinstance(sources, list):
        raise HomeProblem(
            zh="SOUTU_SEARCH_SOURCES 不是 JSON 列表，请改正它。",
            en="SOUTU_SEARCH_SOURCES is no JSON list; correct it.",
        )
    return sources


def _rclone(library: Library, address: Address) -> tuple[str, ...]:
    program = script("rclone")
    if program is None:
        raise HomeProblem(
            zh="找不到 rclone。请运行 make setup 重新安装。",
            en="rclone is missing. Run make setup to install it again.",
        )
    return (
        str(program),
        *("serve", "s3", "--config", os.devnull, "--addr", str(address), "--cache-dir", str(library.cache)),
        # An ETag would cost reading every file that is listed; size and time of change are enough here.
        *("--etag-hash", "", "--vfs-cache-mode", "off", "--dir-cache-time", "5s"),
    )


def _rclone_environment(key: StoreKey) -> dict[str, str]:
    """Return this process's environment without a person's own rclone settings, with the key, which ``ps`` must not show."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RCLONE_")}
    return kept | {"RCLONE_AUTH_KEY": f'"{key.access},{key.secret}"'}
