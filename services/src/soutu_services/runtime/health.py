"""Ask this machine's service whether it serves: ``python -m soutu_services.runtime.health search``, for containers and scripts.

It reads the service's own variables, so that it asks where the service listens, with TLS if that has a certificate.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from soutu_services.runtime.addresses import Address
from soutu_services.runtime.errors import SoutuError
from soutu_services.runtime.language import Text, language_of_environment
from soutu_services.runtime.probe import answers_grpc, reachable

__all__ = ["main"]

_SERVES, _DOES_NOT, _USAGE = 0, 1, 2
_DEFAULTS = {"search": "127.0.0.1:8401", "embedding": "127.0.0.1:8402"}

_HOW = Text(
    zh="用法：python -m soutu_services.runtime.health search|embedding",
    en="usage: python -m soutu_services.runtime.health search|embedding",
)
_NO_AUTHORITY = Text(
    zh="服务用 TLS，但没有设 SOUTU_{service}_TLS__AUTHORITY，无法核对它的证书",
    en="the service uses TLS, but SOUTU_{service}_TLS__AUTHORITY is not set, so its certificate cannot be checked",
)
_SILENT = Text(zh="{address} 没有应答，或没有在服务", en="{address} does not answer, or does not serve")


def main(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Return 0 if the service serves; else 1, or 2 for a wrong command, with one line on standard error that says why."""
    language = language_of_environment(environment)
    if len(arguments) != 1 or arguments[0] not in _DEFAULTS:
        sys.stderr.write(_HOW.to(language) + "\n")
        return _USAGE
    service = arguments[0].upper()
    authority = environment.get(f"SOUTU_{service}_TLS__AUTHORITY")
    has_tls = bool(environment.get(f"SOUTU_{service}_TLS__CERTIFICATE"))
    if has_tls and not authority:
        sys.stderr.write(_NO_AUTHORITY.to(language).format(service=service) + "\n")
        return _USAGE
    try:
        address = Address.parse(environment.get(f"SOUTU_{service}_LISTEN") or _DEFAULTS[arguments[0]])
        if answers_grpc(address, Path(authority) if has_tls and authority else None):
            return _SERVES
    except (SoutuError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return _DOES_NOT
    sys.stderr.write(_SILENT.to(language).format(address=reachable(address)) + "\n")
    return _DOES_NOT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
