"""The operations on endpoints, without a worker: tests say what a worker would."""

import io
import tarfile
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.waiting import GENEROUS_SECONDS, until

from neo_compiler.artifact.bundle import Meta, target_meta
from neo_emulator.hosting import runtime_api
from neo_targets.registry import DEVICES
from neo_workers.hosting.endpoint_store import EndpointStore
from neo_workers.hosting.endpoints import Endpoint, EndpointId, VariantState
from neo_workers.hosting.invocations import Answer, InvocationQueue
from neo_workers.jobs import Scope
from neo_workers.store.store import Store

HERE = Scope("123456789012", "us-east-1")
ROLE = "arn:aws:iam::123456789012:role/neo"
ARN = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/e"
READY, FAILED = VariantState.READY, VariantState.FAILED


class Hosting:
    """A client, and what a worker does to endpoints."""

    def __init__(self, client: Any, store: Store) -> None:
        self.sagemaker, self.s3, self.runtime = (client(name) for name in ("sagemaker", "s3", "sagemaker-runtime"))
        self.store = EndpointStore(store)
        self.queue = InvocationQueue(store.settings.store_url)
        self.s3.create_bucket(Bucket="neo")
        self.s3.put_object(Bucket="neo", Key="a.tar.gz", Body=b"", Metadata={"neo-emulator-job": "a:b:c:1"})
        self.model("m", "s3://neo/a.tar.gz")
        self.config("c", v="m")

    def model(self, name: str, url: str) -> None:
        container = {"Image": "image", "ModelDataUrl": url}
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)

    def config(self, name: str, instance_type: str = "ml.c5.large", **models: str) -> None:
        variants = [
            {
                "VariantName": variant,
                "ModelName": model,
                "InstanceType": instance_type,
                "InitialInstanceCount": 2,
                "InitialVariantWeight": 0.5,
            }
            for variant, model in models.items()
        ]
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)

    def create(self, name: str = "e", config: str = "c") -> None:
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)

    def say(self, state: VariantState, reason: str = "", name: str = "e") -> Endpoint:
        """Every variant that is loading is in that state."""

        def change(found: Endpoint | None) -> Endpoint | None:
            for variant in found.wanted if found else ():
                if found is not None and variant.state is VariantState.LOADING:
                    found = found.with_variant(variant.generation, state=state, reason=reason)
            return found

        after = self.store.update(EndpointId(HERE, name), change)
        assert after is not None
        return after

    def describe(self, name: str = "e") -> Any:
        found = self.sagemaker.describe_endpoint(EndpointName=name)
        del found["ResponseMetadata"]
        return found

    def status(self) -> str:
        return str(self.describe()["EndpointStatus"])


@pytest.fixture
def hosting(client: Any, store: Store) -> Hosting:
    return Hosting(client, store)


def refused(call: Callable[..., Any], **members: Any) -> Any:
    with pytest.raises(ClientError) as error:
        call(**members)
    return error.value.response["Error"]


def test_an_endpoint_from_creation_to_its_end(hosting: Hosting) -> None:
    hosting.create()
    found = hosting.describe()
    assert found["EndpointStatus"] == "Creating"
    assert (found["EndpointName"], found["EndpointArn"], found["EndpointConfigName"]) == ("e", ARN, "c")
    assert "FailureReason" not in found
    (variant,) = found["ProductionVariants"]
    (image,) = variant.pop("DeployedImages")
    assert image["SpecifiedImage"] == image["ResolvedImage"] == "image"
    counts = {"CurrentInstanceCount": 0, "DesiredInstanceCount": 2}
    assert variant == {"VariantName": "v", "CurrentWeight": 0.0, "DesiredWeight": 0.5, **counts}
    hosting.say(READY)
    found = hosting.describe()
    assert found["EndpointStatus"] == "InService"
    assert found["ProductionVariants"][0]["CurrentWeight"] == 0.5
    assert found["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert found["LastModifiedTime"] >= found["CreationTime"]
    hosting.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="e")
    hosting.sagemaker.delete_endpoint(EndpointName="e")
    hosting.sagemaker.get_waiter("endpoint_deleted").wait(EndpointName="e")


def test_a_model_that_does_not_load_is_a_failed_endpoint(hosting: Hosting) -> None:
    hosting.create()
    hosting.say(FAILED, "it does not load")
    found = hosting.describe()
    assert (found["EndpointStatus"], found["FailureReason"]) == ("Failed", "it does not load")
    error = refused(hosting.sagemaker.update_endpoint, EndpointName="e", EndpointConfigName="c")
    assert "Cannot update failed endpoint" in error["Message"]
    hosting.sagemaker.delete_endpoint(EndpointName="e")


