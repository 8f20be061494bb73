"""Programs that the tests run beside Python, and what version of everything it was."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from functools import cache
from importlib.metadata import version as installed_version

import pytest

PACKAGES = {"node": "nodejs", "chromium": "chromium", "nginx": "nginx", "curl": "curl"}
"""Each program, and the Debian package that brings it."""
_VERSION = re.compile(r"\d+(\.\d+)+")


class ProgramMissing(Exception):
    """A program that the tests need is not there. They fail: a check that was skipped has not passed."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not installed: apt-get install --no-install-recommends {PACKAGES[name]}")


def find(name: str) -> str:
    """The path of a program. Raises ProgramMissing. Debian keeps servers where only root's PATH looks."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        raise ProgramMissing(name)
    return found


def program(name: str) -> str:
    """The path of a program, or a failure of the test that says how to get it."""
    try:
        return find(name)
    except ProgramMissing as missing:
        pytest.fail(str(missing), pytrace=False)


@cache
def version_of(name: str) -> str:
    """The version of a program or a Python package; "missing" where there is none to ask."""
    if name not in PACKAGES:
        return installed_version(name)
    try:
        path = find(name)
    except ProgramMissing:
        return "missing"
    flag = "-v" if name == "nginx" else "--version"
    said = subprocess.run([path, flag], capture_output=True, text=True, check=True)
    number = _VERSION.search(said.stdout + said.stderr)
    assert number is not None, said
    return number.group()


def missing() -> list[str]:
    """The programs that are not there."""
    return [name for name in PACKAGES if version_of(name) == "missing"]


def main() -> int:
    """Say what is there, and how to get what is not: before the tests, for all of it at once."""
    for name in PACKAGES:
        print(f"{name}: {version_of(name)}")
    packages = " ".join(PACKAGES[name] for name in missing())
    if packages:
        print(f"apt-get install --no-install-recommends {packages}", file=sys.stderr)
    return 1 if packages else 0


if __name__ == "__main__":
    sys.exit(main())
