"""A sample of onnx's own node tests through TVM; `make test-onnx-nodes` runs all."""

import pytest
from support.onnx_nodes import raw
from support.onnx_nodes_run import WORKS, outcome

SAMPLE = (
    *("add_bcast", "and_bcast3v1d", "argmax_keepdims_example", "attention_4d_gqa", "averagepool_2d_same_upper"),
    *(
        "basic_conv_with_padding",
        "convinteger_with_padding",
        "batchnorm_example",
        "center_crop_pad_crop",
        "clip_default_inbounds",
    ),
    *(
        "celu",
        "concat_2d_axis_1",
        "convtranspose_output_shape",
        "cumsum_1d",
        "depthtospace_example",
        "dft",
        "einsum_sum",
    ),
    *(
        "dynamicquantizelinear",
        "elu_example",
        "gather_elements_1",
        "gelu_tanh_1",
        "gemm_transposeB",
        "gru_bidirectional",
    ),
    *("group_normalization_epsilon", "hardswish", "instancenorm_epsilon", "l2normalization_axis_1"),
    *("layer_normalization_4d_axis1", "logsoftmax_axis_1", "lstm_with_peepholes", "matmulinteger", "maxpool_2d_ceil"),
    *(
        "pow_types_float32_int64",
        "prelu_broadcast",
        "qlinearconv",
        "qlinearmatmul_2D_uint8_float32",
        "reduce_mean_keepdims_example",
    ),
    *(
        "resize_upsample_sizes_nearest_axes_2_3",
        "reversesequence_batch",
        "rms_normalization_2d_axis1",
        "rotary_embedding",
    ),
    *("scan9_sum", "softmax_axis_1", "swish", "top_k", "where_example"),
)


@pytest.mark.parametrize("name", SAMPLE)
def test_operator(name: str) -> None:
    (case,) = (case for case in raw() if case.name == f"test_{name}")
    found = outcome(case)
    assert (found.verdict, found.reason) == (WORKS, "")
