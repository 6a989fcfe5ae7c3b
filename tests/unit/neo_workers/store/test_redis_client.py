"""Connections on a real Valkey."""

import threading

import pytest
from redis.exceptions import RedisError

from neo_workers.store.redis_client import Connections, connect


def test_a_thread_keeps_its_connection_and_gives_it_back(redis_url: str) -> None:
    connections = connect(redis_url)

    def ids(found: list[int]) -> None:
        found += [int(str(connections.own.client_id())) for _ in range(3)]

    mine: list[int] = []
    ids(mine)
    for _ in range(20):
        theirs: list[int] = []
        thread = threading.Thread(target=ids, args=(theirs,))
        thread.start()
        thread.join()
        assert len(set(theirs)) == 1
        assert theirs[0] != mine[0]
    ids(mine)
    assert len(set(mine)) == 1
    assert len(connections.pooled.client_list()) < 20  # not one for each thread that ever was
    connections.own.close()
    connections.pooled.close()


def test_a_broken_connection_is_made_again(redis_url: str) -> None:
    connections = connect(redis_url)
    connections.own.set("k", "v")
    connections.pooled.client_kill_filter(_id=str(connections.own.client_id()))
    assert connections.own.get("k") == "v"
    connections.own.close()
    connections.pooled.close()


def test_redis_away_is_an_error_each_time() -> None:
    connections: Connections = connect("unix:///nowhere/v.sock")
    for _ in range(2):
        with pytest.raises(RedisError):
            connections.own.ping()
