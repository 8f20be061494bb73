"""Colours and fonts: dark ink on white paper of its own, so that the page's colour does not matter."""

INK, MUTED, PAPER = "#1f2328", "#57606a", "#ffffff"
LIVE_FILL, LIVE_LINE = "#ddf4ff", "#0969da"
FINAL_FILL = "#eaeef2"
GUARD = "#9a6700"
RULE = "#d0d7de"
FONT = "Helvetica"  # laid out with Arimo's metrics, which Arial and Liberation Sans share
FONTS = "Helvetica,Arial,Liberation Sans,Arimo,sans-serif"
MONO_FONTS = "ui-monospace,SFMono-Regular,Menlo,Consolas,Liberation Mono,monospace"
