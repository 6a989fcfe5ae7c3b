#include "pool.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "platform.h"
#include "threads.h"

enum { MAX_THREADS = 256, CACHE_LINE_INTS = 16, DEFAULT_SPIN = 20000 };

typedef struct {
  Thread thread;
  int task; /* 1, 2, ...: the launching thread is task 0 */
  int seen; /* launches this thread knows of */
} Helper;

static struct {
  Mutex launch;   /* held through a launch: one at a time */
  Mutex sleep;    /* guards the two conditions */
  Condition work; /* helpers wait for it */
  Condition done; /* the launching thread waits for it */
  Helper helper[MAX_THREADS];
  int helpers;                    /* alive */
  int wanted;                     /* threads, 0: not asked for */
  int process;                    /* that started them */
  int models;                     /* loaded */
  long spin;                      /* rounds before a thread sleeps */
  atomic_int ready;               /* 0 new, 1 being made, 2 made */
  atomic_int launches;            /* number of the newest */
  atomic_int pending, sleepers;   /* helpers at work; asleep */
  atomic_int failed, stop, waits; /* a task failed; helpers shall end; the launching thread sleeps */
  ParallelBody body;
  void* data;
  ParallelEnv env;
  atomic_int* rounds; /* barriers passed, per task, a cache line each */
} pool;

static _Thread_local int in_parallel; /* a launch inside a launch runs alone */

static int environment_int(const char* name) {
  const char* text = getenv(name);
  return text ? atoi(text) : 0;
}

static void pause_at(long round) {
  if (round & 63)
    cpu_relax();
  else
    thread_yield();
}

static void await_launch(Helper* self) {
  for (long i = 0; i < pool.spin && atomic_load_explicit(&pool.launches, memory_order_acquire) == self->seen; i++)
    pause_at(i);
  if (atomic_load(&pool.launches) == self->seen) {
    mutex_lock(&pool.sleep);
    atomic_fetch_add(&pool.sleepers, 1);
    while (atomic_load(&pool.launches) == self->seen) condition_wait(&pool.work, &pool.sleep);
    atomic_fetch_sub(&pool.sleepers, 1);
    mutex_unlock(&pool.sleep);
  }
  self->seen = atomic_load(&pool.launches);
}

static ThreadResult THREAD_CALL helper_main(void* argument) {
  Helper* self = argument;
  in_parallel = 1;
  for (;;) {
    await_launch(self);
    if (atomic_load(&pool.stop)) return 0;
    if (pool.body(self->task, &pool.env, pool.data)) atomic_store(&pool.failed, 1);
    if (atomic_fetch_sub(&pool.pending, 1) == 1 && atomic_load(&pool.waits)) {
      mutex_lock(&pool.sleep);
      condition_wake_all(&pool.done);
      mutex_unlock(&pool.sleep);
    }
  }
}

static void wake_helpers(void) {
  unsigned next = (unsigned)atomic_load(&pool.launches) + 1;
  atomic_store(&pool.launches, (int)(next & 0x3fffffff));
  if (!atomic_load(&pool.sleepers)) return;
  mutex_lock(&pool.sleep);
  condition_wake_all(&pool.work);
  mutex_unlock(&pool.sleep);
}

static void await_helpers(void) {
  for (long i = 0; i < pool.spin && atomic_load_explicit(&pool.pending, memory_order_acquire); i++) pause_at(i);
  if (!atomic_load(&pool.pending)) return;
  mutex_lock(&pool.sleep);
  atomic_store(&pool.waits, 1);
  while (atomic_load(&pool.pending)) condition_wait(&pool.done, &pool.sleep);
  mutex_unlock(&pool.sleep);
}

static void forget_helpers(void) {
  free(pool.rounds);
  pool.rounds = NULL;
  pool.helpers = 0;
}

static void stop_helpers(void) {
  if (pool.helpers && pool.process == process_id()) {
    atomic_store(&pool.stop, 1);
    wake_helpers();
    for (int i = 0; i < pool.helpers; i++) thread_join(pool.helper[i].thread);
    atomic_store(&pool.stop, 0);
  }
  forget_helpers();
}

