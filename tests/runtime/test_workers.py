"""Several processes at one address, each with a hub of its own: noticed, whoever started them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
from perdure import Hub
from perdure.workers import ADDRESSES_MAX, Claims, claimed, listens_here

from tests.runtime.asgi import Call

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what is looked at is Linux's")
PATHS = ("one", "two")


HOLDS = """
import socket, sys
claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
claim.bind(chr(0) + "perdure hub " + sys.argv[1])
print(flush=True)
sys.stdin.read()
"""


@contextmanager
def another(address: str) -> Iterator[None]:
    """Another process that serves a hub at this address."""
    command = [sys.executable, "-IS", "-c", HOLDS, address]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield


def test_an_address_is_one_process_s_for_as_long_as_it_lives() -> None:
    host, claims = f"test-{uuid4()}", Claims(listens=lambda _address: True)
    with another(f"{host} 80"):
        for _ in range(2):
            assert not claims.alone((host, 80))
            assert claims.alone((host, 81))
    assert claims.alone((host, 80))
    assert claims.alone([host, 80])  # for any number of hubs
    assert not claimed((host, 80))


def test_what_was_forked_off_claims_for_itself() -> None:
    claims = Claims(listens=lambda _address: True)
    host = f"test-{uuid4()}"
    assert claims.alone((host, 80))
    child = os.fork()
    if not child:
        os._exit(claims.alone((host, 80)))
    assert os.waitpid(child, 0)[1] == 0


def test_an_address_that_nobody_listens_at_here_is_no_matter() -> None:
    with socket.socket() as closed, socket.socket() as open_:
        for one in (closed, open_):
            one.bind(("127.0.0.1", 0))
        open_.listen()
        assert listens_here(open_.getsockname())
        assert not listens_here(closed.getsockname())
    claims = Claims()
    for server in (None, ("testserver", 80), ("testserver", None), ("127.0.0.1", None)):
        assert claims.alone(server)
        assert claims.alone(server)


def test_the_file_of_a_unix_socket_is_an_address(tmp_path: Path) -> None:
    path = str(tmp_path / "hub")
    assert not listens_here((path, None))
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path)
        assert listens_here((path, None))


def test_addresses_that_are_made_up_take_no_room() -> None:
    claims = Claims(listens=lambda _address: False)
    for n in range(2 * ADDRESSES_MAX):
        assert claims.alone((f"made-up-{n}", 80))
    assert len(claims._mine) == ADDRESSES_MAX


APP = """
import uvicorn
from perdure import Hub
from starlette.applications import Starlette
from starlette.routing import Mount

app = Starlette(routes=[Mount("/one", Hub().asgi()), Mount("/two", Hub().asgi())])
if __name__ == "__main__":
    uvicorn.run("several:app", port=PORT, workers=2, log_level="error")
"""


@pytest.mark.anyio
@pytest.mark.parametrize(("routed", "status"), [(False, 503), (True, 400)])
async def test_a_hub_that_is_not_alone_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, routed: bool, status: int
) -> None:
    monkeypatch.setattr("perdure.routes.CLAIMS", Claims(listens=lambda _address: True))
    app = Hub(routed=routed).asgi()
    for path in ("/events", "/send", "/close", "/suspend", "/watch", "/unwatch"):
        host = f"test-{uuid4()}"
        with another(f"{host} 80"):
            call = Call("GET" if path == "/events" else "POST", path, [], b"" if path == "/events" else b"{}")
            call.scope["server"] = (host, 80)
            await call.run(app)
            assert call.status == status
            if not routed:
                assert "Hub(routed=True)" in call.writes[0].decode()
                assert call.headers["retry-after"] == "1"


def test_workers_that_no_command_line_tells_of_are_noticed(tmp_path: Path) -> None:
    """Two hubs in each of two processes; what they are asked is no request (400), or not for them (503)."""
    port = free_port()
    (tmp_path / "several.py").write_text(APP.replace("PORT", str(port)))
    with subprocess.Popen([sys.executable, "several.py"], cwd=tmp_path) as server:
        try:
            assert statuses(port, until={400, 503}) == {400, 503}
        finally:
            server.terminate()


def statuses(port: int, until: set[int]) -> set[int]:
    """What 20 new connections are answered with, and more until these statuses have been seen."""
    found: set[int] = set()
    deadline = time.monotonic() + 30
    count = 0
    while (count < 20 or not until <= found) and time.monotonic() < deadline:
        try:
            found |= {httpx2.get(f"http://127.0.0.1:{port}/{path}/events").status_code for path in PATHS}
            count += 1
        except httpx2.TransportError:  # not up yet
            time.sleep(0.1)
    return found


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
