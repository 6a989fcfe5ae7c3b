"""sagemaker 2.257: Model.compile, deploy, predict, delete_endpoint, with the numbers that the test gives as a file."""

import json
import sys
from pathlib import Path

import boto3
import numpy as np
import sagemaker
from common import MODEL, ROLE, expect
from sagemaker.deserializers import JSONDeserializer, NumpyDeserializer
from sagemaker.model import Model
from sagemaker.predictor import Predictor
from sagemaker.serializers import JSONSerializer, NumpySerializer

given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
data, wanted = np.array(given["data"], "float32"), np.array(given["wanted"])
session = sagemaker.Session(default_bucket="neo")

model = Model(image_uri="image", model_data=MODEL, role=ROLE, sagemaker_session=session, predictor_cls=Predictor)
model.compile(
    "ml_c5", {"data": [1, 3, 32, 32]}, "s3://neo/deployed", role=ROLE, job_name="sdk-deploy", framework="onnx"
)
predictor = model.deploy(1, "ml.c5.xlarge", serializer=JSONSerializer(), deserializer=JSONDeserializer())
expect(boto3.client("sagemaker").describe_endpoint(EndpointName=predictor.endpoint_name)["EndpointStatus"], "InService")
np.testing.assert_allclose(predictor.predict(data.tolist()), wanted, atol=1e-6)
binary = Predictor(
    predictor.endpoint_name, sagemaker_session=session, serializer=NumpySerializer(), deserializer=NumpyDeserializer()
)
np.testing.assert_allclose(binary.predict(data), wanted, atol=1e-6)
predictor.delete_endpoint()
model.delete_model()
print("ok")
