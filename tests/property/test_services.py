"""Generated requests to S3, IAM, CloudWatch Logs and EventBridge Scheduler: no bad request is answered with 5xx."""

import warnings

from fuzz import services
from werkzeug.test import Client

from neo_emulator.aws.moto import Moto
from neo_workers.settings import Settings


def test_no_request_is_answered_with_an_unexplained_5xx() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # moto's own, of Python's future
        answers, faults = services.run(Client(Moto(Settings())), 600, seed=7)
    assert faults == []
    assert answers["2xx"] > 100
    assert answers["4xx"] > 200
