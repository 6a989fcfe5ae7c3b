"""Every fault that the engine has to survive, how it is brought about, and the test that does it."""

from typing import NamedTuple


class Fault(NamedTuple):
    row: int  # of the fault plan
    what: str
    how: str
    test: str


TABLE = (
    Fault(1, "compiler killed", "SIGKILL; SIGSEGV; out of its memory limit", "test_compiler_killed"),
    Fault(1, "compile over a limit", "memory, disk, file size, open files, processes", "test_over_a_limit"),
    Fault(1, "process to fork from killed", "SIGKILL", "test_fork_server_killed"),
    Fault(2, "worker killed", "SIGKILL", "test_worker_killed"),
    Fault(3, "worker frozen longer than its lease", "SIGSTOP, SIGCONT", "test_worker_frozen"),
    Fault(4, "worker told to end", "SIGTERM, SIGINT", "test_worker_told_to_end"),
    Fault(5, "Redis killed, shorter than a lease", "SIGKILL, 1 s", "test_redis_killed"),
    Fault(5, "Redis killed, longer than a lease", "SIGKILL, 10 s", "test_redis_killed_for_long"),
    Fault(6, "Redis hangs", "SIGSTOP for 10 s", "test_redis_hangs"),
    Fault(7, "broker emptied", "FLUSHDB of its database", "test_broker_emptied"),
    Fault(8, "store emptied", "FLUSHALL", "test_store_emptied"),
    Fault(9, "Redis full", "CONFIG SET maxmemory, noeviction", "test_redis_full"),
    Fault(10, "messages doubled, garbage", "8 copies; unknown tasks; no JSON", "test_bad_messages"),
    Fault(11, "Stop while queued, running, without a worker, twice", "StopCompilationJob", "test_stop"),
    Fault(11, "Stop during the upload", "the upload held by a proxy", "test_stop_during_the_upload"),
    Fault(11, "Stop during a dead worker's upload", "held, SIGKILL, Stop, let go", "test_stop_after_a_dead_upload"),
    Fault(12, "one name, many Creates at once", "50 threads, two APIs", "test_one_name_for_many"),
    Fault(13, "S3 gone for a while", "proxy: connections cut for 2 s", "test_s3_gone_for_a_while"),
    Fault(13, "S3 fails", "proxy: HTTP 500", "test_s3_fails"),
    Fault(13, "S3 slow", "proxy: 0.3 s for every piece", "test_s3_slow"),
    Fault(13, "S3 hangs", "proxy: holds everything", "test_s3_hangs"),
    Fault(
        14, "API killed between Create and its message", "SIGKILL amid Creates; no message at all", "test_api_killed"
    ),
    Fault(15, "guards and serve killed", "SIGKILL", "test_guards_killed"),
    Fault(15, "everything killed and started again", "SIGKILL of every process", "test_everything_killed"),
    Fault(16, "work disk full", "tmpfs of 256 kB", "test_work_disk_full"),
    Fault(16, "Redis' disk full", "tmpfs of 4 MB, filled", "test_redis_disk_full"),
    Fault(17, "clock jumps", "libfaketime, an hour forth and back", "test_clock_jumps"),
    Fault(18, "hostile archives", "the corpus, a sample", "test_hostile_archives"),
    Fault(19, "compiler forks, floods, hangs, babbles", "hostile.py", "test_unruly_compiler"),
    Fault(20, "worker cut off from Redis", "proxy: cut, hold, for longer than a lease", "test_worker_cut_off"),
    Fault(21, "several reapers and APIs", "3 more reapers, a second API", "test_many_reapers"),
    Fault(22, "rolling restart under load", "50 jobs, 30 times a random part killed", "test_rolling_restart"),
)
