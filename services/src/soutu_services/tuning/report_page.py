"""An evaluation as one HTML file: figures, and the worst queries with what they found. It needs no network and no script."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import PurePosixPath

from soutu_services.runtime.language import Language, Text
from soutu_services.tuning.evaluation import Evaluation
from soutu_services.tuning.published_results import BENCHMARKS, Benchmark, published
from soutu_services.tuning.report_table import DIRECTIONS, FIGURES, SETUPS, percent
from soutu_services.tuning.worst_queries import WorstPhoto, WorstText

__all__ = ["report_page"]

_SHOWN_CHARACTERS = 22

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --right: #2a9d5c; }
body { font: 15px/1.5 system-ui, "Noto Sans CJK SC", "PingFang SC", sans-serif; }
body { max-width: 1080px; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; } p { margin: .4rem 0; }
.wide { overflow-x: auto; } table { border-collapse: collapse; } caption { text-align: left; padding: .3rem 0; opacity: .75; }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { white-space: normal; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; } .soft { opacity: .65; }
tr.same { background: var(--soft); font-weight: 600; }
.query { display: flex; gap: 1rem; padding: .8rem 0; border-top: 1px solid var(--line); flex-wrap: wrap; }
.asked { flex: 0 0 15rem; } .asked p:first-child { font-weight: 600; } .found { display: flex; gap: .4rem; flex-wrap: wrap; }
figure { margin: 0; width: 8.2rem; }
figure img { width: 100%; height: 6.2rem; object-fit: cover; border-radius: 6px; display: block; }
figure.right img { outline: 3px solid var(--right); outline-offset: -3px; }
figcaption { font-size: .8rem; opacity: .75; overflow-wrap: anywhere; }
.none { height: 6.2rem; border-radius: 6px; background: var(--soft); } ol { margin: 0; padding-left: 1.4rem; }
.languages { float: right; } .languages label { cursor: pointer; padding: .1rem .5rem; border-radius: 6px; }
#zh, #en { position: absolute; opacity: 0; }
#zh:focus-visible ~ header [for=zh],
#en:focus-visible ~ header [for=en] { outline: 2px solid; }
#zh:checked ~ * [lang=en], #en:checked ~ * [lang=zh] { display: none; }
#zh:checked ~ header [for=zh], #en:checked ~ header [for=en] { background: var(--soft); }
"""


def report_page(
    evaluation: Evaluation,
    texts: Iterable[WorstText],
    photos: Iterable[WorstPhoto],
    pictures: Mapping[int, bytes],
    *,
    names: Mapping[int, str],
    benchmark: Benchmark | None,
    language: Language,
) -> str:
    """Write the page, in both languages with a switch.

    Args:
        evaluation: Whose figures are shown.
        texts: The worst texts.
        photos: The worst photos.
        pictures: Small JPEGs by picture id.
        names: Names of pictures by id, for their captions.
        benchmark: Whose published figures stand beside; None: those of all.
        language: Shown first.
    """
    shower = _Pictures(evaluation, pictures, names)
    checked = {"zh": "", "en": "", language: " checked"}
    title = f"{evaluation.card.name} · {evaluation.dataset} · {evaluation.split}"
    body = [
        *(f'<input type="radio" name="language" id="{one}"{checked[one]}>' for one in ("zh", "en")),
        '<header><p class="languages"><label for="zh">中文</label><label for="en">English</label></p>',
        f"<h1>{escape(title)}</h1>",
        _p(
            f"{len(evaluation.pairs.image_ids)} 张照片，{len(evaluation.pairs.texts)} 条文字 · {evaluation.card.variant}",
            f"{len(evaluation.pairs.image_ids)} photos, {len(evaluation.pairs.texts)} texts · {evaluation.card.variant}",
        ),
        *(_p(report.text.zh, report.text.en) for report in evaluation.flaws),
        "</header><main>",
        _figures(evaluation),
        *(_published(one, evaluation.card.name) for one in ([benchmark] if benchmark else BENCHMARKS)),
        _h2("最难的文字：找到了什么", "The worst texts, and what they found"),
        _p(
            "左边是文字和它要找的照片，右边是排在最前面的五张。绿框是找对的。",
            "On the left a text and the photo it is about, on the right the five first. What is right has a green frame.",
        ),
        *(_text(one, shower) for one in texts),
        _h2("最难的照片：找到了什么文字", "The worst photos, and the texts they found"),
        *(_photo(one, shower) for one in photos),
        "</main>",
    ]
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    start = f'<!doctype html><html lang="{language}"><head>{head}<title>{escape(title)}</title><style>{_STYLE}</style></head>'
    return f"{start}<body>{''.join(body)}</body></html>\n"


