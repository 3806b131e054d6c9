from __future__ import annotations

from hypothesis import settings

# A slow moment of the machine is not a fault of the mathematics.
settings.register_profile("core", deadline=None, max_examples=40)
settings.load_profile("core")
