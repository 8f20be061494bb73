"""The rules: (input, parts) -> (parts, effects). All decisions of client and server are taken here.

Laws of this folder:

1. A rule is a pure function. Ids, chance and the fact that a timer has run out come in with the input.
2. State is a set of *parts*: small frozen values under keys. No other folder makes or changes one.
3. What is to be done goes out as effects: a closed union of frozen values, in a documented order.
4. Every stream, timer, attempt and POST carries the generation it was made for; an input of an older
   one changes nothing (findings T02-T04, T26, T38). The fences stand in the charts, as the guards
   `current` and `newer`.
5. Nothing is silent: an input that changes nothing answers with `Refused` and the reason.

`client/` and `server/` hold the two rule books, `CLIENT` and `SERVER`.
"""
