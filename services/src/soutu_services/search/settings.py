"""Settings of the search service, read from the environment with the prefix ``SOUTU_SEARCH_``."""

from __future__ import annotations

import os
from ipaddress import IPv4Address
from pathlib import Path
from typing import ClassVar, Literal, Self

from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from soutu_services.runtime.addresses import Address
from soutu_services.runtime.channels import PeerAccess
from soutu_services.runtime.errors import SoutuError
from soutu_services.runtime.program import ProgramSettings
from soutu_services.runtime.secret_files import read_secrets
from soutu_services.runtime.server import ServerSettings
from soutu_services.runtime.tls import TlsSettings
from soutu_services.search.index.policy import IndexPolicy

__all__ = [
    "UPLOAD_SOURCE",
    "DecoderSettings",
    "IndexSettings",
    "IngestSettings",
    "JournalSettings",
    "LimitSettings",
    "SearchSettings",
    "SourceSettings",
    "StoreSettings",
    "SyncSettings",
    "WakeSettings",
]

UPLOAD_SOURCE = "photos"
"""Name of the writable source that uploads land in."""

_SOURCE_NAME = r"^[^/\s\x00-\x1f]{1,64}$"
_BUCKET_NAME = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"


class StoreSettings(BaseModel):
    """How an S3 server is reached.

    Attributes:
        url: ``http://host:port`` or ``https://host:port``.
        access_key: Access key; empty: anonymous.
        secret_key: Its secret; better in ``secret_key_file``.
        secret_key_file: File that holds it.
        region: Region that requests are signed for; plain S3 servers accept any.
        timeout_seconds: How long an answer may take to begin, or stand still.
        authority: Certificate (PEM) of an authority that the server is known by, besides the system's; unset: the one of ``tls``.
        folder: Folder on this machine whose sub-folders a file server serves as buckets. It remembers for seconds what it listed;
            with this set, a file that was copied in just now is never written over. Unset: the server is believed.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    url: str = Field(default="http://127.0.0.1:8403", pattern=r"^https?://[^/\s@]+/?$")
    access_key: str = ""
    secret_key: SecretStr = SecretStr("")
    secret_key_file: Path | None = None
    region: str = "us-east-1"
    timeout_seconds: float = Field(default=60.0, gt=0)
    authority: Path | None = None
    folder: Path | None = None

    @property
    def secret(self) -> SecretStr:
        """The access key's secret, wherever it is.

        Raises:
            InvalidSettings: its file cannot be read, or holds none.
        """
        found = read_secrets(None, self.secret_key_file, variable="SOUTU_SEARCH_STORE__SECRET_KEY")
        return found[0] if found else self.secret_key


class SourceSettings(BaseModel):
    """A bucket that soutu reads besides its own.

    Attributes:
        name: How people call it.
        bucket: The bucket.
        prefix: Only keys that begin with this; ends with "/" unless empty.
        store: Its S3 server; unset: the one of the photos.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    name: str = Field(pattern=_SOURCE_NAME)
    bucket: str = Field(pattern=_BUCKET_NAME)
    prefix: str = ""
    store: StoreSettings | None = None

    @field_validator("prefix")
    @classmethod
    def _end_with_slash(cls, prefix: str) -> str:
        prefix = prefix.strip("/")
        return f"{prefix}/" if prefix else ""

    @field_validator("name")
    @classmethod
    def _not_the_uploads(cls, name: str) -> str:
        if name == UPLOAD_SOURCE:
            raise ValueError(f"{UPLOAD_SOURCE!r} is the name of the source that uploads land in")
        return name


class LimitSettings(BaseModel):
    """What is refused before work is done on it.

    Attributes:
        max_object_bytes: Bytes of one object.
        max_pixels: Pixels of a picture whose format decodes as a whole.
        max_reduced_pixels: Pixels of a JPEG, which decodes reduced.
        max_film_bytes: Bytes of one video.
        max_film_seconds: Length of one video.
        max_message_bytes: Bytes of one gRPC message.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    max_object_bytes: int = Field(default=256 << 20, ge=1 << 10)
    max_pixels: int = Field(default=100_000_000, ge=1)
    max_reduced_pixels: int = Field(default=500_000_000, ge=1)
    max_film_bytes: int = Field(default=16 << 30, ge=1 << 10)
    max_film_seconds: float = Field(default=12 * 3600.0, gt=0)
    max_message_bytes: int = Field(default=64 << 20, ge=4 << 20)


class IngestSettings(BaseModel):
    """How wide the ingest is.

    Attributes:
        readers: Threads that read, decode and thumbnail objects.
        queue_objects: Objects that may wait between the catalog and the readers.
        batch_photos: Thumbnails in one request to the embedding service.
        batches_in_flight: Requests to it at the same time.
        cache_bytes: Memory for bytes that are about to be needed: fresh uploads and thumbnails.
        retry_first_seconds: First wait after something did not answer; doubles with each failure.
        retry_most_seconds: Longest wait.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    readers: int = Field(default=4, ge=1, le=64)
    queue_objects: int = Field(default=64, ge=1, le=10_000)
    batch_photos: int = Field(default=32, ge=1, le=256)
    batches_in_flight: int = Field(default=3, ge=1, le=16)
    cache_bytes: int = Field(default=64 << 20, ge=0)
    retry_first_seconds: float = Field(default=0.5, gt=0)
    retry_most_seconds: float = Field(default=30.0, gt=0)


