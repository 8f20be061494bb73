"""Every test of what checking means runs on both engines."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import pytest
from perdure_model.checker import Report, System, check

Check = Callable[..., Report]
HAVE_NUMBA = importlib.util.find_spec("numba") is not None


@pytest.fixture(params=["plain", "compiled"])
def run(request: pytest.FixtureRequest) -> Check:
    """`check` with one engine."""
    if request.param == "compiled" and not HAVE_NUMBA:
        pytest.skip("numba is not installed")

    def checked(system: System, **options: Any) -> Report:
        report = check(system, engine=request.param, **options)
        assert report.engine == request.param
        return report

    return checked
