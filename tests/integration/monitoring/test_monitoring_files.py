"""The dashboard and the alert rules ask for what the services tell, in PromQL that can be parsed."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from colour_encoder import ColourServer
from object_store import serve_folder
from patience import PATIENCE
from search_house import SearchHouse, picture

FOLDER = Path(__file__).parents[3] / "deploy" / "monitoring"
DASHBOARD = json.loads((FOLDER / "grafana-dashboard.json").read_text(encoding="utf-8"))
RULES = yaml.safe_load((FOLDER / "soutu-alerts.yml").read_text(encoding="utf-8"))
SCRAPING = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))

_BY_PROMETHEUS = {"up": {"job", "instance"}}
_ADDED_BY_PROMETHEUS = {"job", "instance"}
_CHINESE = re.compile(r"[一-鿿]")


def panels() -> Iterator[dict[str, Any]]:
    yield from (panel for panel in DASHBOARD["panels"] if panel["type"] != "row")


def rules() -> Iterator[dict[str, Any]]:
    for group in RULES["groups"]:
        yield from group["rules"]


def expressions() -> Iterator[str]:
    for panel in panels():
        for target in panel["targets"]:
            yield target["expr"].replace("$__rate_interval", "5m").replace("$job", "soutu.*")
    yield from (rule["expr"] for rule in rules())


def selectors(expression: str) -> list[promql.VectorSelector]:
    found: list[promql.VectorSelector] = []

    def visit(node: promql.Expr) -> None:
        match node:
            case promql.VectorSelector():
                found.append(node)
            case promql.MatrixSelector():
                visit(node.vector_selector)
            case promql.BinaryExpr():
                visit(node.lhs)
                visit(node.rhs)
            case promql.AggregateExpr() | promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
                visit(node.expr)
            case promql.Call():
                for argument in node.args:
                    visit(argument)
            case promql.NumberLiteral() | promql.StringLiteral():
                pass
            case _:
                raise AssertionError(f"a kind of expression that this test does not know: {node!r}")

    visit(promql.parse(expression))
    return found


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, set[str]]]:
    """The metrics of a house that has served a search, with the labels that each has."""
    folder = tmp_path_factory.mktemp("monitoring")
    embedding = ColourServer()
    with serve_folder(folder / "s3") as store:
        house = SearchHouse(folder, store, embedding, "m", metrics_listen="127.0.0.1:0", text_embedding_address=embedding.address)
        try:
            house.upload("红.png", picture("红"))
            house.settled()
            house.found("红")
            house.sync()
            with pytest.raises(Exception, match="photo"):
                house.photo("0" * 32)
            with urllib.request.urlopen(f"http://{house.server.metrics_address}/metrics", timeout=PATIENCE) as answer:
                text = answer.read().decode()
        finally:
            house.close()
            embedding.stop()
    names: dict[str, set[str]] = {name: set(labels) for name, labels in _BY_PROMETHEUS.items()}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            names.setdefault(sample.name, set()).update(sample.labels)
        if family.type == "counter":  # of which nothing has been counted yet
            names.setdefault(f"{family.name}_total", {"how"} if family.name == "soutu_decoder_deaths" else set())
    yield names


def test_every_metric_that_is_asked_for_is_told_with_the_labels_that_are_asked_for(told):
    asked = list(expressions())
    assert len(asked) > 40
    for expression in asked:
        found = selectors(expression)
        assert found, expression
        for selector in found:
            assert selector.name in told, f"{selector.name} is told by no service: {expression}"
            labels = {matcher.name for matcher in selector.matchers.matchers}
            assert labels <= told[selector.name] | _ADDED_BY_PROMETHEUS, expression


def test_every_label_that_is_shown_or_grouped_by_is_there(told):
    for panel in panels():
        for target in panel["targets"]:
            shown = set(re.findall(r"{{\s*(\w+)\s*}}", target["legendFormat"]))
            grouped = {label.strip() for labels in re.findall(r"\bby \(([^)]*)\)", target["expr"]) for label in labels.split(",")}
            expression = target["expr"].replace("$__rate_interval", "5m").replace("$job", "soutu.*")
            there = set.union(*(told[selector.name] for selector in selectors(expression))) | _ADDED_BY_PROMETHEUS
            assert shown | grouped <= there, (panel["title"], shown | grouped, there)


def test_every_metric_of_soutu_is_watched(told):
    asked = {selector.name for expression in expressions() for selector in selectors(expression)}
    families = {re.sub(r"_(bucket|sum|count|total|created)$", "", name) for name in told if name.startswith("soutu_")}
    assert families <= {re.sub(r"_(bucket|sum|count|total)$", "", name) for name in asked}


def test_what_people_read_is_in_both_languages():
    texts = [panel["title"] for panel in DASHBOARD["panels"]]
    texts += [text for rule in rules() for text in rule["annotations"].values()]
    for text in texts:
        zh, separator, en = text.partition(" · ")
        assert separator and _CHINESE.search(zh) and re.search(r"[a-zA-Z]{2}", en) and not _CHINESE.search(en), text


def test_the_dashboard_asks_the_data_source_that_a_person_chooses():
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    for panel in panels():
        assert panel["datasource"]["uid"] == "${datasource}"
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_panels_do_not_lie_on_each_other():
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells


def test_the_rules_are_about_the_jobs_that_are_scraped():
    scraped = {job["job_name"] for job in SCRAPING["scrape_configs"]}
    assert SCRAPING["rule_files"] == ["soutu-alerts.yml"]
    for rule in rules():
        for selector in selectors(rule["expr"]):
            for matcher in selector.matchers.matchers:
                assert matcher.name != "job" or matcher.value in scraped, rule["alert"]
