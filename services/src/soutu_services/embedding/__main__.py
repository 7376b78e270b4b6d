"""Run the embedding service: ``python -m soutu_services.embedding``. Its settings come from the environment."""

from __future__ import annotations

import logging
import sys

from soutu_services.embedding.registry import load_encoders
from soutu_services.embedding.service import EmbeddingService
from soutu_services.embedding.servicer import served
from soutu_services.embedding.settings import EmbeddingSettings
from soutu_services.runtime.addresses import Address
from soutu_services.runtime.authentication import Anyone, Authenticator, SharedSecrets
from soutu_services.runtime.errors import FailedPrecondition
from soutu_services.runtime.program import run_program
from soutu_services.runtime.secret_files import read_secrets
from soutu_services.runtime.server import check_listening, serve_until_signal, start_server

__all__ = ["main", "serve"]

_PACKAGE = "soutu.embedding.v1"
_logger = logging.getLogger("soutu_services.embedding")


def serve(settings: EmbeddingSettings) -> None:
    """Load the models and serve until SIGTERM or Ctrl-C.

    Raises:
        SoutuError: a model cannot be loaded, or an address cannot be listened on.
    """
    check_listening(settings.server)  # before the models, which take long to load
    authenticator = _authenticator(settings)
    service = EmbeddingService(load_encoders(settings.models, settings), settings.request_limits, settings.batching)
    try:
        server = start_server([served(service)], settings.server, package=_PACKAGE, authenticator=authenticator)
        models = ", ".join(f"{model.card.name} {model.card.variant} {model.card.space_id}" for model in service.models())
        serve_until_signal(server, on_ready=lambda: _logger.info("ready on %s with %s", server.address, models))
    finally:
        service.close()


def main() -> int:
    """Serve; return the exit status, with one line on standard error when it is not 0."""
    return run_program(EmbeddingSettings, serve)


def _authenticator(settings: EmbeddingSettings) -> Authenticator:
    """Return who is let in: whoever has a token where there is one; anyone on this machine, or where plain text is allowed."""
    secrets = read_secrets(settings.token, settings.token_file, variable="SOUTU_EMBEDDING_TOKEN")
    if secrets:
        return SharedSecrets(secrets)
    if not Address.parse(settings.listen).is_loopback:
        if not settings.allow_plaintext:
            raise FailedPrecondition(
                "TOKEN_NOT_SET",
                zh="对外监听的向量服务需要令牌：请把一个随机的令牌写进文件，在这里设 SOUTU_EMBEDDING_TOKEN_FILE，"
                "在搜索服务那里设 SOUTU_SEARCH_EMBEDDING_TOKEN_FILE",
                en="an embedding service that other machines can reach needs a token: write a random one into a file, name it in "
                "SOUTU_EMBEDDING_TOKEN_FILE here and in SOUTU_SEARCH_EMBEDDING_TOKEN_FILE at the search service",
            )
        _logger.warning("WARNING: no token is set: anyone in the network can use this service")
    return Anyone()


if __name__ == "__main__":
    sys.exit(main())
