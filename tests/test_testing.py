"""What `helamem.testing` promises to whoever writes a store of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from helamem.testing import FixedClock, SharedStoreContract, StoreContract


class TestContract:
    def test_no_subclass_may_weaken_a_test(self) -> None:
        with pytest.raises(TypeError, match="Weak redefines test_an_id_is_never_used_again"):
            type("Weak", (StoreContract,), {"test_an_id_is_never_used_again": lambda self: None})

    def test_no_mixin_may_hide_a_test(self) -> None:
        mixin = type("Mixin", (), {"test_reading": None, "test_an_id_is_never_used_again": None})

        with pytest.raises(TypeError, match="Weak redefines test_an_id_is_never_used_again"):
            type("Weak", (mixin, StoreContract), {})

    def test_tests_of_ones_own_are_welcome(self) -> None:
        mine = type("Mine", (StoreContract, SharedStoreContract), {"test_mine": lambda self: None})

        assert issubclass(mine, StoreContract)

    def test_a_store_must_be_made(self) -> None:
        contract = StoreContract()
        contract.setup_method()

        with pytest.raises(NotImplementedError):
            contract.store  # noqa: B018

    def test_pytest_is_not_needed_to_import_it(self) -> None:
        script = "import sys; sys.modules['pytest'] = None; import helamem.testing"

        subprocess.run([sys.executable, "-c", script], check=True)


class TestFixedClock:
    def test_time_stands_still_until_it_is_moved(self) -> None:
        clock = FixedClock(100.0)

        assert (100.0, 100.0) == (clock(), clock())
        clock.advance(2.5)
        assert 102.5 == clock()
        clock.now = 7.0
        assert 7.0 == clock()