static int chosen_threads(void) {
  int count = pool.wanted;
  if (count <= 0) count = environment_int("TVM_NUM_THREADS");
  if (count <= 0) count = environment_int("OMP_NUM_THREADS");
  if (count <= 0) count = cpu_count();
  return count > MAX_THREADS ? MAX_THREADS : count;
}

static void start_helpers(void) {
  int threads = chosen_threads();
  pool.spin = getenv("TVM_THREAD_POOL_SPIN_COUNT") ? environment_int("TVM_THREAD_POOL_SPIN_COUNT") : DEFAULT_SPIN;
  pool.process = process_id();
  pool.rounds = calloc((size_t)(threads > 0 ? threads : 1) * CACHE_LINE_INTS, sizeof *pool.rounds);
  for (int task = 1; pool.rounds && task < threads; task++) {
    Helper* helper = &pool.helper[pool.helpers];
    helper->task = task;
    helper->seen = atomic_load(&pool.launches);
    if (thread_start(&helper->thread, helper_main, helper)) break;
    pool.helpers++;
  }
}

/* a forked child has none of its parent's threads, and their locks in any state */
static void notice_fork(void) {
  if (!pool.rounds || pool.process == process_id()) return;
  forget_helpers();
  mutex_init(&pool.sleep);
  condition_init(&pool.work);
  condition_init(&pool.done);
  atomic_store(&pool.sleepers, 0);
}

static int launch_alone(ParallelBody body, void* data) {
  atomic_int round;
  atomic_init(&round, 0);
  ParallelEnv env = {&round, 1};
  return body(0, &env, data);
}

static int launch_on_helpers(ParallelBody body, void* data) {
  for (int i = 0; i <= pool.helpers; i++) atomic_store(&pool.rounds[i * CACHE_LINE_INTS], 0);
  pool.body = body;
  pool.data = data;
  pool.env = (ParallelEnv){pool.rounds, pool.helpers + 1};
  atomic_store(&pool.failed, 0);
  atomic_store(&pool.waits, 0);
  atomic_store(&pool.pending, pool.helpers);
  wake_helpers();
  in_parallel = 1;
  int failed = body(0, &pool.env, data);
  in_parallel = 0;
  await_helpers();
  return failed || atomic_load(&pool.failed) ? -1 : 0;
}

int parallel_launch(ParallelBody body, void* data, int num_task) {
  if (in_parallel || num_task == 1) return launch_alone(body, data);
  mutex_lock(&pool.launch);
  notice_fork();
  if (!pool.rounds) start_helpers();
  int result = pool.helpers ? launch_on_helpers(body, data) : 0, alone = !pool.helpers;
  mutex_unlock(&pool.launch);
  return alone ? launch_alone(body, data) : result;
}

int parallel_barrier(int task, ParallelEnv* env) {
  atomic_int* rounds = env->sync_handle;
  int round = atomic_fetch_add(&rounds[task * CACHE_LINE_INTS], 1) + 1;
  for (int other = 0; other < env->num_task; other++)
    for (long i = 0; atomic_load(&rounds[other * CACHE_LINE_INTS]) < round; i++) pause_at(i);
  return 0;
}

void pool_set_threads(int count) {
  mutex_lock(&pool.launch);
  notice_fork();
  stop_helpers();
  pool.wanted = count > 0 ? count : 0;
  mutex_unlock(&pool.launch);
}

void pool_retain(void) {
  int is_new = 0;
  if (atomic_compare_exchange_strong(&pool.ready, &is_new, 1)) {
    mutex_init(&pool.launch);
    mutex_init(&pool.sleep);
    condition_init(&pool.work);
    condition_init(&pool.done);
    atomic_store(&pool.ready, 2);
  }
  while (atomic_load(&pool.ready) != 2) thread_yield();
  mutex_lock(&pool.launch);
  pool.models++;
  mutex_unlock(&pool.launch);
}

void pool_release(void) {
  mutex_lock(&pool.launch);
  if (--pool.models == 0) {
    notice_fork();
    stop_helpers();
    workspace_clear();
  }
  mutex_unlock(&pool.launch);
}
