// The threads of the program: one pool for the matrix products and, through attune_options, for the
// attention kernels, so that two pools do not compete for the cores.
#ifndef SENTENCE_EMBEDDING_THREAD_POOL_H
#define SENTENCE_EMBEDDING_THREAD_POOL_H

#include <functional>
#include <memory>

namespace Eigen {
class ThreadPoolInterface;
}

class ThreadPool {
public:
    /// count: the caller's own included; 0: one a hardware thread.
    explicit ThreadPool(int count);
    ~ThreadPool();

    int count() const { return count_; }

    /// Runs task(0) .. task(tasks - 1), the caller's thread included; returns when all are done.
    void run(int tasks, const std::function<void(int)> &task) const;

private:
    int count_;
    std::unique_ptr<Eigen::ThreadPoolInterface> pool_;  // of the other count - 1
};

#endif
