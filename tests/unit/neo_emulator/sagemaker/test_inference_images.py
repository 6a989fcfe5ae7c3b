import pytest

from neo_emulator.protocol import aws_json
from neo_emulator.sagemaker.inference_images import ACCOUNTS, IMAGES, PROCESSORS, inference_image

# Source of the aliases: version_aliases of the SDK's neo-pytorch.json, neo-tensorflow.json, neo-mxnet.json
ALIASES = [
    ("PYTORCH", "0.4.0", "1.4"),
    ("PYTORCH", "1.3.0", "1.4"),
    ("PYTORCH", "1.7.1", "1.7"),
    ("PYTORCH", "1.12.1", "1.12"),
    ("PYTORCH", "2.0.1", "2.0"),
    ("TENSORFLOW", "1.4.1", "1.15.3"),
    ("TENSORFLOW", "1.14.0", "1.15.3"),
    ("TENSORFLOW", "2.4.2", "2.9.2"),
    ("TENSORFLOW", "2.9", "2.9.2"),
    ("MXNET", "0.12.1", "1.8"),
    ("MXNET", "1.4.1", "1.8"),
    ("PYTORCH", "9.9", "2.0"),
    ("PYTORCH", None, "2.0"),
]


@pytest.mark.parametrize(("framework", "asked", "served"), ALIASES)
def test_versions(framework: str, asked: str | None, served: str) -> None:
    image = inference_image("us-west-2", "ml_c5", framework, asked)
    assert image is not None
    assert image.startswith("301217895009.dkr.ecr.us-west-2.amazonaws.com/sagemaker-inference-")
    assert image.endswith(f":{served}-cpu-py3")


@pytest.mark.parametrize(
    ("region", "device", "framework", "image"),
    [
        (
            "us-east-1",
            "ml_g4dn",
            "ONNX",
            "785573368785.dkr.ecr.us-east-1.amazonaws.com/sagemaker-neo-onnx:1.5.0-gpu-py3",
        ),
        (
            "us-east-1",
            "ml_inf1",
            "MXNET",
            "785573368785.dkr.ecr.us-east-1.amazonaws.com/sagemaker-neo-mxnet:1.5.1-inf-py3",
        ),
        ("cn-north-1", "ml_p3", "XGBOOST", "472730292857.dkr.ecr.cn-north-1.amazonaws.com.cn/xgboost-neo:latest"),
        ("us-east-1", "rasp3b", "ONNX", None),
        ("us-east-1", None, "ONNX", None),
        ("us-east-1", "ml_c5", None, None),
        ("us-east-1", "ml_c5", "DARKNET", None),
        ("mars-north-1", "ml_c5", "ONNX", None),
    ],
)
def test_image(region: str, device: str | None, framework: str | None, image: str | None) -> None:
    assert inference_image(region, device, framework, None) == image


def test_tables_name_what_the_model_has() -> None:
    create = aws_json.input_shape("CreateCompilationJob").members
    assert set(PROCESSORS) <= set(create["OutputConfig"].members["TargetDevice"].enum)
    frameworks = set(create["InputConfig"].members["Framework"].enum)
    assert all(set(images) <= frameworks for images in IMAGES.values())
    assert set(PROCESSORS.values()) == set(IMAGES)
    assert all(len(account) == 12 and account.isdigit() for account in ACCOUNTS.values())


def test_longest_image_fits_the_model() -> None:
    longest = aws_json.output_shape("DescribeCompilationJob").members["InferenceImage"].metadata["max"]
    for region in ACCOUNTS:
        for device in PROCESSORS:
            assert len(inference_image(region, device, "TENSORFLOW", None) or "") <= longest
