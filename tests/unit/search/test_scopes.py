"""What each method of the services needs: whoever adds a method decides who may call it."""

from __future__ import annotations

from typing import Any
from unittest.mock import MagicMock

import pytest
from google.protobuf.descriptor import ServiceDescriptor
from soutu.embedding.v1 import embedding_pb2
from soutu.search.v1 import access_service_pb2, library_service_pb2, photo_service_pb2, search_service_pb2

from soutu_services.embedding.servicer import served as served_embedding
from soutu_services.search.servicer_access import served_access
from soutu_services.search.servicer_library import served_library
from soutu_services.search.servicer_photos import served_photos
from soutu_services.search.servicer_search import served_search

NO_PARTS: Any = MagicMock()
SERVICES = [
    (served_access(NO_PARTS), access_service_pb2.DESCRIPTOR.services_by_name["AccessService"]),
    (served_embedding(NO_PARTS), embedding_pb2.DESCRIPTOR.services_by_name["EmbeddingService"]),
    (served_library(NO_PARTS), library_service_pb2.DESCRIPTOR.services_by_name["LibraryService"]),
    (served_photos(NO_PARTS), photo_service_pb2.DESCRIPTOR.services_by_name["PhotoService"]),
    (served_search(NO_PARTS), search_service_pb2.DESCRIPTOR.services_by_name["SearchService"]),
]


@pytest.mark.parametrize(("served", "described"), SERVICES, ids=[described.name for _, described in SERVICES])
def test_each_method_has_a_scope(served: Any, described: ServiceDescriptor) -> None:
    assert served.name == described.full_name
    assert set(served.scopes) == {method.name for method in described.methods}
