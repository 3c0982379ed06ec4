#include "thread_pool.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <unsupported/Eigen/CXX11/ThreadPool>

ThreadPool::ThreadPool(int count)
    : count_(count > 0 ? count : std::max(1, int(std::thread::hardware_concurrency()))) {
    if (count_ > 1) pool_ = std::make_unique<Eigen::ThreadPool>(count_ - 1);
}

ThreadPool::~ThreadPool() = default;

void ThreadPool::run(int tasks, const std::function<void(int)> &task) const {
    std::atomic<int> next{0};
    const auto work = [&] {
        for (int i = next++; i < tasks; i = next++) task(i);
    };
    // Kernels nest their loops. A thread of the pool that waited for others could wait for ever.
    const bool nested = pool_ && pool_->CurrentThreadId() >= 0;
    const int helpers = nested ? 0 : std::max(0, std::min(count_, tasks) - 1);
    Eigen::Barrier done(static_cast<unsigned>(helpers));
    for (int i = 0; i < helpers; i++) {
        pool_->Schedule([&] {
            work();
            done.Notify();
        });
    }
    work();
    done.Wait();
}