def test_refusals(hosting: Hosting) -> None:
    sagemaker = hosting.sagemaker
    could_not_find = {"Code": "ValidationException", "Message": f'Could not find endpoint "{ARN}".'}
    for call in (sagemaker.describe_endpoint, sagemaker.delete_endpoint):
        assert refused(call, EndpointName="e") == could_not_find
    assert refused(sagemaker.update_endpoint, EndpointName="e", EndpointConfigName="c") == could_not_find
    weights = [{"VariantName": "v", "DesiredWeight": 1.0}]
    update_weights = sagemaker.update_endpoint_weights_and_capacities
    assert refused(update_weights, EndpointName="e", DesiredWeightsAndCapacities=weights) == could_not_find
    assert (
        "Could not find endpoint configuration"
        in refused(sagemaker.create_endpoint, EndpointName="e", EndpointConfigName="none")["Message"]
    )
    hosting.create()
    again = refused(sagemaker.create_endpoint, EndpointName="e", EndpointConfigName="c")
    assert again == {
        "Code": "ValidationException",
        "Message": f'Cannot create already existing endpoint "{ARN}".',
    }
    busy = refused(sagemaker.update_endpoint, EndpointName="e", EndpointConfigName="c")
    assert busy["Message"] == f'Cannot update in-progress endpoint "{ARN}".'
    assert "failed to satisfy constraint" in refused(sagemaker.describe_endpoint, EndpointName="-")["Message"]
    hosting.say(READY)
    twice = refused(update_weights, EndpointName="e", DesiredWeightsAndCapacities=weights * 2)
    assert twice["Message"] == 'The variant name "v" was non-unique within the request.'


def test_instance_types_are_those_of_botocore(hosting: Hosting) -> None:
    hosting.config("arm", instance_type="ml.m6g.large", v="m")
    with pytest.raises(ClientError, match="Member must satisfy enum value set"):
        hosting.config("none", instance_type="ml.none.large", v="m")


def test_an_update_that_fails_changes_nothing(hosting: Hosting) -> None:
    hosting.create()
    before = hosting.say(READY).variants
    hosting.config("c2", v="m", w="m")
    hosting.sagemaker.update_endpoint(EndpointName="e", EndpointConfigName="c2")
    assert hosting.status() == "Updating"
    after = hosting.say(FAILED, "not that one")
    assert after.variants == before
    found = hosting.describe()
    assert (found["EndpointStatus"], found["FailureReason"]) == ("InService", "not that one")
    assert found["EndpointConfigName"] == "c"


def test_an_update_may_keep_weights(hosting: Hosting) -> None:
    hosting.create()
    hosting.say(READY)
    weights = [{"VariantName": "v", "DesiredWeight": 7.0, "DesiredInstanceCount": 3}]
    hosting.sagemaker.update_endpoint_weights_and_capacities(EndpointName="e", DesiredWeightsAndCapacities=weights)
    assert hosting.status() == "InService"
    hosting.sagemaker.update_endpoint(
        EndpointName="e",
        EndpointConfigName="c",
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredInstanceCount"}],
    )
    (variant,) = hosting.describe()["ProductionVariants"]
    assert (variant["CurrentWeight"], variant["DesiredWeight"]) == (7.0, 7.0)
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (3, 2)


def test_the_list_has_moto_s_endpoints_too(hosting: Hosting) -> None:
    hosting.model("foreign", "s3://neo/none.tar.gz")
    hosting.config("theirs", v="foreign")
    for name, config in (("one", "c"), ("two", "theirs"), ("three", "c")):
        hosting.create(name, config)
    hosting.say(READY, name="three")

    def names(**query: Any) -> list[str]:
        pages = hosting.sagemaker.get_paginator("list_endpoints").paginate(**query)
        return [row["EndpointName"] for page in pages for row in page["Endpoints"]]

    assert names() == ["three", "two", "one"]
    assert names(SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 1}) == ["one", "three", "two"]
    assert names(NameContains="T", SortBy="Name") == ["two", "three"]
    assert names(StatusEquals="Creating") == ["one"]
    assert set(names(StatusEquals="InService")) == {"two", "three"}
    created = hosting.describe("one")["CreationTime"]
    assert names(CreationTimeAfter=created, SortOrder="Ascending")[0] == "one"
    assert names(LastModifiedTimeBefore=created) in ([], ["one"])
    assert "Invalid pagination token" in refused(hosting.sagemaker.list_endpoints, NextToken="x")["Message"]
    assert hosting.runtime.invoke_endpoint(EndpointName="two", Body=b"")["Body"].read() == b"body"


def test_an_artifact_is_known_by_what_is_in_it(hosting: Hosting) -> None:
    buffer = io.BytesIO()
    meta = Meta("ONNX", "", (), (), (), target_meta(DEVICES["ml_c5"], ()), {}).to_json().encode()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo("compiled.meta")
        info.size = len(meta)
        tar.addfile(info, io.BytesIO(meta))
    hosting.s3.put_object(Bucket="neo", Key="copy.tar.gz", Body=buffer.getvalue())
    hosting.model("copy", "s3://neo/copy.tar.gz")
    hosting.config("copied", v="copy")
    hosting.create("e", "copied")
    assert hosting.status() == "Creating"


