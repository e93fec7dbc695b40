"""What every test stands on: a steady Hypothesis, a frozen time zone, no developer's home."""

import gc
import os
import time

import pytest
from hypothesis import Phase, settings

# "steady" finds the same on every machine; HYPOTHESIS_PROFILE=explore looks further afield, "first"
# is content with the first failure it meets.
settings.register_profile("steady", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("explore", deadline=None, print_blob=True, max_examples=2_000)
settings.register_profile(
    "first", deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


def pytest_unconfigure() -> None:
    """Look for garbage once: pytest does so five times, each time through all that lives."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _same_place_everywhere(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ["TZ"] = "UTC"
    time.tzset()
    os.environ["HOME"] = str(tmp_path_factory.mktemp("home"))
    for name in [name for name in os.environ if name.startswith("XDG_")]:
        del os.environ[name]
