"""How much Hypothesis tries: its default in `make test`; `make fuzz` takes the profile `longer`."""

from hypothesis import settings

settings.register_profile("longer", max_examples=2000, deadline=None, derandomize=False, print_blob=True)
