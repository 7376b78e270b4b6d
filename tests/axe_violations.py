"""What axe-core (https://github.com/dequelabs/axe-core) finds wrong in a page."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_AXE = Axe()
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page) -> list[str]:
    """Say what is wrong, where, and what a passing page would be."""
    found = _AXE.run(page, options={"runOnly": {"type": "tag", "values": _TAGS}}).response["violations"]
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]
