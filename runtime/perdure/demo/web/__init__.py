"""The demo as a page: a chat between two tabs, the charts lit as they run, and buttons that break it.

Law of this folder: it uses the library as anybody would, and decides nothing of the protocol. `chat` is the
application, a hub and its handler; `assistant` answers through `refreshing`; `network` puts a fault proxy
before each client; `board` tells the page what the server's side sees; `site` serves all that and the files
of `page/`, which use the shipped `perdure.js`; `serving` runs it until it is stopped. `charts` writes the
drawings.
"""

from perdure.demo.web.serving import PORT, run

__all__ = ["PORT", "run"]
