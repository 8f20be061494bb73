"""What a simulation came to, for people: plain lines, marked up for rich."""

from __future__ import annotations

from collections.abc import Iterator

from perdure.testing.simulation.runs import RUN_STEPS, Run, Tally
from perdure.testing.simulation.transcript import SHOWS, file_text, rarest, transcript


def lines(tally: Tally) -> Iterator[str]:
    """The rates, the faults by kind, what all sides were told and saw, and the verdict."""
    ends = "" if tally.complete else ", [yellow]interrupted[/]"
    yield (
        f"{tally.runs:,} runs of up to {RUN_STEPS} steps from seed {tally.seed}: {tally.steps:,} steps in "
        f"{tally.seconds:.1f} s, {tally.simulated_s / 3600:,.2f} simulated hours, "
        f"{tally.hours_per_second:.2f} hours a second{ends}"
    )
    yield f"faults   {counted(tally.faults)}"
    yield f"heard    {counted(tally.heard)}"
    yield f"accounts {counted(tally.accounts)}"
    if tally.failed is None:
        yield "[green]all properties held[/]"
    else:
        yield from verdict(tally.failed, tally.shortest or tally.failed)


def verdict(failed: Run, shortest: Run) -> Iterator[str]:
    """The property that broke, how to see it again, and the shortest scenario."""
    seed, steps = failed.scenario.seed, len(failed.scenario.steps)
    yield f"[bold red]{failed.broken}[/]"
    systems = failed.scenario.systems
    which = "" if systems == "T" else f" --systems {systems}"
    yield f"again: perdure simulate --seed {seed} --steps {steps}{which}"
    yield f"shortened to {len(shortest.scenario.steps)} steps: {shortest.broken}"
    yield from (f"    {line}" for line in shortest.scenario.text().splitlines())


def counted(figures: dict[str, int]) -> str:
    """Figures by name."""
    return ", ".join(f"{name} {count:,}" for name, count in sorted(figures.items())) or "none"


def saved(tally: Tally, *comments: str) -> str:
    """The file to keep, with its transcript: the shortest run that breaks a property, or the first one where
    none broke. `comments`: in place of those that say what came of it. Where none says what it shows, that is
    its rarest effect."""
    run = tally.shortest or tally.failed or tally.first
    assert run is not None
    said = list(comments or remarks(tally, run))
    if not any(f"# {one}".startswith(SHOWS) for one in said) and (effect := rarest(transcript(run))):
        said.append(f"shows: {effect}")
    return file_text(run, *said)


def remarks(tally: Tally, run: Run) -> list[str]:
    """What came of it, and where it is from."""
    if run.broken is None or tally.failed is None:
        return ["All properties hold."]
    origin = f"seed {tally.failed.scenario.seed}, {len(tally.failed.scenario.steps)} steps"
    return [f"Broke {run.broken}", f"Shortened from {origin}."]
