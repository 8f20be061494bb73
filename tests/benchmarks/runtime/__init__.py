"""What `runtime_speed.py` runs: each tool's server and client, in processes of their own, and the figures.

`perdure_side`, `sse_side`, `socketio_side` and `post_side` are programs: `<side> serve`, or
`<side> <measure> <address> <numbers…>`, which prints its result as JSON. They know `serving` and `load` only.
"""
