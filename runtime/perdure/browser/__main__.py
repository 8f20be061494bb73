"""`python -m perdure.browser` writes `tables.js` again, from the core."""

from perdure.browser import FOLDER
from perdure.browser.export import module

(FOLDER / "tables.js").write_text(module(), encoding="utf-8")
