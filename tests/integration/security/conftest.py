"""A search service's access service alone, with TLS and tokens, over a real catalog."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from home_certificates import HomeCertificates
from soutu_services.runtime.access import Scope
from soutu_services.runtime.server import RunningServer, ServerSettings, start_server
from soutu_services.search.access_control import AccessControl
from soutu_services.search.catalog import Catalog
from soutu_services.search.servicer_access import served_access


@pytest.fixture(scope="package")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> HomeCertificates:
    return HomeCertificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def control(tmp_path: Path) -> Iterator[AccessControl]:
    with Catalog.open(tmp_path / "catalog.sqlite3") as catalog:
        yield AccessControl(catalog.tokens, is_required=True)


@pytest.fixture
def admin(control: AccessControl) -> str:
    return control.create(name="爸爸", scope=Scope.ADMIN, folders=())[1]


@pytest.fixture
def start(control: AccessControl) -> Iterator[Callable[..., RunningServer]]:
    with ExitStack() as stack:

        def start(**settings: Any) -> RunningServer:
            server = start_server(
                [served_access(control)],
                ServerSettings(**{"metrics_listen": "", **settings}),
                package="soutu.search.v1",
                authenticator=control,
            )
            stack.callback(server.stop, 0)
            return server

        yield start
