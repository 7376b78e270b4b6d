"""What Prometheus is told: right at the moment it asks, and nothing that only the family should know."""

from __future__ import annotations

import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from patience import PATIENCE, eventually
from search_house import picture
from soutu_client import NotFoundError
from soutu_client.models import ImageTerm


def scraped(house) -> str:
    with urllib.request.urlopen(f"http://{house.server.metrics_address}/metrics", timeout=PATIENCE) as answer:
        return answer.read().decode()


def value(house, name: str, **labels: str) -> float | None:
    for family in text_string_to_metric_families(scraped(house)):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return None


@pytest.fixture
def watched(start_house):
    return start_house(metrics_listen="127.0.0.1:0")


def test_pending_photos_are_right_though_nobody_asks_for_the_status(watched, encoder):
    encoder.gate.clear()
    photo_id = watched.upload("红.png", picture("红"))
    assert value(watched, "soutu_pending_photos") == 1
    encoder.gate.set()
    eventually(lambda: watched.photo(photo_id).state.value == "READY")
    assert value(watched, "soutu_pending_photos") == 0
    assert value(watched, "soutu_photos", state="ready") == 1
    assert value(watched, "soutu_index_vectors") == 1
    watched.client.delete([photo_id])
    assert value(watched, "soutu_photos", state="ready") == 0
    assert value(watched, "soutu_photos", state="deleted") == 1


def test_the_last_sync_is_known_after_a_restart(watched):
    assert value(watched, "soutu_last_sync_timestamp_seconds", source="photos") is None
    watched.sync()
    moment = value(watched, "soutu_last_sync_timestamp_seconds", source="photos")
    assert moment is not None
    watched.restart()
    assert value(watched, "soutu_last_sync_timestamp_seconds", source="photos") == moment


def test_tells_which_embedding_services_can_be_used(watched, colour_server):
    eventually(lambda: value(watched, "soutu_embedder_up", service="main") == 1)
    assert value(watched, "soutu_embedder_up", service="text") is None
    nobody = "127.0.0.1:1"
    watched.restart(embedding_address=nobody, text_embedding_address=colour_server.address)
    eventually(lambda: value(watched, "soutu_embedder_up", service="text") == 1)
    assert value(watched, "soutu_embedder_up", service="main") == 0
    eventually(lambda: value(watched, "soutu_problem", part="embedding") == 1)


def test_tells_of_a_source_that_cannot_be_read(watched, tmp_path):
    assert value(watched, "soutu_source_problem", source="photos") == 0
    watched.restart(sources=[{"name": "drive", "bucket": "no-such-bucket"}])
    watched.sync("drive")
    eventually(lambda: value(watched, "soutu_source_problem", source="drive") == 1)
    assert value(watched, "soutu_source_problem", source="photos") == 0


def test_times_each_stage_of_the_ingest_and_of_a_search(watched):
    def counted(metric: str, stages: str) -> dict[str, float]:
        return {stage: value(watched, f"{metric}_count", stage=stage) or 0.0 for stage in stages.split()}

    ingest, query = "read decode thumbnail fetch embed store", "picture embed words index hydrate"
    before = counted("soutu_ingest_stage_seconds", ingest), counted("soutu_query_stage_seconds", query)
    watched.bucket("photos").put("绿.png", picture("绿"))
    watched.sync()
    watched.settled()
    watched.found("绿")
    watched.client.search([ImageTerm(picture("红"))])
    after = counted("soutu_ingest_stage_seconds", ingest), counted("soutu_query_stage_seconds", query)
    for earlier, later in zip(before, after, strict=True):
        assert [stage for stage in earlier if not later[stage] > earlier[stage]] == []


def test_counts_why_calls_were_refused(watched):
    def refused() -> float:
        return value(watched, "soutu_grpc_refusals_total", reason="PHOTO_NOT_FOUND") or 0.0

    before = refused()
    with pytest.raises(NotFoundError):
        watched.photo("0" * 32)
    assert refused() == before + 1


def test_no_label_tells_of_a_photo_or_grows_with_the_library(watched):
    ids = _fill_and_find(watched, range(3))
    text = scraped(watched)
    for secret in ("奶奶", "秘密", "私房", ".png", *ids, *(photo_id[:12] for photo_id in ids)):
        assert secret not in text
    more = _fill_and_find(watched, range(3, 13))
    new = _labels(scraped(watched)) - _labels(text)
    assert len(new) < len(more), "each photo has added a series"


def _fill_and_find(watched, numbers):
    ids = [watched.upload(f"奶奶/秘密{number}.png", picture("蓝", number)) for number in numbers]
    for photo_id in ids:
        watched.client.annotate([photo_id], add_tags=[f"私房{photo_id}"])
    watched.settled()
    watched.found("奶奶")
    return ids


def _labels(text: str) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    """List soutu's series by their labels; the registry is the process's, so other tests may have added theirs before."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, tuple(sorted(sample.labels.items()))) for sample in samples if sample.name.startswith("soutu_")}


def test_metrics_go_on_when_the_catalog_does_not(watched):
    watched.service.catalog.close()
    assert value(watched, "soutu_pending_photos") is None
    assert value(watched, "soutu_index_vectors") == 0
    assert (value(watched, "soutu_data_disk_free_bytes") or 0) > 0


def test_a_service_that_has_ended_tells_nothing(start_house):
    first = start_house()
    second = start_house(metrics_listen="127.0.0.1:0")
    second.upload("红.png", picture("红"))
    first.close()
    told = [line for line in scraped(second).splitlines() if line.startswith("soutu_objects ")]
    assert told == ["soutu_objects 1.0"]
