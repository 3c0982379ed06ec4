// One row of a benchmark: a kernel's time and its shares of this machine's limits.
#ifndef ATTUNE_BENCH_MEASURE_H
#define ATTUNE_BENCH_MEASURE_H

#include "cli/context.h"
#include "machine.h"
#include "cli/workload.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bench {

struct Selection {
    std::string target, kernel, schedule;  // "": any
    int threads = 1;
};

struct Row {
    std::string shape, variant, dtype, target, kernel, schedule, machine;
    int threads;
    double ms_min, ms_median, spread;  // spread: (90th - 10th percentile) / median
    double scratch_mb;                 // that the context took, of all threads
    double gflops, bandwidth_gb_s;     // useful operations, and bytes if each tensor moves once
    // Of the multiply-add loop and of the read loop on as many threads; absent for devices.
    std::optional<double> share_of_fma_peak, share_of_bandwidth, share_of_roofline;
    // Rate on these threads over the rate on one; only for more than one thread.
    std::optional<double> scaling, fma_scaling;
};

// Holds a call and its contexts; each sample is one alternation of reference loop and kernel.
// A share is the median of the samples' own shares: each compares times of one moment.
class Measurement {
public:
    // Throws tool::Fault if the call is wrong or the pack has no kernel for it.
    Measurement(const attune_pack *pack, const tool::Shape &shape, const Selection &selection);
    double sample();  // returns the seconds of one call
    Row row() const;

private:
    double call_seconds(attune_context *context, int repeats);
    double fma_rate(int threads);  // operations a second
    void sample_one_thread();
    void sample_reads();
    void sample_threads();
    void find_limits();

    tool::Shape shape_;
    std::unique_ptr<tool::Call> call_;
    std::unique_ptr<tool::Context> context_, single_;
    std::unique_ptr<machine::Pinned> pinned_;
    const attune_kernel *kernel_ = nullptr;
    attune_cost cost_ = {};
    machine::Vector vectors_;
    std::vector<machine::Range> buffers_;
    int threads_, repeats_ = 1;
    long rounds_ = 0;
    bool device_ = false, memory_bound_ = false;
    double read_rate_ = 0;
    std::vector<double> seconds_, fma_shares_, read_shares_, scaling_, fma_scaling_;
};

}  // namespace bench
#endif
