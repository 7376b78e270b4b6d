"""The page on which a phone says what to show: plain HTML, no script, a form."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from soutu_client._language import Language
from soutu_client.frame.query import MOST_CHARACTERS
from soutu_client.frame.text_catalogue import say

__all__ = ["STYLE", "form_page", "gone_page"]

STYLE = (
    "body{font:18px/1.5 system-ui,sans-serif;margin:0 auto;padding:24px 16px;max-width:30em;background:#121215;color:#f2f2f2}"
    "h1{font-size:1.3em}input,button{font:inherit;width:100%;box-sizing:border-box;padding:.7em;border-radius:.6em;"
    "border:1px solid #666;background:#22222a;color:inherit;margin:.25em 0}"
    "button.show{background:#3a5482;border-color:#7f9cd0}p{color:#ffd58a}"
)


def form_page(language: Language, token: str, queries: Sequence[tuple[str, str]], said: str = "") -> str:
    """Return the page.

    Args:
        language: Of the texts.
        token: For what is sent from it.
        queries: Title and text of each saved query.
        said: What became of what was sent before.
    """
    buttons = "".join(f'<button name="q" value="{escape(text)}">{escape(title)}</button>' for title, text in queries)
    told = f'<p role="status">{escape(said)}</p>' if said else ""
    example, show = escape(say(language, "page.example")), escape(say(language, "page.show"))
    title = escape(say(language, "page.title"))
    action = escape(f"/{token}")
    return _page(
        language,
        f'<h1>{title}</h1>{told}<form method="post" action="{action}"><input name="q" maxlength="{MOST_CHARACTERS}"'
        f' placeholder="{example}" aria-label="{title}" required><button class="show">{show}</button></form>'
        f'<form method="post" action="{action}">{buttons}</form>',
    )


def gone_page(language: Language, key: str) -> str:
    """Return a page that says why there is nothing."""
    return _page(language, f"<h1>{escape(say(language, 'page.title'))}</h1><p>{escape(say(language, key))}</p>")


def _page(language: Language, body: str) -> str:
    title = escape(say(language, "page.title"))
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{STYLE}</style></head><body>{body}</body></html>"
    )
