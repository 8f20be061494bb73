"""nginx as Debian packages it, before a server: a child without privileges, on a port of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.wild.certificates import Certificates
from tests.wild.programs import program

DEBIAN = """
    sendfile on; tcp_nopush on; types_hash_max_size 2048;
    include /etc/nginx/mime.types; default_type application/octet-stream;
    gzip on;
"""
"""What Debian's nginx.conf sets for HTTP. All else is nginx's own default: responses of the upstream are
buffered, it is spoken to in HTTP/1.0, and a response that pauses for 60 s is cut."""
TUNED = "proxy_http_version 1.1; proxy_set_header Connection ''; proxy_buffering off; proxy_read_timeout 1h;"
"""What is often advised for event streams."""

CONFIG = """
daemon off; pid nginx.pid; error_log error.log warn; worker_processes 2; worker_shutdown_timeout 1s;
events {{ }}
http {{
    client_body_temp_path body; proxy_temp_path proxy;
    fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    access_log access.log;
    {debian}
    upstream server {{ {servers} keepalive 8; }}
    server {{
        listen 127.0.0.1:{port}{tls};
        {certificate}
        location / {{ proxy_pass http://server; {settings} }}
    }}
}}
"""


class Nginx:
    """One nginx. `url` is where it listens; `settings` stand in its location, after Debian's defaults.

    The port is bound here and handed down, as for socket activation: no other process can take it before.
    """

    def __init__(
        self, *upstreams: int, settings: str = "", http: str = "", certificates: Certificates | None = None
    ) -> None:
        self._upstreams, self._settings, self._http, self._certificates = (
            upstreams,
            settings,
            http,
            certificates,
        )
        self._path = program("nginx")
        self._folder = Path(tempfile.mkdtemp(prefix="nginx-"))
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if certificates else 'http'}://127.0.0.1:{self.port}"
        self._configure()
        self._process = self._start()
        try:
            self._wait()
        except AssertionError:
            self.stop()
            raise

    def _configure(self) -> None:
        tls, certificate = "", ""
        if self._certificates is not None:
            tls = " ssl http2"
            shutil.copy(self._certificates.chain, self._folder / "chain.pem")
            certificate = "ssl_certificate chain.pem; ssl_certificate_key chain.pem;"
        text = CONFIG.format(
            debian=DEBIAN + self._http,
            servers=" ".join(f"server 127.0.0.1:{port};" for port in self._upstreams),
            port=self.port,
            tls=tls,
            certificate=certificate,
            settings=self._settings,
        )
        (self._folder / "nginx.conf").write_text(text, encoding="utf-8")

    def _start(self) -> subprocess.Popen[bytes]:
        command = [self._path, "-p", str(self._folder), "-c", "nginx.conf", "-e", "error.log"]
        environment = {"NGINX": f"{self._listener.fileno()};"}
        handed = (self._listener.fileno(),)
        if os.geteuid() != 0:
            return subprocess.Popen(command, env=environment, pass_fds=handed)
        for path in (self._folder, *self._folder.iterdir()):
            shutil.chown(path, "nobody", "nogroup")
        return subprocess.Popen(
            command, env=environment, pass_fds=handed, user="nobody", group="nogroup", extra_groups=[]
        )

    def _wait(self) -> None:
        """Wait until the configuration is read; until then, connections queue."""
        for _ in range(1000):
            if (self._folder / "nginx.pid").exists():
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.01)
        raise AssertionError(f"nginx did not start:\n{self.errors()}")

    def errors(self) -> str:
        """What it has complained about."""
        return (self._folder / "error.log").read_text(encoding="utf-8")

    def accesses(self) -> list[str]:
        """A line for each request that has been answered to its end."""
        return (self._folder / "access.log").read_text(encoding="utf-8").splitlines()

    def reload(self) -> None:
        """Read the configuration again. The streams of the old workers are cut after 1 s."""
        self._process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """Stop at once, and leave nothing behind."""
        self._process.terminate()
        self._process.wait(10)
        self._listener.close()
        shutil.rmtree(self._folder)


@contextmanager
def nginx(
    *upstreams: int, settings: str = "", http: str = "", certificates: Certificates | None = None
) -> Iterator[Nginx]:
    """An nginx in front of these ports; it is up when this returns."""
    one = Nginx(*upstreams, settings=settings, http=http, certificates=certificates)
    try:
        yield one
    finally:
        one.stop()
