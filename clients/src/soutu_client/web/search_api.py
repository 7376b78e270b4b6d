"""Finding: words, pictures and known photos, and filters."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictBool, field_validator

from soutu_client.models import BoundingBox, Filter, ImageTerm, PhotoKind, PhotoTerm, SearchPage, Term, TextTerm
from soutu_client.web.callers import CallerClient
from soutu_client.web.description import PageToken

__all__ = ["FilterQuery", "router"]

router = APIRouter(tags=["search"])

Weight = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class FilterQuery(BaseModel):
    """Which photos to consider. Every field that is set must hold; see ``soutu_client.Filter``."""

    model_config = ConfigDict(extra="forbid")

    taken_from: str = ""
    taken_until: str = ""
    folders: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    kinds: tuple[PhotoKind, ...] = ()
    tags: tuple[str, ...] = ()
    favourite: bool | None = None
    albums: tuple[str, ...] = ()

    def filter(self) -> Filter:
        """Return it as the SDK has it."""
        return Filter(**{name: getattr(self, name) for name in FilterQuery.model_fields})


class AreaBody(BaseModel):
    """An area in degrees, WGS 84. West may be greater than east: across the date line."""

    model_config = ConfigDict(extra="forbid", strict=True)

    south: float
    west: float
    north: float
    east: float


class FilterBody(FilterQuery):
    """The same, and an area."""

    favourite: StrictBool | None = None

    area: AreaBody | None = None

    def filter(self) -> Filter:
        """Return it as the SDK has it."""
        return replace(super().filter(), area=BoundingBox(**dict(self.area)) if self.area is not None else None)


class TextBody(BaseModel):
    """Words to look for; a negative weight means "not this"."""

    model_config = ConfigDict(extra="forbid")

    text: str
    weight: Weight = 1.0

    def term(self) -> Term:
        """Return it as the SDK has it."""
        return TextTerm(self.text, self.weight)


class PhotoBody(BaseModel):
    """A photo of the library to find similar ones of."""

    model_config = ConfigDict(extra="forbid")

    photo_id: str
    weight: Weight = 1.0

    def term(self) -> Term:
        """Return it as the SDK has it."""
        return PhotoTerm(self.photo_id, self.weight)


class ImageBody(BaseModel):
    """A picture to find similar ones of: an encoded file, as Base64."""

    model_config = ConfigDict(extra="forbid")

    image: bytes
    weight: Weight = 1.0

    @field_validator("image", mode="before")
    @classmethod
    def _decoded(cls, value: object) -> bytes:
        if not isinstance(value, str):
            raise ValueError("not Base64")
        return base64.b64decode(value, validate=True)  # RFC 4648

    def term(self) -> Term:
        """Return it as the SDK has it."""
        return ImageTerm(self.image, self.weight)


class SearchBody(BaseModel):
    """A question. Without terms, what passes the filter is answered, newest first."""

    model_config = ConfigDict(extra="forbid")

    terms: tuple[TextBody | PhotoBody | ImageBody, ...] = ()
    filter: FilterBody = FilterBody()
    min_score: Annotated[float, Field(ge=-1, le=1, strict=True)] | None = None
    page_size: int = Field(default=60, ge=1, le=200, strict=True)
    page_token: PageToken = ""


@router.post("/search")
def search(client: CallerClient, asked: SearchBody) -> SearchPage:
    """Find photos, best first."""
    return client.search(
        [one.term() for one in asked.terms],
        filter=asked.filter.filter(),
        min_score=asked.min_score,
        page_size=asked.page_size,
        page_token=asked.page_token,
    )
