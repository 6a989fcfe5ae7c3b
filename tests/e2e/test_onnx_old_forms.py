"""Operators in the forms of old opsets through TVM: all of an opset in one model."""

import pytest
from support.old_form import check, together
from support.old_forms import FORMS
from support.onnx_run import run_model


@pytest.mark.parametrize("opset", sorted({form.opset for form in FORMS.values()}))
def test_old_forms_compute_what_they_did(opset: int) -> None:
    forms = {name: form for name, form in FORMS.items() if form.opset == opset}
    found = iter(run_model(*together(forms)))
    for name, form in forms.items():
        check(name, form, [next(found) for _ in form.outputs])
