#ifndef ATTUNE_THREADS_H
#define ATTUNE_THREADS_H

#include <pthread.h>
#include <sched.h>

#include <atomic>

#include "attune.h"
#include "sync.h"

namespace attune {

/* One parallel-for, on its submitter's stack. `work(closure, job)` takes indices until none is
 * left; several threads run it at the same time. */
struct Job {
    void (*work)(Job &job);
    void *closure;
    int count;
    std::atomic<int64_t> next{0};  // may pass count by one a thread
    Job *parent = nullptr;         // the job whose task submitted this one
    int helpers = 0;               // other threads inside work(); guarded by the pool's lock
    Job *older = nullptr;
    int processor = -1;            // that the submitter occupies, if no one did before

    bool take(int *index) {
        const int64_t mine = next.fetch_add(1, std::memory_order_relaxed);
        *index = int(mine);
        return mine < count;
    }
    bool exhausted() const { return next.load(std::memory_order_relaxed) >= count; }
};

/* Processors that threads of a context work on. A thread that is woken up can find itself on the
 * processor of a thread that works, with others idle: Linux 6.18 on two processors left both there
 * for up to 250 ms, so that two threads were no faster than one. */
class Processors {
public:
    int occupy();    // the caller's own; -1: someone else has it
    int occupy_another();  // moves the caller; -1: none is free
    void vacate(int processor);  // -1: nothing

private:
    cpu_set_t busy_ = {};
};

/* The threads of a context. A submitter always works on its own job, then helps with the jobs that
 * tasks of it submitted, and waits only for threads that are inside its job. So a task may submit
 * again (nested parallel loops) without deadlock: waits go from a job to jobs below it, never
 * back. */
class Threads {
public:
    void init(const attune_options &options);
    void stop();  // no job may be running

    int size() const { return size_; }
    void run(Job &job);

private:
    static void *worker(void *self);
    void start();
    void serve();
    void share(Job &job);
    void withdraw(Job &job);
    Job *open_job(const Job *below);
    void help(Job &job);

    int size_ = 1;
    void (*parallel_for_)(void *, int, attune_task, void *) = nullptr;
    void *parallel_user_ = nullptr;
    void (*log_)(void *user, const char *line) = nullptr;
    void *log_user_ = nullptr;

    Mutex mutex_;
    Condition wake_, done_;
    Job *newest_ = nullptr;
    pthread_t *thread_ = nullptr;
    int started_ = 0;
    int idle_ = 0;     // workers that wait for a job
    int waiting_ = 0;  // submitters that wait for threads inside their job
    Processors processors_;
    bool tried_ = false, stopping_ = false;
};

/* Processors that this process may run on. */
int available_processors();

}  // namespace attune
#endif
