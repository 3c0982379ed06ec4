#include "threads.h"

#include <sched.h>
#include <stdlib.h>
#include <time.h>

namespace attune {

int available_processors() {
    static constexpr int kSets = 16;  // 16384 processors
    cpu_set_t sets[kSets];
    if (sched_getaffinity(0, sizeof sets, sets) != 0) return 1;
    const int count = CPU_COUNT_S(sizeof sets, sets);
    return count > 0 ? count : 1;
}

void Job::divide(int threads) {
    ranges_ = threads < kRanges ? threads : kRanges;
    if (count < ranges_) ranges_ = count;
    for (int i = 0; i < ranges_; i++) {
        range_[i].next.store(int64_t(count) * i / ranges_, std::memory_order_relaxed);
        range_[i].end = int64_t(count) * (i + 1) / ranges_;
    }
}

bool Job::take(int thread, int *index) {
    for (int i = 0; i < ranges_; i++) {
        Range &range = range_[(thread + i) % ranges_];
        if (range.exhausted()) continue;
        const int64_t mine = range.next.fetch_add(1, std::memory_order_relaxed);
        *index = int(mine);
        if (mine < range.end) return true;
    }
    return false;
}

bool Job::exhausted() const {
    for (int i = 0; i < ranges_; i++) {
        if (!range_[i].exhausted()) return false;
    }
    return true;
}

bool Job::is_below(const Job *ancestor) const {
    for (const Job *up = parent_; up; up = up->parent_) {
        if (up == ancestor) return true;
    }
    return false;
}

void Threads::init(const attune_options &options) {
    size_ = options.threads > 0 ? options.threads : available_processors();
    parallel_for_ = options.parallel_for;
    parallel_user_ = options.parallel_user;
    log_ = options.log;
    log_user_ = options.log_user;
    watches_ = size_ <= available_processors();
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

static thread_local Job *current;  // that this thread works on
static thread_local int number;    // of a worker from 1 on; 0: a caller's thread

int worker_number() { return number; }

void *Threads::worker(void *self) {
    static_cast<Threads *>(self)->serve();
    return nullptr;
}

static void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

static int64_t nanoseconds() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t(now.tv_sec) * 1000000000 + now.tv_nsec;
}

/* Called with the lock held. Waits a little for the next event, without sleeping: to wake a thread
 * up takes 20 to 50 us, and a call may have ten loops. False: none came. */
bool Threads::watch(unsigned seen) {
    constexpr int64_t kPatience = 200000;  // ns
    if (!watches_) return false;
    mutex_.unlock();
    const int64_t end = nanoseconds() + kPatience;
    bool changed = false;
    do {
        for (int i = 0; i < 32 && !changed; i++) {
            pause();
            changed = events_.load(std::memory_order_relaxed) != seen;
        }
    } while (!changed && nanoseconds() < end);
    mutex_.lock();
    return changed;
}

void Threads::serve() {
    Lock lock(mutex_);
    number = ++numbered_;
    bool watched = false;
    while (!stopping_) {
        if (Job *job = open_job(nullptr)) {
            help(*job);
            watched = false;
        } else if (!watched) {
            watching_++;
            watched = !watch(events_);
            watching_--;
        } else {
            idle_++;
            wake_.wait(mutex_);
            idle_--;
        }
    }
}

/* The oldest, so that threads spread over batches and heads before they share the rows of one. */
Job *Threads::open_job(const Job *below) {
    Job *oldest = nullptr;
    for (Job *job = newest_; job; job = job->older_) {
        if (!job->exhausted() && (!below || job->is_below(below))) oldest = job;
    }
    return oldest;
}

static void work_on(Job &job) {
    Job *outer = current;
    current = &job;
    job.run(number);
    current = outer;
}

/* Called with the lock held. */
void Threads::help(Job &job) {
    job.helpers_++;
    mutex_.unlock();
    work_on(job);
    mutex_.lock();
    if (--job.helpers_ > 0) return;
    events_++;
    if (waiting_ > 0) done_.notify_all();
}

void Threads::share(Job &job) {
    Lock lock(mutex_);
    start();
    job.parent_ = current;
    job.older_ = newest_;
    newest_ = &job;
    events_++;
    const int sleepers = job.count - 1 - watching_;
    if (sleepers >= idle_) {
        wake_.notify_all();
    } else {
        for (int i = 0; i < sleepers; i++) wake_.notify_one();
    }
    if (waiting_ > 0) done_.notify_all();
}

void Threads::withdraw(Job &job) {
    Lock lock(mutex_);
    Job **link = &newest_;
    while (*link != &job) link = &(*link)->older_;
    *link = job.older_;
    bool watched = false;
    while (job.helpers_ > 0) {
        if (Job *below = open_job(&job)) {
            help(*below);
        } else if (!watched) {
            watched = !watch(events_);
        } else {
            waiting_++;
            done_.wait(mutex_);
            waiting_--;
        }
    }
}

void Threads::run(Job &job) {
    job.divide(size_);
    if (size_ == 1 || job.count <= 1) {
        job.run(0);
    } else if (parallel_for_) {
        const auto task = [](void *closure, int index) { static_cast<Job *>(closure)->run(index); };
        parallel_for_(parallel_user_, job.count < size_ ? job.count : size_, task, &job);
    } else {
        share(job);
        work_on(job);
        withdraw(job);
    }
}

void Threads::stop() {
    {
        Lock lock(mutex_);
        stopping_ = true;
        events_++;
        wake_.notify_all();
    }
    for (int i = 0; i < started_; i++) pthread_join(thread_[i], nullptr);
    free(thread_);
}

}  // namespace attune
