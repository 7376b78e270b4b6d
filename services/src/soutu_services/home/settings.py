"""Settings of the home, read from the environment. ``make run`` writes its ``PHOTOS=``, ``INPLACE=`` and ``LIBRARY=`` into them.

The services' own variables (``SOUTU_EMBEDDING_…``, ``SOUTU_SEARCH_…``) are handed on to them untouched, so that a machine is set
up with the same words whether it runs the whole house or one service of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Self

from platformdirs import user_data_path
from pydantic import AliasChoices, Field, PlainValidator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from soutu_services.home.paths import given_path
from soutu_services.runtime.addresses import Address

__all__ = ["HomeSettings"]

_MAY_BE_EMPTY = ("metrics_listen", "web_listen")
_GivenPath = Annotated[Path, PlainValidator(given_path)]


class HomeSettings(BaseSettings):
    """Everything the home can be told. An empty variable says nothing, but for the page's and the metrics' addresses: none.

    Attributes:
        library: Folder that everything is kept in.
        photos: Folder (or single picture) to add.
        in_place: Serve ``photos`` where it lies, read-only, and copy nothing.
        samples: Folder of photos to show a fresh library with when no ``photos`` are given.
        first_search: Sentence of the first search; empty: one that fits.
        once: Stop after the first search.
        secure: Encrypt every connection between the parts and to other machines, and ask for tokens; other machines may then
            reach the search service unless ``SOUTU_SEARCH_LISTEN`` says otherwise.
        host: Names and addresses that other machines reach this one by, with commas between them; empty: its own name.
        certificates: Folder of the home's certificates, as ``soutu-certificates`` makes it; unset: in the library.
        store_listen: ``host:port`` of the S3 server of the library.
        in_place_listen: ``host:port`` of the S3 server of the folders that are served where they lie.
        start_seconds: How long a program may take until it answers; downloading a model counts.
        least_free_bytes: Do not start with less free space than this on the library's disk.
        log_bytes: Size at which a program's log is put aside; one older one is kept.
        search_listen: ``host:port`` of the search service (``SOUTU_SEARCH_LISTEN``).
        search_metrics_listen: ``host:port`` of its metrics (``SOUTU_SEARCH_METRICS_LISTEN``).
        web_listen: ``host:port`` of the web page (``SOUTU_WEB_LISTEN``); empty: there is none.
        embedding_listen: ``host:port`` of the embedding service (``SOUTU_EMBEDDING_LISTEN``).
        embedding_metrics_listen: ``host:port`` of its metrics (``SOUTU_EMBEDDING_METRICS_LISTEN``).
        embedding_address: Embedding service on another machine (``SOUTU_SEARCH_EMBEDDING_ADDRESS``): none is started here
            unless ``text_model`` is given.
        text_model: Model, as ``SOUTU_EMBEDDING_MODELS`` names it, of an embedding service for queries' words that is started here
            beside the one on another machine, so that search goes on while that machine sleeps.
        store_url: S3 server on another machine (``SOUTU_SEARCH_STORE__URL``): none is started here.
    """

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_prefix="SOUTU_HOME_", frozen=True, extra="ignore", populate_by_name=True
    )

    library: _GivenPath = Field(default_factory=lambda: user_data_path("soutu", appauthor=False))
    photos: _GivenPath | None = None
    in_place: bool = False
    samples: _GivenPath | None = None
    first_search: str = ""
    once: bool = False
    secure: bool = False
    host: str = ""
    certificates: _GivenPath | None = None
    store_listen: str = "127.0.0.1:8403"
    in_place_listen: str = "127.0.0.1:8404"
    start_seconds: float = Field(default=600.0, gt=0)
    least_free_bytes: int = Field(default=300 << 20, ge=0)
    log_bytes: int = Field(default=5 << 20, ge=1 << 12)
    search_listen: str = Field(default="127.0.0.1:8401", validation_alias=AliasChoices("SOUTU_SEARCH_LISTEN"))
    search_metrics_listen: str = Field(default="127.0.0.1:8411", validation_alias=AliasChoices("SOUTU_SEARCH_METRICS_LISTEN"))
    web_listen: str = Field(default="127.0.0.1:8400", validation_alias=AliasChoices("SOUTU_WEB_LISTEN"))
    embedding_listen: str = Field(default="127.0.0.1:8402", validation_alias=AliasChoices("SOUTU_EMBEDDING_LISTEN"))
    embedding_metrics_listen: str = Field(
        default="127.0.0.1:8412", validation_alias=AliasChoices("SOUTU_EMBEDDING_METRICS_LISTEN")
    )
    embedding_address: str = Field(default="", validation_alias=AliasChoices("SOUTU_SEARCH_EMBEDDING_ADDRESS"))
    text_model: str = ""
    store_url: str = Field(default="", validation_alias=AliasChoices("SOUTU_SEARCH_STORE__URL"))

    @property
    def runs_embedding(self) -> bool:
        """Whether an embedding service is started here."""
        return not self.embedding_address or bool(self.text_model)

    @property
    def text_embedding_address(self) -> str:
        """Where words are embedded beside the machine that embeds pictures; empty: as the search service's own variable says."""
        return self.embedding_listen if self.embedding_address and self.text_model else ""

    @model_validator(mode="after")
    def _open_what_is_secure(self) -> Self:
        for name in ("search_listen", "web_listen"):
            if self.secure and name not in self.model_fields_set:
                port = Address.parse(getattr(self, name)).port
                object.__setattr__(self, name, f"0.0.0.0:{port}")  # frozen for all but its own validators
        return self

    @model_validator(mode="before")
    @classmethod
    def _ignore_empty(cls, given: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in given.items() if value != "" or name.lower().endswith(_MAY_BE_EMPTY)}
