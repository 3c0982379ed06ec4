#include "threads.h"

#include <sched.h>
#include <stdlib.h>

namespace attune {

int available_processors() {
    static constexpr int kSets = 16;  // 16384 processors
    cpu_set_t sets[kSets];
    if (sched_getaffinity(0, sizeof sets, sets) != 0) return 1;
    const int count = CPU_COUNT_S(sizeof sets, sets);
    return count > 0 ? count : 1;
}

void Threads::init(const attune_options &options) {
    size_ = options.threads > 0 ? options.threads : available_processors();
    parallel_for_ = options.parallel_for;
    parallel_user_ = options.parallel_user;
    log_ = options.log;
    log_user_ = options.log_user;
}

/* Called with the lock held, at the first job that several threads can share. With fewer threads
 * than asked for, calls are slower and right. */
void Threads::start() {
    if (tried_) return;
    tried_ = true;
    thread_ = static_cast<pthread_t *>(malloc(sizeof(pthread_t) * size_t(size_ - 1)));
    if (!thread_) return;
    while (started_ < size_ - 1 && pthread_create(&thread_[started_], nullptr, worker, this) == 0) {
        started_++;
    }
    if (started_ < size_ - 1 && log_) {
        log_(log_user_, "attune: the system refused some of the threads asked for");
    }
}

void *Threads::worker(void *self) {
    static_cast<Threads *>(self)->serve();
    return nullptr;
}

Job *Threads::open_job() {
    for (Job *job = newest_; job; job = job->older) {
        if (!job->exhausted()) return job;
    }
    return nullptr;
}

void Threads::serve() {
    Lock lock(mutex_);
    while (!stopping_) {
        Job *job = open_job();
        if (!job) {
            idle_++;
            wake_.wait(mutex_);
            idle_--;
            continue;
        }
        job->helpers++;
        mutex_.unlock();
        job->work(*job);
        mutex_.lock();
        if (--job->helpers == 0) done_.notify_all();
    }
}

void Threads::share(Job &job) {
    Lock lock(mutex_);
    start();
    job.older = newest_;
    newest_ = &job;
    if (job.count > idle_) {
        wake_.notify_all();
    } else {
        for (int i = 1; i < job.count; i++) wake_.notify_one();
    }
}

void Threads::withdraw(Job &job) {
    Lock lock(mutex_);
    Job **link = &newest_;
    while (*link != &job) link = &(*link)->older;
    *link = job.older;
    while (job.helpers > 0) done_.wait(mutex_);
}

void Threads::run(Job &job) {
    if (parallel_for_ && size_ > 1 && job.count > 1) {
        const auto task = [](void *closure, int) {
            Job &shared = *static_cast<Job *>(closure);
            shared.work(shared);
        };
        const int tasks = job.count < size_ ? job.count : size_;
        parallel_for_(parallel_user_, tasks, task, &job);
    } else if (size_ > 1 && job.count > 1) {
        share(job);
        job.work(job);
        withdraw(job);
    } else {
        job.work(job);
    }
}

void Threads::stop() {
    {
        Lock lock(mutex_);
        stopping_ = true;
        wake_.notify_all();
    }
    for (int i = 0; i < started_; i++) pthread_join(thread_[i], nullptr);
    free(thread_);
}

}  // namespace attune
