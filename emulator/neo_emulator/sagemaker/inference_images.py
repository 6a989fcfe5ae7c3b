"""InferenceImage: the container image with which AWS serves a cloud target's artifact, as tables.

Source: image_uri_config of aws/sagemaker-python-sdk (repositories, versions, accounts), the developer guide's pages on
Neo inference containers (Keras, ONNX), and the recordings of 2024-04-16 (present from the start of the job).
"""

from __future__ import annotations

from dataclasses import dataclass

from neo_emulator.protocol.arns import partition

ACCOUNTS = {
    "af-south-1": "774647643957",
    "ap-east-1": "110948597952",
    "ap-northeast-1": "941853720454",
    "ap-northeast-2": "151534178276",
    "ap-northeast-3": "925152966179",
    "ap-south-1": "763008648453",
    "ap-southeast-1": "324986816169",
    "ap-southeast-2": "355873309152",
    "ca-central-1": "464438896020",
    "cn-north-1": "472730292857",
    "cn-northwest-1": "474822919863",
    "eu-central-1": "746233611703",
    "eu-central-2": "010526262399",
    "eu-north-1": "601324751636",
    "eu-south-1": "966458181534",
    "eu-west-1": "802834080501",
    "eu-west-2": "205493899709",
    "eu-west-3": "254080097072",
    "il-central-1": "275950707576",
    "me-south-1": "836785723513",
    "sa-east-1": "756306329178",
    "us-east-1": "785573368785",
    "us-east-2": "007439368137",
    "us-gov-west-1": "263933020539",
    "us-iso-east-1": "167761179201",
    "us-isob-east-1": "406031935815",
    "us-west-1": "710691900526",
    "us-west-2": "301217895009",
}
"""Account that owns the images, by region."""

PROCESSORS = {
    **dict.fromkeys(("ml_m4", "ml_m5", "ml_m6g", "ml_c4", "ml_c5", "ml_c6g"), "cpu"),
    **dict.fromkeys(("ml_p2", "ml_p3", "ml_g4dn"), "gpu"),
    "ml_inf1": "inf",
}
"""Image flavour by TargetDevice. Every other device, and every TargetPlatform, has no InferenceImage."""


@dataclass(frozen=True)
class Images:
    """One repository; `versions` ascend, and the last is used if the request has none or a newer one."""

    repository: str
    versions: tuple[str, ...]
    flavoured: bool = True  # the tag ends in -<processor>-py3


_SERVED = {
    "PYTORCH": Images("sagemaker-inference-pytorch", ("1.4", "1.5", "1.6", "1.7", "1.8", "1.12", "1.13", "2.0")),
    "TENSORFLOW": Images("sagemaker-inference-tensorflow", ("1.15.3", "2.9.2")),
    "MXNET": Images("sagemaker-inference-mxnet", ("1.8",)),
    "KERAS": Images("sagemaker-neo-keras", ("2.2.4",)),
    "ONNX": Images("sagemaker-neo-onnx", ("1.5.0",)),
    "XGBOOST": Images("xgboost-neo", ("latest",), flavoured=False),
}
IMAGES: dict[str, dict[str, Images]] = {
    "cpu": _SERVED,
    "gpu": _SERVED,
    "inf": {
        "PYTORCH": Images("sagemaker-neo-pytorch", ("1.5.1",)),
        "TENSORFLOW": Images("sagemaker-neo-tensorflow", ("1.15.0",)),
        "MXNET": Images("sagemaker-neo-mxnet", ("1.5.1",)),
    },
}
"""Images by flavour and Framework."""


def inference_image(region: str, device: str | None, framework: str | None, version: str | None) -> str | None:
    """`<account>.dkr.ecr.<region>.<suffix>/<repository>:<tag>`, None if AWS has no image."""
    processor = PROCESSORS.get(device or "")
    images = IMAGES.get(processor or "", {}).get(framework or "")
    account = ACCOUNTS.get(region)
    if processor is None or images is None or account is None:
        return None
    tag = _version(images.versions, version)
    if images.flavoured:
        tag = f"{tag}-{processor}-py3"
    return f"{account}.dkr.ecr.{region}.{partition(region).dns_suffix}/{images.repository}:{tag}"


def _version(served: tuple[str, ...], asked: str | None) -> str:
    """The served version that `asked` is a patch of, else the next newer one, else the newest.

    This rule gives every row of the SDK's version_aliases.
    """
    if asked is None:
        return served[-1]
    for version in served:
        if f"{asked}.".startswith(f"{version}."):
            return version
    return next((version for version in served if _order(version) >= _order(asked)), served[-1])


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("."))
