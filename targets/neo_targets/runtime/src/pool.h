/* One thread pool for all models of this library, and the scratch memory of kernels. */
#ifndef NEO_POOL_H_
#define NEO_POOL_H_
#include <stdint.h>

/* what generated code sees of a parallel loop */
typedef struct {
  void* sync_handle;
  int32_t num_task;
} ParallelEnv;
typedef int (*ParallelBody)(int task, ParallelEnv* env, void* data);

void pool_retain(void);  /* before a model is loaded */
void pool_release(void); /* after it is gone; threads and scratch memory go with the last one */
/* 0: TVM_NUM_THREADS, else OMP_NUM_THREADS, else every CPU of this process */
void pool_set_threads(int count);

/* TVMBackendParallelLaunch: calls body(task) for every task; generated code lets the pool choose how many (0) */
int parallel_launch(ParallelBody body, void* data, int num_task);
/* TVMBackendParallelBarrier: returns when every task of the launch has come here */
int parallel_barrier(int task, ParallelEnv* env);

/* TVMBackendAllocWorkspace and TVMBackendFreeWorkspace: blocks are kept and handed out again */
void* workspace_new(int device_type, int device_id, uint64_t bytes, int type_code, int type_bits);
int workspace_delete(int device_type, int device_id, void* memory);
void workspace_clear(void);
#endif
