#ifndef ATTUNE_THREADS_H
#define ATTUNE_THREADS_H

#include <pthread.h>

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
    int helpers = 0;               // workers inside work(); guarded by the pool's lock
    Job *older = nullptr;

    bool take(int *index) {
        const int64_t mine = next.fetch_add(1, std::memory_order_relaxed);
        *index = int(mine);
        return mine < count;
    }
    bool exhausted() const { return next.load(std::memory_order_relaxed) >= count; }
};

/* The threads of a context. A submitter always works on its own job and waits only for workers that
 * joined it, so a task may submit again (nested parallel loops) without deadlock: waits go from a
 * job to jobs that its own tasks submitted, never back. */
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
    Job *open_job();

    int size_ = 1;
    void (*parallel_for_)(void *, int, attune_task, void *) = nullptr;
    void *parallel_user_ = nullptr;
    void (*log_)(void *user, const char *line) = nullptr;
    void *log_user_ = nullptr;

    Mutex mutex_;
    Condition wake_, done_;
    Job *newest_ = nullptr;
    pthread_t *thread_ = nullptr;
    int started_ = 0, idle_ = 0;
    bool tried_ = false, stopping_ = false;
};

/* Processors that this process may run on. */
int available_processors();

}  // namespace attune
#endif
