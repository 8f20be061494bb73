"""Defects of credentials that are refused, and when another is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from perdure_model.core.client import outbox
from perdure_model.core.common import classify, refuse
from perdure_model.core.rule import Decision
from perdure_model.world.defect import Catalogue

DEFECTS = Catalogue()
defect = DEFECTS.enter


def _gives_up_without_asking(i: Any, *more: Any) -> Decision:
    *others, settings = more
    return outbox.on_post_replied(i, *others, replace(settings, refreshes=False))


def _asks_again_and_again(i: Any, box: Any, items: Any, link: Any, access: Any, *more: Any) -> Decision:
    return outbox.on_post_replied(i, box, items, link, replace(access, unproven=False), *more)


def _proven_by_any(i: Any, box: Any, items: Any, link: Any, access: Any, *more: Any) -> Decision:
    """A credential counts as good once anything was taken, whatever it went out with.

    The answer to a POST made with the credential before comes after the refresh, and vouches for the new one;
    when that is refused in turn, another is asked for in its place, and so on. Cured by letting an answer
    speak for the credential that its request went out with, and for no other.
    """
    token = access.token if classify(i.status) == "taken" else i.token
    return outbox.on_post_replied(replace(i, token=token), box, items, link, access, *more)


def _proves_only_what_is_open(i: Any, box: Any, items: Any, *more: Any) -> Decision:
    """A yes to a POST whose sends are settled by now is not looked at.

    A credential is refused and replaced; the POST that goes out with the new one ends its session, and the
    end overtakes the answer. Nothing has vouched for the credential, it seems: when it dies in turn, what is
    posted to other sessions is dropped, and no other is asked for. Cured by letting every yes speak for the
    credential that it went out with. A simulation found it.
    """
    if any(item.state == "sending" and item.post == i.post for item in items.values()):
        return outbox.on_post_replied(i, box, items, *more)
    return refuse("the end of a POST whose sends are settled", box, items, *more[:2])


defect(
    "T15d",
    "a send whose credential is refused is dropped, and no other credential is asked for",
    "P-CLASS",
    where="T credentials",
    on_post_replied=_gives_up_without_asking,
)
defect(
    "T15c",
    "a credential that was refused as soon as it came is replaced again",
    "P-RETRY-BUDGET",
    where="T credentials",
    on_post_replied=_asks_again_and_again,
)
defect(
    "N34",
    "a credential that nobody has taken passes for a good one",
    "P-RETRY-BUDGET",
    where="T credentials",
    on_post_replied=_proven_by_any,
)
defect(
    "N49",
    "a yes that comes after its sends are settled proves nothing of its credential",
    "P-CLASS",
    where="T dead at the end",
    on_post_replied=_proves_only_what_is_open,
)
