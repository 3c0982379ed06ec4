// Adds the time of its scope to a sum.
#ifndef LONG_RANGE_BLOCKS_TIMER_H
#define LONG_RANGE_BLOCKS_TIMER_H

#include <chrono>

class Timer {
public:
    explicit Timer(double *seconds) : seconds_(seconds), start_(Clock::now()) {}
    ~Timer() { *seconds_ += std::chrono::duration<double>(Clock::now() - start_).count(); }
    Timer(const Timer &) = delete;
    Timer &operator=(const Timer &) = delete;

private:
    using Clock = std::chrono::steady_clock;
    double *seconds_;
    Clock::time_point start_;
};

#endif