def test_tags_and_search_know_endpoints(hosting: Hosting) -> None:
    hosting.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c", Tags=[{"Key": "k", "Value": "v"}])
    assert hosting.sagemaker.list_tags(ResourceArn=ARN)["Tags"] == [{"Key": "k", "Value": "v"}]


def test_what_users_queued_in_moto_still_answers(hosting: Hosting, curl: Any) -> None:
    assert refused(hosting.runtime.invoke_endpoint, EndpointName="any", Body=b"")["Code"] == "ValidationError"
    result = {"Body": "queued", "ContentType": "t", "InvokedProductionVariant": "v", "CustomAttributes": "c"}
    curl("POST", "/moto-api/static/sagemaker/endpoint-results", {"results": [result]})
    assert hosting.runtime.invoke_endpoint(EndpointName="any", Body=b"")["Body"].read() == b"queued"


def test_an_s3_object_of_that_path_is_s3_s(hosting: Hosting) -> None:
    hosting.s3.create_bucket(Bucket="endpoints")
    upload = hosting.s3.create_multipart_upload(Bucket="endpoints", Key="e/invocations")
    assert upload["Key"] == "e/invocations"


def answering(hosting: Hosting, generation: str, answer: Answer) -> threading.Thread:
    """A model that gives one answer."""

    def run() -> None:
        taken = hosting.queue.take(generation, GENEROUS_SECONDS)
        assert taken is not None
        hosting.queue.answer(generation, taken[0], answer)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def test_what_the_model_says_reaches_the_caller(hosting: Hosting) -> None:
    hosting.create()
    generation = hosting.say(READY).variants[0].generation
    answering(hosting, generation, Answer(200, "text/csv", b"\x001\n"))
    answer = hosting.runtime.invoke_endpoint(EndpointName="e", Body=b"x", ContentType="t")
    assert (answer["ContentType"], answer["Body"].read()) == ("text/csv", b"\x001\n")
    answering(hosting, generation, Answer(500, "text/plain", b"no"))
    error = refused(hosting.runtime.invoke_endpoint, EndpointName="e", Body=b"x")
    assert error["Code"] == "ModelError"
    assert error["Message"].startswith('Received server error (500) from primary with message "no". See https://')


def test_a_slow_model_is_the_service_s_time_out(hosting: Hosting, monkeypatch: pytest.MonkeyPatch) -> None:
    hosting.create()
    hosting.say(READY)
    invoke = InvocationQueue.invoke
    monkeypatch.setattr(InvocationQueue, "invoke", lambda self, to, what: invoke(self, to, what, 0.05))
    with pytest.raises(ClientError) as error:
        hosting.runtime.invoke_endpoint(EndpointName="e", Body=b"x")
    response = error.value.response
    assert response["Error"]["Message"].startswith(
        f'Received server error (0) from primary with message "{runtime_api.TIMED_OUT}"'
    )
    assert response["OriginalStatusCode"] == 0


def test_a_request_follows_an_update(hosting: Hosting) -> None:
    """What waited for the old generation goes to the new one."""
    hosting.create()
    old = hosting.say(READY).variants[0].generation
    got: list[bytes] = []
    caller = threading.Thread(
        target=lambda: got.append(hosting.runtime.invoke_endpoint(EndpointName="e", Body=b"x")["Body"].read())
    )
    caller.start()
    until(lambda: hosting.queue.connection.llen(f"neo:hosting:queue:{old}"))
    hosting.sagemaker.update_endpoint(EndpointName="e", EndpointConfigName="c")
    new = hosting.say(READY).variants[0].generation
    assert new != old
    answering(hosting, new, Answer(200, "t", b"new"))
    hosting.queue.close(old)
    caller.join()
    assert got == [b"new"]


def test_states_are_held(hosting: Hosting) -> None:
    hosting.create()
    held = hosting.store.update(
        EndpointId(HERE, "e"), lambda found: replace(found, hold_until_ms=2**62) if found else None
    )
    assert held is not None
    hosting.say(READY)
    assert hosting.status() == "Creating"
    error = refused(hosting.runtime.invoke_endpoint, EndpointName="e", Body=b"")
    assert error["Message"] == "Endpoint e of account 123456789012 is not InService: it is Creating."
    hosting.sagemaker.delete_endpoint(EndpointName="e")


def test_reset_forgets_endpoints(hosting: Hosting, curl: Any) -> None:
    hosting.create()
    curl("POST", "/_neo/reset")
    assert hosting.sagemaker.list_endpoints()["Endpoints"] == []
    assert hosting.store.get(EndpointId(HERE, "e")) is None


def test_no_canned_result_of_an_asynchronous_invocation(hosting: Hosting) -> None:
    hosting.create()
    hosting.say(READY)
    error = refused(hosting.runtime.invoke_endpoint_async, EndpointName="e", InputLocation="s3://neo/in")
    assert error["Code"] == "ValidationError"
    assert "does not support InvokeEndpointAsync" in error["Message"]
