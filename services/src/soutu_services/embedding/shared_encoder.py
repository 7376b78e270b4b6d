"""One loaded model behind several names: an adapter's base is the model that is served beside it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

from soutu_services.embedding.encoder import Encoder, FloatArray, ModelCard

__all__ = ["SharedModel"]


class SharedModel:
    """A model with several users. It is closed when the last of them is."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._users = 0
        self._lock = threading.Lock()
        self._passes = _Turns(), _Turns()

    def user(self) -> Encoder:
        """Return one more encoder that is this model."""
        with self._lock:
            self._users += 1
        return _SharedEncoder(self, self._encoder, *self._passes)

    def leave(self) -> None:
        """Be used by one less."""
        with self._lock:
            self._users -= 1
            is_last = self._users == 0
        if is_last:
            self._encoder.close()


class _Turns:
    """A lock that goes to whoever has waited longest.

    A plain one may go back again and again to the thread that gave it up: who searches with an adapter would wait for pass after
    pass over the photos of another.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_taken = False
        self._waiting: deque[threading.Event] = deque()

    def __enter__(self) -> None:
        with self._lock:
            if not self._is_taken:
                self._is_taken = True
                return
            turn = threading.Event()
            self._waiting.append(turn)
        turn.wait()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()  # it stays taken
            else:
                self._is_taken = False


class _SharedEncoder:
    """An ``Encoder``. Each tower makes one pass at a time, whoever asks: a model promises no more."""

    def __init__(self, model: SharedModel, encoder: Encoder, texts: _Turns, images: _Turns) -> None:
        self._model: SharedModel | None = model
        self._encoder = encoder
        self._texts = texts
        self._images = images

    @property
    def card(self) -> ModelCard:
        return self._encoder.card

    def prepare_text(self, text: str) -> Any:
        return self._encoder.prepare_text(text)

    def prepare_image(self, data: bytes) -> Any:
        return self._encoder.prepare_image(data)

    def encode_texts(self, prepared: Sequence[Any]) -> FloatArray:
        with self._texts:
            return self._encoder.encode_texts(prepared)

    def encode_images(self, prepared: Sequence[Any]) -> FloatArray:
        with self._images:
            return self._encoder.encode_images(prepared)

    def close(self) -> None:
        if self._model is not None:
            self._model.leave()
            self._model = None
