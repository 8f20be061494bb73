"""What decides: charts, tables, rules, and the checker that explores them.

Law of this folder: no await, no clock, no chance, no id, no socket and no environment in here. What
the outside knows (ids, chance, "this timer fired") comes in as an input; what is to be done goes out
as an effect. `tests/test_layers.py` holds it.
"""
