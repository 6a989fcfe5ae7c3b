"""Four users write to S3 while `serve --data-dir` is killed again and again: nothing acknowledged is lost.

NEO_CHAOS_ROUNDS says how often (3). The seed is printed; NEO_CHAOS_SEED sets it.
"""

import os
import random
import threading
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from support import kill_loop
from support.kept import Kept
from support.waiting import takes

ROUNDS = int(os.environ.get("NEO_CHAOS_ROUNDS", "3"))
SEED = int(os.environ.get("NEO_CHAOS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)


def once(kept: Kept) -> Any:
    """An S3 client that never asks twice: a repeated call would have happened, for all it knows, two times."""
    import boto3

    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=8)
    return boto3.client("s3", endpoint_url=kept.url, config=config, **keys)


def kill_while_they_write(kept: Kept, actors: list[kill_loop.Actor], seconds: float) -> list[str]:
    """Errors that are no consequence of the kill."""
    stop, killed, errors = threading.Event(), threading.Event(), list[str]()
    s3 = once(kept)

    def go(actor: kill_loop.Actor) -> None:
        try:
            actor.run(s3, stop)
        except BotoCoreError as error:
            if not killed.is_set():
                errors.append(f"actor {actor.number}: {error}")
        except Exception as error:
            errors.append(f"actor {actor.number}: {error!r}")

    threads = [threading.Thread(target=go, args=(actor,)) for actor in actors]
    for thread in threads:
        thread.start()
    takes(seconds)  # the moment of the kill is chance
    killed.set()
    kept.kill()
    stop.set()
    for thread in threads:
        thread.join()
    return errors


@pytest.mark.timeout(60 + 30 * ROUNDS)
def test_nothing_acknowledged_is_lost(kept: Kept) -> None:
    print(f"NEO_CHAOS_SEED={SEED}")
    moments = random.Random(SEED)
    actors = [kill_loop.Actor(n, random.Random(SEED + n)) for n in range(4)]
    kill_loop.prepare(kept.client("s3"))
    in_doubt = 0
    for number in range(ROUNDS):
        errors = kill_while_they_write(kept, actors, moments.uniform(0.15, 1.6))
        in_doubt += sum(actor.doubt is not None for actor in actors)
        kept.start()
        lost = {actor.number: wrong for actor in actors if (wrong := actor.differences(once(kept)))}
        assert (lost, errors) == ({}, []), f"round {number}, seed {SEED}"
    acknowledged = sum(actor.acknowledged for actor in actors)
    print(f"{ROUNDS} kills, {acknowledged} calls acknowledged, {in_doubt} in doubt, none lost")
    assert acknowledged > 5 * ROUNDS
