"""XMP sidecars (ISO 16684-1), as Apple Photos, osxphotos, Immich, digiKam, Lightroom and darktable write them.

The only module that parses XML. Which fields: immich (docs.immich.app/features/xmp-sidecars), Apple Photos and osxphotos
(github.com/RhetTbull/osxphotos/wiki/Photos-Behavior), people in regions (Metadata Working Group, Guidelines 2.0).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from soutu_client._moving.arrangement import BadSidecarError
from soutu_client._moving.facts import Facts, place
from soutu_client.models import Location

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["local_time", "read_xmp"]

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_EXIF = "{http://ns.adobe.com/exif/1.0/}"
_TIFF = "{http://ns.adobe.com/tiff/1.0/}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_XMP = "{http://ns.adobe.com/xap/1.0/}"
_PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
_DIGIKAM = "{http://www.digikam.org/ns/1.0/}"
_LIGHTROOM = "{http://ns.adobe.com/lightroom/1.0/}"
_PEOPLE = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}PersonInImage"
_REGION_NAME = "{http://www.metadataworkinggroup.com/schemas/regions/}Name"

_TIMES = (f"{_EXIF}DateTimeOriginal", f"{_PHOTOSHOP}DateCreated", f"{_XMP}CreateDate")
_TAGS = (f"{_DC}subject", f"{_DIGIKAM}TagsList", f"{_LIGHTROOM}hierarchicalSubject", _PEOPLE, _REGION_NAME)

_TIME = re.compile(r"(\d{4})[-:](\d{2})[-:](\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2}))?(?:[.,]\d+)?\s*(Z)?.*)?", re.ASCII)
_DEGREES = re.compile(r"(\d{1,3}),(\d{1,2}(?:\.\d+)?)(?:,(\d{1,2}(?:\.\d+)?))?\s*([NSEW])", re.ASCII | re.IGNORECASE)
_DECIMAL = re.compile(r"([-+]?\d{1,3}(?:\.\d+)?)\s*([NSEW])?", re.ASCII | re.IGNORECASE)


def read_xmp(data: bytes) -> Facts:
    """Read a sidecar.

    Raises:
        BadSidecarError: It is no XMP.
    """
    fields = _fields(data)
    titles = [fields[key][0].strip() for key in (f"{_DC}title", f"{_DC}description", f"{_TIFF}ImageDescription") if key in fields]
    return Facts(
        taken=next((moment for key in _TIMES if key in fields and (moment := local_time(fields[key][0]))), None),
        location=_location(fields),
        caption="\n".join(dict.fromkeys(title for title in titles if title)),
        tags=tuple(dict.fromkeys(_leaf(tag) for key in _TAGS for tag in fields.get(key, ()))),
    )


def local_time(text: str) -> datetime | None:
    """Read a date, or a date and time, as XMP (ISO 8601) and Exif write it, on the clock of the place; None: it is none.

    A zone says what UTC was, not what the clock there showed, so it does not count; but a time that is told in UTC is put on this
    machine's clock.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    try:
        moment = datetime(year, month, day, hour, minute, second)
        return datetime.fromisoformat(f"{moment.isoformat()}+00:00").astimezone().replace(tzinfo=None) if found[7] else moment
    except (ValueError, OverflowError, OSError):
        return None


def _fields(data: bytes) -> dict[str, list[str]]:
    """Return each property with its values, whether it is written as an attribute, a text, or a list."""
    from defusedxml import DefusedXmlException  # noqa: PLC0415 - few imports meet a sidecar
    from defusedxml.ElementTree import ParseError, fromstring  # noqa: PLC0415

    try:
        tree: Element = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError) as error:
        raise BadSidecarError from error
    fields: dict[str, list[str]] = {}
    for description in tree.iter(f"{_RDF}Description"):
        for key, value in description.attrib.items():
            fields.setdefault(key, []).append(value)
        for property_ in description:
            fields.setdefault(property_.tag, []).extend(_values(property_))
    for name in tree.iter(_REGION_NAME):  # in a list of structures that are no descriptions
        fields.setdefault(_REGION_NAME, []).extend(_values(name))
    if tree.find(f".//{_RDF}RDF") is None and tree.tag != f"{_RDF}RDF":
        raise BadSidecarError
    return {key: values for key, values in fields.items() if values}


def _values(property_: Element) -> Iterator[str]:
    # The items of its own bag, sequence or alternatives: to look further down takes ever longer where many lie in each other.
    items = [item for array in property_ for item in array if item.tag == f"{_RDF}li"]
    for each in items or [property_]:
        if each.text and each.text.strip():
            yield each.text.strip()


def _leaf(tag: str) -> str:
    """Return the last part of ``Places|China|Dali`` or ``People/Anna``."""
    return re.split(r"[|/]", tag.strip())[-1].strip()


def _location(fields: dict[str, list[str]]) -> Location | None:
    parts = []
    for axis in ("Latitude", "Longitude"):
        written = fields.get(f"{_EXIF}GPS{axis}", [""])[0]
        reference = fields.get(f"{_EXIF}GPS{axis}Ref", [""])[0]
        parts.append(_degrees(written, reference))
    return place(*parts)


def _degrees(text: str, reference: str) -> float | None:
    """Read ``30,12.345N`` (XMP), ``30,12,20N``, or decimal degrees with or without a hemisphere (Apple)."""
    text = text.strip()
    if found := _DEGREES.fullmatch(text):
        degrees = int(found[1]) + float(found[2]) / 60 + float(found[3] or 0) / 3600
        side = found[4]
    elif found := _DECIMAL.fullmatch(text):
        degrees, side = float(found[1]), found[2] or reference.strip()[:1]
    else:
        return None
    return -abs(degrees) if side.upper() in ("S", "W") and side else degrees
