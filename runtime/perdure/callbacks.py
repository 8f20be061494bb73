"""Callbacks: the one that is called is the one that was registered last, whenever that was."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

LOG = logging.getLogger("perdure")


class Callbacks:
    """An application's callbacks, by the name of what they hear of."""

    def __init__(self, **callbacks: Callable[..., object] | None) -> None:
        self._latest = dict(callbacks)

    def register(self, name: str, callback: Callable[..., object] | None) -> None:
        """Call this one from now on, and no other (finding A07); None: nobody."""
        self._latest[name] = callback

    def call(self, name: str, *told: Any) -> None:
        """Tell the callback registered last. One that fails leaves a log line, and disturbs nothing."""
        callback = self._latest.get(name)
        if callback is None:
            return
        try:
            callback(*told)
        except Exception:
            LOG.exception("%s failed; the session goes on", name)
