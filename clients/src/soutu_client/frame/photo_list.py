"""The photos of a query, asked of the service."""

from __future__ import annotations

import calendar
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from soutu_client.client import Client
from soutu_client.frame.query import ListKind, Query
from soutu_client.frame.slide import Slide
from soutu_client.models import Filter, Photo, PhotoState

__all__ = ["photos_of"]

_PAGE = 200
_READY = (PhotoState.READY,)
_MOST_MONTHS = 12
"""Months that a random list is drawn from at a time: each costs a call."""


def photos_of(client: Client, query: Query, *, today: date, most: int, chance: random.Random) -> list[Slide]:
    """Return the photos of a query, best or newest first, at most so many; those of no order, mixed.

    Raises:
        SoutuError: The service is away, or refuses the query.
    """
    if query.kind is ListKind.RANDOM:
        found = _random(client, query.filter, most, chance)
    elif query.kind is ListKind.ON_THIS_DAY:
        found = [photo for each in _days(client, query.filter, today) for photo in _listed(client, each, most)]
    elif query.kind is ListKind.NEWEST:
        found = list(_listed(client, query.filter, most))
    else:
        found = []
        page = client.search(query.terms, filter=query.filter, page_size=min(most, _PAGE))
        while page.hits:
            found += [hit.photo for hit in page.hits if hit.photo.state is PhotoState.READY]
            if len(found) >= most or not page.next_page_token:
                break
            token = page.next_page_token
            page = client.search(query.terms, filter=query.filter, page_size=min(most, _PAGE), page_token=token)
    return [Slide.of(photo) for photo in found[:most]]


def _listed(client: Client, chosen: Filter, most: int) -> Iterator[Photo]:
    """Yield photos, newest first."""
    token = ""
    while most > 0:
        page = client.list_photos(filter=chosen, states=_READY, page_size=min(most, _PAGE), page_token=token)
        yield from page.photos
        most -= len(page.photos)
        token = page.next_page_token
        if not token:
            return


def _days(client: Client, chosen: Filter, today: date) -> Iterator[Filter]:
    """Yield filters for this day of each year before that has photos of this month, the last one first.

    In years without a 29 February its photos are those of the 28th.
    """
    months = {each.month for each in client.summary(filter=chosen).months}
    days = {today.day}
    if (today.month, today.day) == (2, 28) and not calendar.isleap(today.year):
        days.add(29)
    for year in range(today.year - 1, 1825, -1):  # no photo is older (Niépce)
        if f"{year:04}-{today.month:02}" not in months:
            continue
        in_month = sorted(day for day in days if day <= calendar.monthrange(year, today.month)[1])
        if in_month:
            first, last = (f"{year:04}-{today.month:02}-{day:02}" for day in (in_month[0], in_month[-1]))
            yield replace(chosen, taken_from=first, taken_until=last)


def _random(client: Client, chosen: Filter, most: int, chance: random.Random) -> list[Photo]:
    """Draw photos: months by how many photos they have, then photos of each. A library of any size costs a few calls."""
    summary = client.summary(filter=chosen)
    if not summary.months:
        found = list(_listed(client, chosen, most))
        chance.shuffle(found)
        return found
    if summary.total <= most:
        found = list(_listed(client, chosen, most))
    else:
        weights = [each.photos for each in summary.months]
        drawn = chance.choices([each.month for each in summary.months], weights, k=_MOST_MONTHS)
        counts = {each.month: each.photos for each in summary.months}
        found = []
        for month, times in Counter(drawn).items():
            share = -(-most * times // _MOST_MONTHS)
            within = replace(chosen, taken_from=month, taken_until=month)
            page = _some_page(client, within, counts[month], chance)
            found += chance.sample(page, min(share, len(page)))
    chance.shuffle(found)
    return found


def _some_page(client: Client, chosen: Filter, count: int, chance: random.Random) -> list[Photo]:
    """Return a page of a list, each with the same chance."""
    token = ""
    for left in range(chance.randrange(-(-count // _PAGE)), -1, -1):
        page = client.list_photos(filter=chosen, states=_READY, page_size=_PAGE, page_token=token)
        token = page.next_page_token
        if not (left and token):
            break
    return list(page.photos)
