import importlib

import botocore.session
import pytest

from neo_compiler.errors import CompilationError
from neo_compiler.frontends import IMPORTERS, NEEDS, loader


def test_every_framework_of_the_service_has_its_row() -> None:
    model = botocore.session.get_session().get_service_model("sagemaker")
    assert set(IMPORTERS) == set(model.shape_for("Framework").enum)


@pytest.mark.parametrize("framework", [name for name, module in IMPORTERS.items() if module])
def test_an_available_framework_loads(framework: str) -> None:
    assert callable(loader(framework))


def test_those_with_an_extra_say_which_modules_they_need() -> None:
    modules = {name: importlib.import_module(module) for name, module in IMPORTERS.items() if module}
    assert {name for name, module in modules.items() if module.FACTS.extra} == set(NEEDS)


@pytest.mark.parametrize("framework", [*(name for name, module in IMPORTERS.items() if not module), "CAFFE"])
def test_an_unavailable_framework_says_so(framework: str) -> None:
    with pytest.raises(CompilationError, match=f"Framework {framework} is not available .* there is ONNX"):
        loader(framework)
