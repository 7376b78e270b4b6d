"""What holds for every test."""

from collections.abc import Iterator

import pytest

_FOLDERS = ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")


@pytest.fixture(scope="session", autouse=True)
def folders_of_nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep a person's own login, history and last hits out of the tests, those of fixtures and of other processes as well."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in _FOLDERS:
            patch.setenv(variable, str(tmp_path_factory.mktemp(variable.lower())))
        yield
