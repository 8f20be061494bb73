"""schemathesis asks a hub what its OpenAPI description says it takes, and what it says it does not.

One check is left out: that all that the description allows is taken. It cannot say that keys grow from item
to item, nor which characters are printable.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from perdure import Hub, HubSession, Send
from perdure.openapi import POSTS
from perdure_model.core.server.parts import ServerSettings

from tests.runtime.serving import Server, Uvicorn

pytestmark = pytest.mark.fuzz
ROOT = Path(__file__).parents[2]
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
SEED = os.environ.get("FUZZ_SEED", "1")


def hub_of() -> Hub:
    hub = Hub(settings=ServerSettings(grace_s=0.5), heartbeat_s=5)

    @hub.on_send
    async def reply(send: Send, session: HubSession) -> None:
        await session.publish({"length": len(str(send.data))})

    return hub


def asked(url: str, report: Path) -> subprocess.CompletedProcess[str]:
    """What schemathesis says of the POSTs at this address."""
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", "tests/fuzz/schemathesis.toml"]
    command += ["run", f"{url}/openapi.json", "--url", url]
    command += ["--include-method", "POST", "--checks", "all", "--exclude-checks", "positive_data_acceptance"]
    command += ["--max-examples", str(EXAMPLES), "--seed", SEED, "--phases", "coverage,fuzzing"]
    command += ["--report", "json", "--report-json-path", str(report), "--request-timeout", "10"]
    hooks = {"SCHEMATHESIS_HOOKS": "tests.fuzz.living"}
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | hooks, capture_output=True, text=True, timeout=280
    )


def test_what_a_hub_does_is_what_its_description_says(tmp_path: Path) -> None:
    report, hub = tmp_path / "report.json", hub_of()
    server = Server(hub, Uvicorn(hub.asgi()))
    try:
        done = asked(server.url, report)
    finally:
        server.stop()
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    told = json.loads(report.read_text())
    assert told["operations"]["tested"] == len(POSTS)
    assert told["test_cases"]["generated"] > 5 * EXAMPLES
    taken = {name: rates["fuzzing"]["accepted"] for name, rates in told["valid_rates"].items()}
    assert taken.keys() == {f"POST {path}" for path in POSTS}
    assert min(taken.values()) > 0, "some address takes nothing: is the client of `living` alive?"
