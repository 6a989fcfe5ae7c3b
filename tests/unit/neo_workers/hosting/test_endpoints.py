"""Which status follows from what variants say, and records as text."""

from dataclasses import replace

import pytest

from neo_workers.hosting.endpoints import Endpoint, EndpointId, EndpointStatus, Variant, VariantState, settle
from neo_workers.jobs import Scope

ID = EndpointId(Scope("123456789012", "us-east-1"), "e")
READY, FAILED, LOADING = VariantState.READY, VariantState.FAILED, VariantState.LOADING


def variant(generation: str, state: VariantState, reason: str = "") -> Variant:
    return Variant(
        "v", generation, "m", "image", "s3://b/k", {"A": "b"}, 1.0, "ml.c5.large", state=state, reason=reason
    )


def endpoint(status: EndpointStatus, *states: VariantState, coming: tuple[VariantState, ...] = ()) -> Endpoint:
    variants = tuple(variant(f"g{n}", state, "no") for n, state in enumerate(states))
    following = tuple(variant(f"n{n}", state, "never") for n, state in enumerate(coming))
    return Endpoint(ID, "old", status, variants, 1, 1, 100, next_config_name="new", next_variants=following)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (endpoint(EndpointStatus.CREATING, READY, LOADING), EndpointStatus.CREATING),
        (endpoint(EndpointStatus.CREATING, READY, READY), EndpointStatus.IN_SERVICE),
        (endpoint(EndpointStatus.CREATING, READY, FAILED), EndpointStatus.FAILED),
        (endpoint(EndpointStatus.IN_SERVICE, FAILED), EndpointStatus.FAILED),
        (endpoint(EndpointStatus.IN_SERVICE, LOADING), EndpointStatus.IN_SERVICE),
        (endpoint(EndpointStatus.UPDATING, READY, coming=(LOADING,)), EndpointStatus.UPDATING),
        (endpoint(EndpointStatus.UPDATING, READY, coming=(READY,)), EndpointStatus.IN_SERVICE),
        (endpoint(EndpointStatus.UPDATING, READY, coming=(FAILED,)), EndpointStatus.IN_SERVICE),
        (endpoint(EndpointStatus.FAILED, READY), EndpointStatus.FAILED),
    ],
)
def test_the_status_follows_from_the_variants(before: Endpoint, after: EndpointStatus) -> None:
    assert settle(before, 99) == before  # held
    settled = settle(before, 100)
    assert settled is not None
    assert settled.status is after


def test_an_update_that_fails_leaves_what_was_in_service() -> None:
    before = endpoint(EndpointStatus.UPDATING, READY, coming=(FAILED,))
    after = settle(before, 100)
    assert after is not None
    assert (after.variants, after.next_variants, after.config_name) == (before.variants, (), "old")
    assert after.failure_reason == "never"


def test_an_update_takes_the_new_configuration() -> None:
    before = endpoint(EndpointStatus.UPDATING, READY, coming=(READY,))
    after = settle(before, 100)
    assert after is not None
    assert (after.variants, after.next_variants, after.config_name) == (before.next_variants, (), "new")


def test_a_deleted_endpoint_is_gone_after_its_hold() -> None:
    before = endpoint(EndpointStatus.DELETING, READY)
    assert settle(before, 99) is before
    assert settle(before, 100) is None
    assert before.wanted == ()


def test_text_and_back() -> None:
    before = endpoint(EndpointStatus.UPDATING, READY, FAILED, coming=(LOADING,))
    assert Endpoint.from_json(before.to_json()) == before
    assert type(Endpoint.from_json(before.to_json()).id) is EndpointId


def test_a_variant_is_changed_wherever_it_stands() -> None:
    before = endpoint(EndpointStatus.UPDATING, LOADING, coming=(LOADING,))
    both = replace(before, next_variants=before.variants)
    after = both.with_variant("g0", state=READY)
    assert after.variants[0].state is after.next_variants[0].state is READY
    assert before.with_variant("other", state=READY) == before
