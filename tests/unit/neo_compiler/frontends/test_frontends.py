import botocore.session
import pytest

from neo_compiler.errors import CompilationError
from neo_compiler.frontends import FRAMEWORKS, loader, reference


def test_every_framework_of_the_service_has_its_row() -> None:
    model = botocore.session.get_session().get_service_model("sagemaker")
    assert set(FRAMEWORKS) == set(model.shape_for("Framework").enum)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_an_available_framework_loads(framework: str) -> None:
    assert callable(loader(framework))
    assert reference(framework) is None or callable(reference(framework))


def test_those_with_an_extra_say_which_modules_they_need() -> None:
    assert all(bool(row.extra) == bool(row.modules) for row in FRAMEWORKS.values())


def test_an_ending_tells_one_framework() -> None:
    endings = [ending for row in FRAMEWORKS.values() for ending in row.endings]
    assert len(endings) == len(set(endings))


def test_an_unavailable_framework_says_so() -> None:
    with pytest.raises(CompilationError, match=r"Framework CAFFE is not available .* available: ONNX"):
        loader("CAFFE")
