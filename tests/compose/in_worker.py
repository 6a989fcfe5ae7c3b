"""Programs that workers of compose.yaml run to make a model of their framework: they print it, and what it computes."""

PROGRAMS = {
    "worker-torch": """
import base64, json, numpy, torch
x = numpy.linspace(-1, 1, 192, dtype="float32").reshape(1, 3, 8, 8)
torch.manual_seed(0)
layers = torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(288, 5)
net = torch.nn.Sequential(*layers).eval()
torch.jit.save(torch.jit.trace(net, torch.from_numpy(x)), "/tmp/model.pth")
y = net(torch.from_numpy(x)).detach().numpy()
print(json.dumps({"model": base64.b64encode(open("/tmp/model.pth", "rb").read()).decode(), "y": y.tolist()}))
""",
    "worker-tensorflow": """
import base64, json, keras, numpy
x = numpy.linspace(-1, 1, 192, dtype="float32").reshape(1, 3, 8, 8)
keras.utils.set_random_seed(0)
layers = keras.layers.Conv2D(8, 3, activation="relu"), keras.layers.Flatten(), keras.layers.Dense(5)
net = keras.Sequential([keras.Input((8, 8, 3), name="input0"), *layers])
net.save("/tmp/model.h5")
y = net.predict(x.transpose(0, 2, 3, 1), verbose=0)
print(json.dumps({"model": base64.b64encode(open("/tmp/model.h5", "rb").read()).decode(), "y": y.tolist()}))
""",
}
"""Service -> a program that prints {"model": its file in base64, "y": what the ramp x [1, 3, 8, 8] gives [1, 5]}."""
