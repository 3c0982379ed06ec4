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

int Processors::occupy() {
    const int own = sched_getcpu();
    if (own < 0 || own >= CPU_SETSIZE || CPU_ISSET(own, &busy_)) return -1;
    CPU_SET(own, &busy_);
    return own;
}

int Processors::occupy_another() {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return -1;
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (!CPU_ISSET(i, &allowed) || CPU_ISSET(i, &busy_)) continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(i, &one);
        if (sched_setaffinity(0, sizeof one, &one) != 0) return -1;
        sched_setaffinity(0, sizeof allowed, &allowed);
        CPU_SET(i, &busy_);
        return i;
    }
    return -1;
}

void Processors::vacate(int processor) {
    if (processor >= 0) CPU_CLR(processor, &busy_);
}

void *Threads::worker(void *self) {
    static_cast<Threads *>(self)->serve();
    return nullptr;
}

/* The oldest, so that threads spread over batches and heads before they share the rows of one. */
Job *Threads::open_job(const Job *below) {
    Job *oldest = nullptr;
    for (Job *job = newest_; job; job = job->older_) {
        if (!job->exhausted() && (!below || job->is_below(below))) oldest = job;
    }
    return oldest;
}

static thread_local Job *current;  // that this thread works on
static thread_local int number;    // of a worker from 1 on; 0: a caller's thread

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
    if (--job.helpers_ == 0) done_.notify_all();
}

void Threads::serve() {
    Lock lock(mutex_);
    number = ++numbered_;
    bool woken = true;
    int processor = -1;
    while (!stopping_) {
        Job *job = open_job(nullptr);
        if (!job) {
            processors_.vacate(processor);
            processor = -1;
            idle_++;
            wake_.wait(mutex_);
            idle_--;
            woken = true;
            continue;
        }
        if (woken) {
            processor = processors_.occupy();
            if (processor < 0) processor = processors_.occupy_another();
            woken = false;
        }
        help(*job);
    }
    processors_.vacate(processor);
}

void Threads::share(Job &job) {
    Lock lock(mutex_);
    start();
    job.parent_ = current;
    job.processor_ = processors_.occupy();
    job.older_ = newest_;
    newest_ = &job;
    if (job.count > idle_) {
        wake_.notify_all();
    } else {
        for (int i = 1; i < job.count; i++) wake_.notify_one();
    }
    if (waiting_ > 0) done_.notify_all();
}

void Threads::withdraw(Job &job) {
    Lock lock(mutex_);
    Job **link = &newest_;
    while (*link != &job) link = &(*link)->older_;
    *link = job.older_;
    while (job.helpers_ > 0) {
        if (Job *below = open_job(&job)) {
            help(*below);
        } else {
            waiting_++;
            done_.wait(mutex_);
            waiting_--;
        }
    }
    processors_.vacate(job.processor_);
}

void Threads::run(Job &job) {
    job.divide(size_);
    if (size_ == 1 || job.count <= 1) {
        job.run(0);
    } else if (parallel_for_) {
        const auto task = [](void *closure, int index) {
            static_cast<Job *>(closure)->run(index);
        };
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
        wake_.notify_all();
    }
    for (int i = 0; i < started_; i++) pthread_join(thread_[i], nullptr);
    free(thread_);
}

}  // namespace attune