class DecoderSettings(BaseModel):
    """The processes that decode pictures; a picture that goes over these counts as unreadable.

    Attributes:
        processes: Most of them; 0: as many as there are processors, at most 4. Each takes about 60 MB, and what a picture needs.
        seconds: Seconds of processor time for one picture; on the clock it may take four times as long.
        memory_bytes: Memory for one picture, beside what the program takes. The largest that the limits allow need about 1 GiB.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    processes: int = Field(default=0, ge=0, le=64)
    seconds: float = Field(default=60.0, ge=1)
    memory_bytes: int = Field(default=2 << 30, ge=64 << 20)

    @property
    def most_processes(self) -> int:
        """The number of processes."""
        return self.processes or min(4, os.cpu_count() or 1)


class IndexSettings(BaseModel):
    """How the index searches, and when it is made anew and its snapshot written, besides at the end.

    Attributes:
        exact_photos: Up to this many photos, all are compared exactly; 20,000 take 2 ms and 40 MB.
        scanned_photos: Up to this many, short codes of all are scanned; beyond, those of a fifth of the library.
        memory_bytes: Memory that may be taken besides the system's page cache; what would take more is kept as codes sooner.
        rebuild_seconds: Time between two looks whether it is to be made anew.
        snapshot_seconds: Time between two looks whether it is due; 0: only at the end.
        snapshot_share: Share of the index that has to have changed.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    exact_photos: int = Field(default=20_000, ge=0)
    scanned_photos: int = Field(default=2_000_000, ge=0)
    memory_bytes: int = Field(default=600 << 20, ge=16 << 20)
    rebuild_seconds: float = Field(default=5.0, gt=0)
    snapshot_seconds: float = Field(default=300.0, ge=0)
    snapshot_share: float = Field(default=0.05, ge=0, le=1)

    @property
    def policy(self) -> IndexPolicy:
        """How the index searches."""
        return IndexPolicy(exact_vectors=self.exact_photos, scanned_vectors=self.scanned_photos, memory_bytes=self.memory_bytes)


class JournalSettings(BaseModel):
    """How long the data folder keeps what was written to the store, since a power cut may take it from there.

    Attributes:
        keep_seconds: How long: longer than the store's system leaves bytes in its memory. 0: nothing is kept, for a store that
            flushes before it answers.
        max_bytes: Bytes that may be kept; beyond, the oldest go early.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    keep_seconds: float = Field(default=120.0, ge=0)
    max_bytes: int = Field(default=4 << 30, ge=0)


class SyncSettings(BaseModel):
    """When sources are read and what is believed of them.

    Attributes:
        interval_seconds: Time between two periodic syncs; 0: only when asked.
        gone_share: Largest share of a source's objects that one sync may mark as gone without a person's word.
        gone_objects: Up to this many may go whatever their share; a source that lists nothing at all always waits for the word.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    interval_seconds: float = Field(default=300.0, ge=0)
    gone_share: float = Field(default=0.2, ge=0, le=1)
    gone_objects: int = Field(default=20, ge=0)


