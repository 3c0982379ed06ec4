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
    tried_ = true;
    workers_ = static_cast<Worker *>(malloc(sizeof(Worker) * size_t(size_ - 1)));
    if (!workers_) return;
    while (started_ < size_ - 1) {
        Worker &worker = workers_[started_];
        worker = Worker{};
        worker.pool = this;
        worker.number = started_ + 1;
        worker.processor = sched_getcpu();
        worker.idle = true;
        if (sched_getaffinity(0, sizeof worker.allowed, &worker.allowed) != 0) break;
        if (pthread_create(&worker.thread, nullptr, start_worker, &worker) != 0) break;
        started_++;
    }
    if (started_ < size_ - 1 && log_) {
        log_(log_user_, "attune: the system refused some of the threads asked for");
    }
}

static int free_processor(const cpu_set_t &allowed, const cpu_set_t &taken) {
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, &allowed) && !CPU_ISSET(i, &taken)) return i;
    }
    return -1;
}

static bool keep_on(pthread_t thread, int processor) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(size_t(processor), &one);
    return pthread_setaffinity_np(thread, sizeof one, &one) == 0;
}

/* Linux wakes a thread on the processor of the one that wakes it, even if that works on and others
 * are idle: 6.18 on two of them let it wait there for 2 to 5 ms, at times 250. So a worker sleeps
 * with an affinity for the processor where it worked. */
static int keep_here(cpu_set_t &allowed) {
    const int here = sched_getcpu();
    if (here < 0 || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return -1;
    return keep_on(pthread_self(), here) ? here : -1;
}

static void let_go(int processor, const cpu_set_t &allowed) {
    cpu_set_t now;
    if (sched_getaffinity(0, sizeof now, &now) != 0) return;
    // Unless someone else has given the thread other processors meanwhile.
    if (CPU_COUNT(&now) == 1 && CPU_ISSET(size_t(processor), &now))
        sched_setaffinity(0, sizeof allowed, &allowed);
}

/* Called with the lock held, before workers are woken up: those that sleep where someone works, or
 * where another of them sleeps, are moved to free processors. */
void Threads::spread(int here) {
    cpu_set_t taken;
    CPU_ZERO(&taken);
    CPU_SET(size_t(here), &taken);
    for (Job *job = newest_; job; job = job->older_) CPU_SET(size_t(job->processor_), &taken);
    for (int i = 0; i < started_; i++) {
        if (!workers_[i].idle) CPU_SET(size_t(workers_[i].processor), &taken);
    }
    for (int i = 0; i < started_; i++) {
        Worker &worker = workers_[i];
        worker.crowded = worker.idle && CPU_ISSET(size_t(worker.processor), &taken);
        if (worker.idle) CPU_SET(size_t(worker.processor), &taken);
    }
    for (int i = 0; i < started_; i++) {
        Worker &worker = workers_[i];
        if (!worker.crowded) continue;
        const int processor = free_processor(worker.allowed, taken);
        if (processor < 0) return;
        CPU_SET(size_t(processor), &taken);
        worker.kept = keep_on(worker.thread, processor);
        worker.processor = processor;
    }
}

static thread_local Job *current;  // that this thread works on
static thread_local int number;    // of a worker from 1 on; 0: a caller's thread

void *Threads::start_worker(void *worker) {
    Worker &mine = *static_cast<Worker *>(worker);
    number = mine.number;
    mine.pool->serve(mine);
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
    constexpr int64_t kPatience = 50000;  // ns
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

void Threads::serve(Worker &worker) {
    Lock lock(mutex_);
    bool watched = false;
    while (!stopping_) {
        worker.idle = false;
        if (Job *job = open_job(nullptr)) {
            help(*job, &worker);
            watched = false;
        } else if (!watched) {
            watching_++;
            watched = !watch(events_);
            watching_--;
        } else if (!worker.kept) {
            mutex_.unlock();
            const int here = keep_here(worker.allowed);
            mutex_.lock();
            worker.processor = here;
            worker.kept = true;
        } else {
            worker.idle = true;
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

/* Called with the lock held. `worker` is the thread's own, if it is one that slept. */
void Threads::help(Job &job, Worker *worker) {
    const int kept_on = worker && worker->kept ? worker->processor : -1;
    if (worker) worker->kept = false;
    job.helpers_++;
    mutex_.unlock();
    if (kept_on >= 0) let_go(kept_on, worker->allowed);
    work_on(job);
    mutex_.lock();
    if (--job.helpers_ > 0) return;
    events_++;
    if (waiting_ > 0) done_.notify_all();
}

void Threads::share(Job &job) {
    Lock lock(mutex_);
    job.parent_ = current;
    job.processor_ = sched_getcpu();
    if (!tried_) {
        start();
        spread(job.processor_);
    } else if (idle_ > 0) {
        spread(job.processor_);
    }
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
            help(*below, nullptr);
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
        events_++;
        wake_.notify_all();
    }
    for (int i = 0; i < started_; i++) pthread_join(workers_[i].thread, nullptr);
    free(workers_);
}

}  // namespace attune
