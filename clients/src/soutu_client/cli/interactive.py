"""``soutu`` alone at a terminal: type what you remember, see what is found, and do something with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from soutu_client._errors import SoutuError
from soutu_client._os_errors import describe_os_error
from soutu_client._patience import Patience
from soutu_client.cli.commands.feedback_command import asked_text
from soutu_client.cli.commands.open_command import open_photo
from soutu_client.cli.commands.show_command import print_photo
from soutu_client.cli.deeds import is_recording, note_deed
from soutu_client.cli.exit_codes import ExitCode
from soutu_client.cli.hit_sheet import show_hits
from soutu_client.cli.last_hits import keep_hits
from soutu_client.cli.line_editor import LineEditor
from soutu_client.cli.query_line import NOT_WEIGHT, Order, QueryLine, read_line
from soutu_client.cli.session import CommandError, Session
from soutu_client.cli.terminal import printable
from soutu_client.cli.terminal_graphics import Graphics, ask_terminal
from soutu_client.feedback_models import Deed
from soutu_client.models import Filter, Hit, PhotoTerm, Term, TextTerm

__all__ = ["search_at_terminal"]

T = TypeVar("T")

_PAGE = 10
_MOST_DIGITS = 9
"""Of a rank; Python takes thousands for an error."""
_TEXT_FILTERS = {"from": "taken_from", "until": "taken_until"}
_LIST_FILTERS = {"folder": "folders", "tag": "tags", "album": "albums", "camera": "cameras", "format": "formats"}


def search_at_terminal(session: Session) -> int:
    """Read line after line and do what they say, until Ctrl-D, Ctrl-C or ``/quit``. Nothing that goes wrong ends it."""
    return _Conversation(session, ask_terminal()).run()


class _Conversation:
    """What is looked for and what was found, between the lines."""

    def __init__(self, session: Session, graphics: Graphics) -> None:
        self._session = session
        self._graphics = graphics
        self._terms: tuple[Term, ...] = ()
        self._title = ""
        self._filter = Filter()
        self._hits: list[Hit] = []
        self._next_page = ""
        self._acts: Mapping[str, Callable[[str], None]] = {
            "open": lambda value: self._open(self._hit(value)),
            "show": lambda value: print_photo(
                session, self._asked(lambda: session.client.photo(self._hit(value).photo.photo_id))
            ),
            "similar": lambda value: self._find_similar(self._hit(value)),
            "save": self._save,
            "not": lambda value: self._not_this(self._hit(value)),
            "more": lambda _: self._show_more(),
            "help": lambda _: session.print_lines(session.text("interactive.help")),
        }

    def run(self) -> int:
        session = self._session
        editor = LineEditor(typed=self._graphics.typed)
        session.print(session.text("interactive.welcome"))
        while True:
            try:
                line = read_line(editor.read(self._prompt()))
            except (EOFError, KeyboardInterrupt):
                session.print("")
                return ExitCode.OK
            if any(order.name == "quit" for order in line.orders):
                return ExitCode.OK
            try:
                self._do(line)
            except KeyboardInterrupt:
                session.remark(session.text("error.interrupted"))
            except (CommandError, SoutuError) as error:
                session.remark(session.text("error.line", message=printable(error.message)), style="red")
            except OSError as error:
                message = describe_os_error(error, session.texts.language)
                session.remark(session.text("error.line", message=message), style="red")

    def _prompt(self) -> str:
        chosen = self._filter_text()
        return f"[{chosen}] soutu> " if chosen else "soutu> "

    def _filter_text(self) -> str:
        values = [getattr(self._filter, field) for field in _TEXT_FILTERS.values()]
        dates = "–".join(values) if any(values) else ""
        lists = [printable(each) for field in _LIST_FILTERS.values() for each in getattr(self._filter, field)]
        return " ".join([*filter(None, [dates]), *lists, *(["♥"] if self._filter.favourite else [])])

    def _do(self, line: QueryLine) -> None:
        number = line.number
        if number is not None and 1 <= number <= len(self._hits):
            self._open(self._hits[number - 1])
            return
        for order in line.orders:
            if not order.is_known:
                raise CommandError(self._session.text("interactive.unknown", name=f"/{printable(order.name)}"))
        if line.unwanted and not line.words:
            raise CommandError(self._session.text("error.only_not"))
        filters = [order for order in line.orders if order.name not in self._acts]
        chosen = self._filter
        for order in filters:
            chosen = self._chosen(chosen, order)
        before = self._terms, self._title, self._filter, self._hits, self._next_page
        self._filter = chosen
        if line.words:
            self._terms = (TextTerm(line.words), *(TextTerm(each, weight=NOT_WEIGHT) for each in line.unwanted))
            self._title = "  ".join([line.words, *(f"- {each}" for each in line.unwanted)])
        if line.words or filters:
            try:
                self._find()
            except SoutuError:  # a date that is none, for instance, is not to spoil the lines that follow
                self._terms, self._title, self._filter, self._hits, self._next_page = before
                raise
        for order in line.orders:
            if order.name in self._acts:
                self._acts[order.name](order.value)

    def _chosen(self, before: Filter, order: Order) -> Filter:
        """Return the filter as an order wants it; without a value, it is taken out again."""
        if order.name == "clear":
            return Filter()
        changed: dict[str, Any] = {}
        if order.name == "favourite":
            changed["favourite"] = None if before.favourite else True
        elif order.name in _TEXT_FILTERS:
            changed[_TEXT_FILTERS[order.name]] = order.value
        else:
            field = _LIST_FILTERS[order.name]
            changed[field] = (*getattr(before, field), order.value) if order.value else ()
        return replace(before, **changed)

    def _find(self) -> None:
        """Find anew, and show the first page."""
        self._hits, self._next_page = [], ""
        self._take_page()
        if not self._hits:
            self._session.remark(self._session.text("search.nothing"))

    def _show_more(self) -> None:
        if not self._next_page:
            raise CommandError(self._session.text("interactive.no_more"))
        self._take_page()

    def _take_page(self) -> None:
        client = self._session.client
        if not self._terms and self._filter == Filter():
            return
        page = self._asked(lambda: client.search(self._terms, filter=self._filter, page_size=_PAGE, page_token=self._next_page))
        first_rank = len(self._hits) + 1
        self._hits += page.hits
        self._next_page = page.next_page_token
        for notice in page.notices:
            self._session.remark(notice.message, style="yellow")
        if page.hits:
            asked = self._terms if is_recording() else ()
            keep_hits(client.address, [hit.photo.photo_id for hit in self._hits], terms=asked)
            show_hits(self._session, self._graphics, page.hits, title=self._title, first_rank=first_rank)
            if self._next_page:
                self._session.remark(self._session.text("interactive.more"), style="dim")

    def _asked(self, ask: Callable[[], T]) -> T:
        """Return the service's answer; while it is away, say so once and wait for it."""
        said = False

        def wait(why: str) -> None:
            nonlocal said
            if why and not said:
                said = True
                self._session.remark(self._session.text("interactive.waiting", why=printable(why)), style="yellow")

        return Patience(seconds=math.inf, on_waiting=wait).call(ask)

    def _hit(self, value: str) -> Hit:
        if value.isdecimal() and len(value) <= _MOST_DIGITS and 1 <= int(value) <= len(self._hits):
            return self._hits[int(value) - 1]
        raise CommandError(self._session.text("interactive.which", n=len(self._hits)))

    def _open(self, hit: Hit) -> None:
        self._asked(lambda: open_photo(self._session, hit.photo.photo_id))
        self._note(Deed.OPEN, hit)

    def _find_similar(self, hit: Hit) -> None:
        self._terms = (PhotoTerm(hit.photo.photo_id),)
        self._title = f"≈ {hit.photo.name.rpartition('/')[2]}"
        self._find()

    def _save(self, value: str) -> None:
        """Save ``1 3 folder``; without a folder, here. Numbers are ranks, whatever folders there are: ``./2023`` is a folder."""
        words = value.split()
        ranks = []
        while words and words[0].isdecimal():
            ranks.append(words.pop(0))
        try:
            hits = [self._hit(rank) for rank in ranks] or [self._hit("")]
        except CommandError:
            raise CommandError(self._session.text("interactive.which_to_save", n=len(self._hits))) from None
        name = " ".join(words)
        try:
            folder = Path(name).expanduser()
        except RuntimeError:  # "~" and nobody's name
            raise CommandError(self._session.text("error.no_such_file", path=printable(name))) from None
        for hit in hits:
            path = self._asked(lambda hit=hit: self._session.client.save_original(hit.photo.photo_id, folder))  # type: ignore[misc]
            self._session.print(self._session.text("show.saved", path=printable(str(path))))
            self._note(Deed.DOWNLOAD, hit)

    def _not_this(self, hit: Hit) -> None:
        """Keep it that this is not what was looked for."""
        if not is_recording():
            raise CommandError(self._session.text("feedback.must_be_on"))
        if not self._terms:
            raise CommandError(self._session.text("interactive.not_of_search"))
        if not self._note(Deed.NOT_THIS, hit):
            raise CommandError(self._session.text("feedback.guest"))
        text = asked_text(self._session, self._terms)
        self._session.print(self._session.text("feedback.not_done", rank=self._hits.index(hit) + 1, text=text))

    def _note(self, did: Deed, hit: Hit) -> bool:
        rank = self._hits.index(hit) + 1
        return note_deed(self._session, did, terms=self._terms, photo_id=hit.photo.photo_id, rank=rank)