class WakeSettings(BaseModel):
    """When the machine of the embedding service is woken (Wake-on-LAN).

    Attributes:
        mac: Address of its network card, for instance ``a0:b1:c2:d3:e4:f5``; empty: it is never woken.
        broadcast: ``host:port`` that the packet goes to: the network's broadcast address.
        min_photos: So many photos that wait are enough.
        min_wait_seconds: Fewer are enough when one of them waits so long.
        interval_seconds: Shortest time between two packets.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    mac: str = Field(default="", pattern=r"^(|[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5})$")
    broadcast: str = "255.255.255.255:9"
    min_photos: int = Field(default=20, ge=1)
    min_wait_seconds: float = Field(default=900.0, ge=0)
    interval_seconds: float = Field(default=1800.0, ge=0)

    @field_validator("broadcast")
    @classmethod
    def _is_an_address(cls, broadcast: str) -> str:
        try:
            Address.parse(broadcast)
        except SoutuError as error:
            raise ValueError("it must be host:port, for instance 192.168.1.255:9") from error
        return broadcast


class SearchSettings(ProgramSettings):
    """Everything the search service can be told.

    Nested settings are written with two underscores: ``SOUTU_SEARCH_STORE__URL``. ``SOUTU_SEARCH_SOURCES`` is a JSON list of
    ``{"name": …, "bucket": …, "prefix": …, "store": {"url": …, "access_key": …, "secret_key": …}}``.

    Attributes:
        listen: ``host:port`` of gRPC.
        metrics_listen: ``host:port`` of the Prometheus metrics.
        tls: Certificate and key to serve with, and the home's authority, by which the embedding service and the store are known.
        allow_plaintext: It may listen beyond this machine without TLS, and speak to other machines without.
        announce: Whether it tells the network where it is (mDNS), where it listens beyond this machine: ``auto``, ``off``, or the
            address of the one interface to tell it on.
        tokens: Whether callers need a token; ``auto``: where it listens beyond this machine, or with TLS.
        embedding_token: Token that the embedding services are shown; better in ``embedding_token_file``.
        embedding_token_file: File that holds it.
        data_folder: Holds the catalog; on a local disk.
        store: The S3 server of the photos, the thumbnails and the recycle bucket.
        photos_bucket: Bucket of the source that uploads land in.
        thumbnails_bucket: Bucket of the thumbnails.
        recycle_bucket: Bucket of deleted objects.
        sources: Further sources, which are only read.
        embedding_address: ``host:port`` of the embedding service.
        text_embedding_address: ``host:port`` of a second one that embeds queries' words, for instance the text tower beside this
            service, so that text search goes on while the other's machine sleeps; empty: there is none.
        limits: Limits.
        ingest: Width of the ingest.
        decoder: The processes that decode pictures.
        index: How the index searches, and its rhythm.
        journal: What is kept against a power cut.
        sync: Rhythm of the syncs.
        wake: When the embedding service's machine is woken.
        workers: gRPC calls served at the same time, of one client (token or machine) three quarters of them.
        grace_seconds: How long running calls may take to end at a stop.
    """

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_prefix="SOUTU_SEARCH_", env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    listen: str = "127.0.0.1:8401"
    metrics_listen: str = "127.0.0.1:8411"
    tls: TlsSettings = TlsSettings()
    allow_plaintext: bool = False
    announce: Literal["auto", "off"] | IPv4Address = "auto"
    tokens: Literal["auto", "required", "off"] = "auto"
    embedding_token: SecretStr | None = None
    embedding_token_file: Path | None = None
    data_folder: Path = Field(default_factory=lambda: user_data_path("soutu", appauthor=False) / "search")
    store: StoreSettings = StoreSettings()
    photos_bucket: str = Field(default="soutu-photos", pattern=_BUCKET_NAME)
    thumbnails_bucket: str = Field(default="soutu-thumbnails", pattern=_BUCKET_NAME)
    recycle_bucket: str = Field(default="soutu-recycle", pattern=_BUCKET_NAME)
    sources: tuple[SourceSettings, ...] = ()
    embedding_address: str = "127.0.0.1:8402"
    text_embedding_address: str = ""
    limits: LimitSettings = LimitSettings()
    ingest: IngestSettings = IngestSettings()
    decoder: DecoderSettings = DecoderSettings()
    index: IndexSettings = IndexSettings()
    journal: JournalSettings = JournalSettings()
    sync: SyncSettings = SyncSettings()
    wake: WakeSettings = WakeSettings()
    workers: int = Field(default=32, ge=2, le=256)
    grace_seconds: float = Field(default=5.0, ge=0)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [source.name for source in self.sources]
        if len(set(names)) != len(names):
            raise ValueError("two sources have the same name")
        if len({self.photos_bucket, self.thumbnails_bucket, self.recycle_bucket}) != 3:
            raise ValueError("photos, thumbnails and recycle need three different buckets")
        return self

    @property
    def needs_tokens(self) -> bool:
        """Whether callers need a token."""
        if self.tokens != "auto":
            return self.tokens == "required"
        return self.tls.certificate is not None or not Address.parse(self.listen).is_loopback

    @property
    def is_announced(self) -> bool:
        """Whether it tells the network where it is."""
        return self.announce != "off" and not Address.parse(self.listen).is_loopback

    @property
    def embedding_access(self) -> PeerAccess:
        """How the embedding services are entered.

        Raises:
            InvalidSettings: the file of the token cannot be read.
        """
        secrets = read_secrets(self.embedding_token, self.embedding_token_file, variable="SOUTU_SEARCH_EMBEDDING_TOKEN")
        return PeerAccess(self.tls.authority, secrets[0] if secrets else None, self.allow_plaintext)

    @property
    def server(self) -> ServerSettings:
        """How the service is served."""
        return ServerSettings(
            listen=self.listen,
            metrics_listen=self.metrics_listen,
            tls=self.tls,
            allow_plaintext=self.allow_plaintext,
            workers=self.workers,
            max_message_bytes=self.limits.max_message_bytes,
            grace_seconds=self.grace_seconds,
        )
