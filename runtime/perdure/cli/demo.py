"""`perdure demo`: a conversation through real faults, or a page to try it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from perdure.cli import common
from perdure.cli.common import FOUND, GOOD, AsJson, extra, put_json, wrong


def demo(
    as_json: AsJson = False,
    record: Annotated[Path | None, typer.Option(help="keep the trace in this file, a JSON line each")] = None,
    seed: Annotated[int | None, typer.Option(help="of the client's jitter; 1 by default")] = None,
    web: Annotated[bool, typer.Option("--web", help="serve a page that shows it live, until Ctrl-C")] = False,
    port: Annotated[int | None, typer.Option(help="the page's; 0 for any that is free")] = None,
) -> None:
    """Hold a conversation through real faults, and count what was lost; or serve a page to try it (--web)."""
    with extra("cli"):
        from perdure import demo as show
    if web:
        if as_json or record is not None or seed is not None:
            raise wrong("--json, --record and --seed are not for --web, whose page shows what happens")
        serve_page(port)
        return
    if port is not None:
        raise wrong("--port is the page's: give --web, too")
    result = show.run(
        seed=1 if seed is None else seed, record=record, console=None if as_json else common.console
    )
    if as_json:
        put_json(result.as_json())
    else:
        common.console.print(show.table(result, Table))
    raise typer.Exit(GOOD if result.ok else FOUND)


def serve_page(port: int | None) -> None:
    """Serve the demo's page until it is stopped; its address is a line of its own."""
    with extra("cli"):
        from perdure.demo import web
        from perdure.errors import UsageError

    def say(address: str) -> None:
        common.console.print(f"{address}\nopen it in a browser; Ctrl-C ends it", soft_wrap=True)

    try:
        web.run(web.PORT if port is None else port, say)
    except UsageError as error:
        raise wrong(str(error)) from error
