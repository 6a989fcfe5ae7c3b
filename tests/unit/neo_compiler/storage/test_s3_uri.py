import pytest

from neo_compiler.storage.s3_uri import S3Uri, S3UriError, artifact_of, artifact_uri, parse


@pytest.mark.parametrize(
    "text, bucket, key",
    [
        ("s3://models/a/model.tar.gz", "models", "a/model.tar.gz"),
        ("s3://models", "models", ""),
        ("s3://models/", "models", ""),
        ("s3://models/a%20b", "models", "a%20b"),
        ("https://models.s3.amazonaws.com/a/model.tar.gz", "models", "a/model.tar.gz"),
        ("https://models.s3.us-east-1.amazonaws.com/a/model.tar.gz", "models", "a/model.tar.gz"),
        ("https://my.models.s3-eu-west-1.amazonaws.com/m.tar.gz", "my.models", "m.tar.gz"),
        ("https://models.s3.cn-north-1.amazonaws.com.cn/m.tar.gz", "models", "m.tar.gz"),
        ("https://s3.amazonaws.com/models/a/model.tar.gz", "models", "a/model.tar.gz"),
        ("https://s3.us-west-2.amazonaws.com/models/a%20b.tar.gz", "models", "a b.tar.gz"),
        ("https://s3-us-west-2.amazonaws.com/models/m.tar.gz", "models", "m.tar.gz"),
        ("https://models/a/model.tar.gz", "models", "a/model.tar.gz"),
    ],
)
def test_parse(text: str, bucket: str, key: str) -> None:
    assert parse(text) == S3Uri(bucket, key)


@pytest.mark.parametrize(
    "text", ["", "models/a", "ftp://models/a", "s3:///a", "https://s3.amazonaws.com/", " s3://a/b"]
)
def test_parse_refuses(text: str) -> None:
    with pytest.raises(S3UriError):
        parse(text)


@pytest.mark.parametrize(
    "key, stem",
    [
        ("a/model.tar.gz", "model"),
        ("MODEL.TAR.GZ", "MODEL"),
        ("x.tgz", "x"),
        ("m.v2.tar.gz", "m.v2"),
        ("plain", "plain"),
    ],
)
def test_stem(key: str, stem: str) -> None:
    assert S3Uri("b", key).stem == stem


@pytest.mark.parametrize(
    "location, expected",
    [
        ("s3://out", "s3://out/model-ml_c5.tar.gz"),
        ("s3://out/", "s3://out/model-ml_c5.tar.gz"),
        ("s3://out/p/q", "s3://out/p/q/model-ml_c5.tar.gz"),
        ("s3://out/p/q/", "s3://out/p/q/model-ml_c5.tar.gz"),
    ],
)
def test_artifact_uri(location: str, expected: str) -> None:
    assert str(artifact_uri(parse("s3://in/a/model.tar.gz"), parse(location), "ml_c5")) == expected


def test_artifact_of_a_platform_job() -> None:
    platform = {"Os": "LINUX", "Arch": "ARM64", "Accelerator": "NVIDIA"}
    request = {
        "InputConfig": {"S3Uri": "s3://in/resnet.tar.gz"},
        "OutputConfig": {"S3OutputLocation": "s3://out/", "TargetPlatform": platform},
    }
    assert str(artifact_of(request)) == "s3://out/resnet-LINUX_ARM64_NVIDIA.tar.gz"
