"""The HTTP API against its own description, by schemathesis: many requests, right and wrong ones, to a real server."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from search_house import SearchHouse, picture
from soutu_client.web.application import create_application
from soutu_client.web.settings import WebSettings
from web_process import WebProcess

# All of its checks but one: that what fits the description is always accepted. Which dates, tokens and page tokens are right is
# more than a schema tells.
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.missing_required_header,
    checks.unsupported_method,
]
EXAMPLES = int(os.environ.get("SOUTU_HTTP_EXAMPLES", "25"))
"""Requests of each operation that are drawn at random, from a seed that stays; beside them come the edges of each field."""

described = schemathesis.openapi.from_dict(create_application(WebSettings(address="127.0.0.1:1")).openapi())


@pytest.fixture(scope="module")
def process(house: SearchHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebProcess]:
    for number, colour in enumerate("红绿蓝"):
        house.upload(f"旅行/{number}.png", picture(colour, 300 + number))
    house.settled()
    running = WebProcess(house.address, SOUTU_WEB_FEEDBACK_FOLDER=str(tmp_path_factory.mktemp("feedback")))
    yield running
    running.stop()


@described.parametrize()
@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_it_is_described(case: Case, process: WebProcess) -> None:
    case.call_and_validate(base_url=process.url, headers={"x-soutu": "1"}, checks=CHECKS)
