"""Load with accounts: many clients, one server, and a proxy that breaks something a few times a second.

Law of this folder: nothing that is kept grows with time. A conversation is short, and its account is closed
when both sides have told theirs; so whatever grows is the library's. `server` and `clients` are programs of
their own that tell what they see as JSON lines; `chaos` draws the faults from a seed; `accounts` alone says
what was lost, `memory` what grew, and `rest` what was left behind; `load` brings them together.
"""
