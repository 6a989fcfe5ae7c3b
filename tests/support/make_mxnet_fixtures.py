# ruff: noqa: N803
"""Writes tests/support/mxnet: small models as MXNet 1.9.1 itself exports them, with what it computes for them.

Run by hand, in an environment of its own with mxnet==1.9.1 and numpy==1.23.5 (MXNet has not been kept up):

    python tests/support/make_mxnet_fixtures.py tests/support/mxnet [zoo]

With "zoo" it writes the pictures' classifiers of Gluon's model zoo too, with random weights: too big to be committed.
"""

import sys
from pathlib import Path

import mxnet as mx
import numpy as np
from mxnet.gluon import nn, rnn

mx.random.seed(3)
np.random.seed(3)


class Convolutions(nn.HybridBlock):
    """The layers of classifiers for images."""

    def __init__(self):
        super().__init__()
        with self.name_scope():
            self.body = nn.HybridSequential()
            self.body.add(
                nn.Conv2D(8, 3, padding=1, strides=2),
                nn.BatchNorm(),
                nn.Activation("relu"),
                nn.Conv2D(8, 3, padding=1, groups=8, use_bias=False),
                nn.BatchNorm(scale=False),
                nn.LeakyReLU(0.1),
                nn.MaxPool2D(3, 2, ceil_mode=True),
                nn.Conv2D(12, 1),
                nn.PReLU(),
                nn.AvgPool2D(3, 2, 1, ceil_mode=True),
                nn.Conv2DTranspose(6, 4, 2, 1),
                nn.Swish(),
                nn.InstanceNorm(),
            )
            self.output = nn.HybridSequential()
            self.output.add(nn.GlobalAvgPool2D(), nn.Flatten(), nn.Dense(10), nn.Dropout(0.5))

    def hybrid_forward(self, F, x):
        y = self.body(x)
        up = F.UpSampling(y, scale=2, sample_type="nearest")
        resized = F.contrib.BilinearResize2D(y, height=9, width=7)
        pooled = F.contrib.AdaptiveAvgPooling2D(y, output_size=(3, 2))
        joined = F.concat(F.flatten(up), F.flatten(resized), F.flatten(pooled), dim=1)
        normal = F.L2Normalization(F.LRN(y, nsize=3), mode="channel")
        return self.output(y).softmax(axis=-1), joined, normal


class Shapes(nn.HybridBlock):
    """Operators that move values and compute with them."""

    def hybrid_forward(self, F, x):  # [2, 3, 4, 6]
        a = F.reshape(x, shape=(0, -3, -1))
        b = F.reshape(x, shape=(-4, 1, 2, 0, -2))
        c = F.slice(x, begin=(None, 1, 0, 5), end=(None, None, 3, None), step=(None, None, 2, -2))
        d = F.slice_axis(x, axis=-1, begin=-3, end=None)
        e = F.pad(x, mode="reflect", pad_width=(0, 0, 0, 0, 1, 1, 2, 2))
        f = F.tile(F.mean(x, axis=(2, 3), keepdims=True), reps=(1, 1, 2, 2))
        g = F.broadcast_add(F.sum(x, axis=1, exclude=True, keepdims=True), F.transpose(x, axes=(0, 1, 2, 3)))
        h = F.topk(x, k=3, axis=1, ret_typ="value")
        i = F.argmax(x, axis=2)
        j = F.where(x > 0.1, F.sqrt(F.abs(x)), F.exp(x) - 1)
        k = F.clip(2 / (1.5 + x * x), 0.2, 1.2) * F.LeakyReLU(x, act_type="gelu")
        parts = F.split(x, num_outputs=3, axis=1, squeeze_axis=True)
        m = F.batch_dot(parts[0], parts[1], transpose_b=True)
        n = F.stack(parts[2], parts[0], axis=1)
        o = F.norm(x, axis=-1)
        p = F.swapaxes(F.expand_dims(x, axis=0), 1, 3).squeeze(axis=0)
        q = F.depth_to_space(F.repeat(x, repeats=4, axis=1), 2)
        r = F.log_softmax(x, axis=1) + F.broadcast_maximum(x, F.zeros_like(x))
        return [a, b, c, d, e, f, g, h, i, j, k, m, n, o, p, q, r]


class Words(nn.HybridBlock):
    """Embedded words, recurrent layers, attention."""

    def __init__(self):
        super().__init__()
        with self.name_scope():
            self.words = nn.Embedding(50, 12)
            self.lstm = rnn.LSTM(8, num_layers=2, bidirectional=True, layout="NTC")
            self.gru = rnn.GRU(6, layout="NTC")
            self.rnn = rnn.RNN(5, activation="tanh", layout="NTC")
            self.norm = nn.LayerNorm()
            self.dense = nn.Dense(4, flatten=False)

    def hybrid_forward(self, F, ids):
        x = self.norm(self.lstm(self.words(ids)))
        scores = F.softmax(F.contrib.div_sqrt_dim(F.batch_dot(x, x, transpose_b=True)), axis=-1)
        return self.dense(self.rnn(self.gru(F.batch_dot(scores, x))))


def symbol_mlp():
    """The old symbolic interface, with a label."""
    data = mx.sym.Variable("data")
    hidden = mx.sym.Activation(mx.sym.FullyConnected(data, num_hidden=16, name="fc1"), act_type="sigmoid")
    return mx.sym.SoftmaxOutput(mx.sym.FullyConnected(hidden, num_hidden=3, name="fc2"), name="softmax")


def save(folder, name, block, *inputs):
    """symbol, params, and inputs with outputs."""
    block.initialize(mx.init.Xavier(magnitude=2))
    block.hybridize()
    arrays = [mx.nd.array(item) for item in inputs]
    outputs = block(*arrays)
    block.export(str(folder / name), 0)
    write(folder / f"{name}.npz", inputs, outputs if isinstance(outputs, (list, tuple)) else [outputs])


def write(path, inputs, outputs):
    ins = {f"in{index}": np.asarray(item) for index, item in enumerate(inputs)}
    np.savez_compressed(path, **ins, **{f"out{index}": item.asnumpy() for index, item in enumerate(outputs)})


def save_mlp(folder):
    module = mx.mod.Module(symbol_mlp(), label_names=["softmax_label"])
    module.bind([("data", (2, 20))], [("softmax_label", (2,))], for_training=False)
    module.init_params(mx.init.Xavier())
    data = np.random.normal(size=(2, 20)).astype("float32")
    module.forward(mx.io.DataBatch([mx.nd.array(data)]), is_train=False)
    module.save_checkpoint(str(folder / "mlp"), 12)
    write(folder / "mlp.npz", [data], module.get_outputs())


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    image = np.random.normal(size=(1, 3, 32, 28)).astype("float32")
    save(folder, "convolutions", Convolutions(), image)
    save(folder, "shapes", Shapes(), np.random.normal(size=(2, 3, 4, 6)).astype("float32"))
    save(folder, "words", Words(), np.random.randint(0, 50, (2, 7)).astype("float32"))
    save_mlp(folder)
    if "zoo" in sys.argv:
        big = np.random.normal(size=(1, 3, 224, 224)).astype("float32")
        for name in ("resnet18_v1", "resnet18_v2", "mobilenet0.25", "mobilenetv2_0.25", "squeezenet1.1", "densenet121"):
            save(folder, name, mx.gluon.model_zoo.vision.get_model(name), big)


main()
