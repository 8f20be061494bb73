"""Published protocols as models, for the tests of the checker. Their counts were published by others."""
