/* Threads, mutexes and conditions of POSIX or Windows under one name. */
#ifndef NEO_THREADS_H_
#define NEO_THREADS_H_
#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
typedef CRITICAL_SECTION Mutex;
typedef CONDITION_VARIABLE Condition;
typedef HANDLE Thread;
typedef DWORD ThreadResult;
#define THREAD_CALL WINAPI
static inline void mutex_init(Mutex* mutex) { InitializeCriticalSection(mutex); }
static inline void mutex_lock(Mutex* mutex) { EnterCriticalSection(mutex); }
static inline void mutex_unlock(Mutex* mutex) { LeaveCriticalSection(mutex); }
static inline void condition_init(Condition* condition) { InitializeConditionVariable(condition); }
static inline void condition_wait(Condition* condition, Mutex* mutex) {
  SleepConditionVariableCS(condition, mutex, INFINITE);
}
static inline void condition_wake_all(Condition* condition) { WakeAllConditionVariable(condition); }
static inline int thread_start(Thread* thread, DWORD(WINAPI* body)(void*), void* argument) {
  *thread = CreateThread(NULL, 0, body, argument, 0, NULL);
  return *thread ? 0 : -1;
}
static inline void thread_join(Thread thread) {
  WaitForSingleObject(thread, INFINITE);
  CloseHandle(thread);
}
static inline void thread_yield(void) { SwitchToThread(); }
static inline int process_id(void) { return 0; } /* there is no fork */
#else
#include <pthread.h>
#include <sched.h>
#include <unistd.h>
typedef pthread_mutex_t Mutex;
typedef pthread_cond_t Condition;
typedef pthread_t Thread;
typedef void* ThreadResult;
#define THREAD_CALL
static inline void mutex_init(Mutex* mutex) { (void)pthread_mutex_init(mutex, NULL); }
static inline void mutex_lock(Mutex* mutex) { (void)pthread_mutex_lock(mutex); }
static inline void mutex_unlock(Mutex* mutex) { (void)pthread_mutex_unlock(mutex); }
static inline void condition_init(Condition* condition) { (void)pthread_cond_init(condition, NULL); }
static inline void condition_wait(Condition* condition, Mutex* mutex) { (void)pthread_cond_wait(condition, mutex); }
static inline void condition_wake_all(Condition* condition) { (void)pthread_cond_broadcast(condition); }
static inline int thread_start(Thread* thread, void* (*body)(void*), void* argument) {
  return pthread_create(thread, NULL, body, argument);
}
static inline void thread_join(Thread thread) { (void)pthread_join(thread, NULL); }
static inline void thread_yield(void) { (void)sched_yield(); }
static inline int process_id(void) { return (int)getpid(); }
#endif
static inline void cpu_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || (defined(__ARM_ARCH) && __ARM_ARCH >= 7)
  __asm__ volatile("yield");
#endif
}
#endif
