"""Addresses that people write."""

import pytest

from soutu_client import InvalidInputError
from soutu_client._channel import full_address


@pytest.mark.parametrize(
    ("written", "whole"),
    [
        ("nas.local", "nas.local:8401"),
        ("nas.local:9000", "nas.local:9000"),
        (" 192.168.1.5:8401 ", "192.168.1.5:8401"),
        ("[::1]", "[::1]:8401"),
        ("[fe80::1%eth0]:8401", "[fe80::1%eth0]:8401"),
        ("家里的机器", "家里的机器:8401"),
    ],
)
def test_an_address_is_completed(written: str, whole: str) -> None:
    assert full_address(written, "en") == whole


@pytest.mark.parametrize("written", ["http://nas:8401", "", "nas:", "nas:0", "nas:99999", "::1", "a b", "nas:8401/x"])
def test_what_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(InvalidInputError, match="不对") as caught:
        full_address(written, "zh")
    assert caught.value.reason == "BAD_ADDRESS"
