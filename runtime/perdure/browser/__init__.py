"""The client for browsers: `perdure.js`, ES modules that need nothing and no build step.

Law of this folder: JavaScript decides by the same tables, and by rules that are held to the Python core by
every decision that the checker takes on the client's side. `tables.js` is written from the core
(`python -m perdure.browser`), never by hand; `rules.js` is pure; `perdure.js` and what it imports perform.

`FOLDER` is what to serve: mount it as static files, and import `perdure.js` from there.
"""

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent

__all__ = ["FOLDER"]
