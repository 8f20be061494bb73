"""`python -m perdure`, and the `perdure` command: the command line, or what to install for it."""

import sys


def main() -> None:
    """Run the command line; exit 2 and name the extra where its libraries are not installed."""
    try:
        from perdure.cli import main as run
    except ModuleNotFoundError as missing:
        if missing.name not in ("rich", "typer"):
            raise
        sys.exit(_without(missing.name))
    run()


def _without(name: str) -> int:
    sys.stderr.write(f"perdure: {name} is not installed: pip install 'perdure[cli]'\n")
    return 2


if __name__ == "__main__":
    main()
