"""Workers of which only some have a job's framework: real processes, one of them without treelite."""

from pathlib import Path

import redis
from chaos.stack import TESTS, Stack
from support import jobs
from support.tabular_models import boosted
from support.waiting import until

from neo_workers.queue import routing
from neo_workers.store import worker_registry

WITHOUT = 'import sys\nsys.modules["treelite"] = None\n'
JOBS = 4


def create(stack: Stack) -> str:
    sagemaker = stack.client("sagemaker")
    name = f"trees-{len(sagemaker.list_compilation_jobs()['CompilationJobSummaries'])}"
    sagemaker.create_compilation_job(
        CompilationJobName=name,
        RoleArn=jobs.ROLE,
        InputConfig={"S3Uri": "s3://neo/trees.tar.gz", "Framework": "XGBOOST"},
        OutputConfig={"S3OutputLocation": f"s3://neo/{name}", "TargetDevice": "ml_c5"},
        StoppingCondition={"MaxRuntimeInSeconds": 300},
    )
    return name


def test_jobs_find_the_worker_that_has_their_framework(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT)
    stack = Stack(tmp_path, workers=0)
    stack.add_worker("worker-plain", {"PYTHONPATH": f"{tmp_path}:{TESTS}"}, lease_seconds=2)
    with stack:
        case = boosted()
        s3, sagemaker = stack.client("s3"), stack.client("sagemaker")
        s3.create_bucket(Bucket="neo")
        s3.put_object(Bucket="neo", Key="trees.tar.gz", Body=jobs.archive(**{case.file: case.model}))

        alone = jobs.wait(sagemaker, create(stack))
        assert alone["CompilationJobStatus"] == "FAILED"
        assert "XGBOOST needs treelite" in alone["FailureReason"]
        assert "start a worker that has it" in alone["FailureReason"]

        able = stack.add_worker("worker-able").start()
        stack.wait_ready()
        assert sorted("XGBOOST" in worker.frameworks for worker in worker_registry.workers(stack.store)) == [
            False,
            True,
        ]
        names = [create(stack) for _ in range(JOBS)]
        for name in names:
            job = jobs.wait(sagemaker, name)
            assert job["CompilationJobStatus"] == "COMPLETED", job.get("FailureReason")
            holder = str(stack.store.connection.hget(f"neo:job:123456789012:us-east-1:{name}", "worker"))
            assert holder.endswith(f":{able.pid}")

        able.kill()  # it may be starting again: its jobs wait for it
        waiting = create(stack)
        with redis.Redis(unix_socket_path=str(stack.socket), db=0) as broker:
            until(lambda: broker.llen(routing.queue_of("XGBOOST")))
        assert sagemaker.describe_compilation_job(CompilationJobName=waiting)["CompilationJobStatus"] == "STARTING"
        able.start()
        assert jobs.wait(sagemaker, waiting)["CompilationJobStatus"] == "COMPLETED"
