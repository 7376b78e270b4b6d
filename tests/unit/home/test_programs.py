import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from soutu_services.home import programs
from soutu_services.home.library import Library
from soutu_services.home.problem import HomeProblem
from soutu_services.home.settings import HomeSettings
from soutu_services.runtime.settings import load_settings


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library", least_free_bytes=0) as library:
        yield library


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> HomeSettings:
    monkeypatch.setenv("SOUTU_SEARCH_LISTEN", "127.0.0.1:9001")
    monkeypatch.setenv("SOUTU_HOME_PHOTOS", "")
    return load_settings(HomeSettings)


def test_takes_the_services_own_variables(settings: HomeSettings) -> None:
    assert settings.search_listen == "127.0.0.1:9001"
    assert settings.embedding_listen == "127.0.0.1:8402"
    assert settings.photos is None


def test_no_secret_is_on_a_command_line(library: Library, settings: HomeSettings) -> None:
    secret = library.store_key().secret
    folder = library.add_in_place(library.root.parent)
    started = [
        programs.photo_store(library, settings),
        programs.in_place_store(library, settings, [folder]),
        programs.embedding_service(settings),
        programs.search_service(library, settings),
    ]
    assert not [program.name for program in started if secret in " ".join(program.command)]
    assert secret not in str(started[2].environment)


def test_a_persons_rclone_settings_do_not_reach_the_store(
    library: Library, settings: HomeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RCLONE_READ_ONLY", "true")
    assert "RCLONE_READ_ONLY" not in programs.photo_store(library, settings).environment


def test_folders_in_place_stand_beside_sources_of_the_environment(library: Library, settings: HomeSettings) -> None:
    folder = library.add_in_place(library.root.parent)
    more = {"name": "nas", "bucket": "photos"}
    variables = programs.search_service(library, settings, {"SOUTU_SEARCH_SOURCES": json.dumps([more])}).environment
    sources = json.loads(variables["SOUTU_SEARCH_SOURCES"])
    assert [source["name"] for source in sources] == [folder.name, "nas"]
    assert sources[0]["store"]["url"] == "http://127.0.0.1:8404"


def test_uses_services_of_another_machine(library: Library) -> None:
    settings = HomeSettings(embedding_address="gpu:8402", store_url="https://nas:9000")
    given = {"SOUTU_SEARCH_STORE__URL": "https://nas:9000", "SOUTU_SEARCH_STORE__SECRET_KEY": "theirs"}
    variables = programs.search_service(library, settings, given).environment
    assert variables["SOUTU_SEARCH_EMBEDDING_ADDRESS"] == "gpu:8402"
    assert variables["SOUTU_SEARCH_STORE__URL"] == "https://nas:9000"
    assert variables["SOUTU_SEARCH_STORE__SECRET_KEY"] == "theirs"


def test_embeds_words_here_while_another_machine_embeds_pictures(library: Library) -> None:
    settings = HomeSettings(embedding_address="gpu:8402", text_model="onnx:/models/vit-b-16@text")
    assert settings.runs_embedding
    environment = {"SOUTU_EMBEDDING_MODELS": "clip:ViT-B-16"}
    assert programs.embedding_service(settings, environment).environment["SOUTU_EMBEDDING_MODELS"] == "onnx:/models/vit-b-16@text"
    variables = programs.search_service(library, settings, {}).environment
    assert variables["SOUTU_SEARCH_EMBEDDING_ADDRESS"] == "gpu:8402"
    assert variables["SOUTU_SEARCH_TEXT_EMBEDDING_ADDRESS"] == settings.embedding_listen
    for other in (HomeSettings(embedding_address="gpu:8402"), HomeSettings(text_model="lite"), HomeSettings()):
        variables = programs.search_service(library, other, {}).environment
        assert "SOUTU_SEARCH_TEXT_EMBEDDING_ADDRESS" not in variables
        assert other.runs_embedding is (other.embedding_address == "")
        assert "SOUTU_EMBEDDING_MODELS" not in programs.embedding_service(other, {}).environment


def test_says_that_the_sources_of_the_environment_are_no_list(library: Library, settings: HomeSettings) -> None:
    with pytest.raises(HomeProblem, match="SOUTU_SEARCH_SOURCES"):
        programs.search_service(library, settings, {"SOUTU_SEARCH_SOURCES": "[{"})