class _Pictures:
    def __init__(self, evaluation: Evaluation, pictures: Mapping[int, bytes], names: Mapping[int, str]) -> None:
        self._ids = evaluation.pairs.image_ids
        self._pictures = pictures
        self._names = names

    def figure(self, place: int, *, is_right: bool, caption: str = "") -> str:
        image_id = int(self._ids[place])
        data = self._pictures.get(image_id)
        raw = self._names.get(image_id, str(image_id))
        name = escape(raw, quote=True)
        shown = (
            f'<img alt="{name}" src="data:image/jpeg;base64,{base64.b64encode(data).decode()}">'
            if data
            else '<div class="none"></div>'
        )
        start = f'<figure title="{name}"{" class=right" if is_right else ""}>'
        return f"{start}{shown}<figcaption>{caption or escape(_short(raw))}</figcaption></figure>"


def _short(name: str) -> str:
    stem = PurePosixPath(name).stem
    return stem if len(stem) <= _SHOWN_CHARACTERS else f"{stem[: _SHOWN_CHARACTERS - 1]}…"


def _figures(evaluation: Evaluation) -> str:
    rows = [
        f"<tr><td>{_both(DIRECTIONS[name])}</td>"
        + "".join(f"<td>{escape(percent(one, direction.figures[one]))}</td>" for one in FIGURES)
        + "</tr>"
        for name, direction in evaluation.directions.items()
    ]
    caption = Text(
        zh="百分比；括号里是 95 % 置信区间（自助抽样 2000 次，同一张照片的句子一起抽）",
        en="Per cent; in brackets 95 % intervals (bootstrap, 2000 draws; texts of one photo are drawn together)",
    )
    return _table([Text(zh="", en=""), *FIGURES.values()], rows, caption)


def _published(benchmark: Benchmark, model: str) -> str:
    rows = []
    for row in published(benchmark):
        back = row.photo_to_text or ()
        cells = "".join(f"<td>{figure:.1f}</td>" for figure in (*row.text_to_photo, *back))
        rows.append(
            f"<tr{' class=same' if row.model == model else ''}><td>{row.model} {_both(SETUPS[row.setup])}</td>{cells}</tr>"
        )
    there, back_heading = DIRECTIONS["text_to_photo"], DIRECTIONS["photo_to_text"]
    ways = [there] if benchmark == "muge" else [there, back_heading]
    headings = [Text(zh=f"{way.zh} R@{cut}", en=f"{way.en} R@{cut}") for way in ways for cut in (1, 5, 10)]
    caption = Text(
        zh=f"{BENCHMARKS[benchmark]}：官方模型公布的结果（Chinese-CLIP 的 Results.md）",
        en=f"{BENCHMARKS[benchmark]}: published figures of the official models (Chinese-CLIP's Results.md)",
    )
    return _table([Text(zh="", en=""), *headings], rows, caption)


def _text(worst: WorstText, pictures: _Pictures) -> str:
    right = set(worst.right.tolist())
    asked = f"<p>{escape(worst.text)}</p>{pictures.figure(int(worst.right[0]), is_right=True)}" + _p(
        f"排在第 {worst.rank} 名", f"rank {worst.rank}"
    )
    found = "".join(
        pictures.figure(int(place), is_right=int(place) in right, caption=str(number))
        for number, place in enumerate(worst.found, 1)
    )
    return f'<section class="query"><div class="asked">{asked}</div><div class="found">{found}</div></section>'


def _photo(worst: WorstPhoto, pictures: _Pictures) -> str:
    asked = pictures.figure(worst.photo, is_right=False) + _p(
        f"最好的排在第 {worst.rank} 名", f"its best text has rank {worst.rank}"
    )
    right = "".join(f"<li>{escape(text)}</li>" for text in worst.right)
    found = "".join(f"<li>{escape(text)}</li>" for text in worst.found)
    return (
        f'<section class="query"><div class="asked">{asked}</div>'
        f"<div>{_p('它的文字', 'its texts')}<ul>{right}</ul></div>"
        f"<div>{_p('找到的文字', 'texts found')}<ol>{found}</ol></div></section>"
    )


def _table(headings: Iterable[Text], rows: Iterable[str], caption: Text) -> str:
    head = "".join(f"<th>{_both(heading)}</th>" for heading in headings)
    return f'<div class="wide"><table><caption>{_both(caption)}</caption><tr>{head}</tr>{"".join(rows)}</table></div>'


def _both(text: Text) -> str:
    if text.zh == text.en:
        return escape(text.zh)
    return f'<span lang="zh">{escape(text.zh)}</span><span lang="en">{escape(text.en)}</span>'


def _p(zh: str, en: str) -> str:
    return f'<p class="soft">{_both(Text(zh=zh, en=en))}</p>'


def _h2(zh: str, en: str) -> str:
    return f"<h2>{_both(Text(zh=zh, en=en))}</h2>"
