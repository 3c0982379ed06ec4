// This machine's own limits, measured by loops: multiply-adds of one vector width, and streaming
// reads. A kernel's share is its rate over a loop's rate just before and after it.
#ifndef ATTUNE_BENCH_MACHINE_H
#define ATTUNE_BENCH_MACHINE_H

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace machine {

enum class Vector { SSE, AVX2, AVX512, NEON };

// The vectors that a target's kernels use ("avx512_bf16": AVX512); GPU targets have the host's.
Vector vectors_of(const std::string &target);
// Widest that this CPU runs.
Vector widest_vectors();
const char *name_of(Vector vectors);

struct Range {
    const void *data;
    size_t bytes;
};

// The two loops. Each does its work once on the calling thread; time them with seconds below.
// On SSE and NEON multiply and add count as two operations as well, fused or not.
void multiply_adds(Vector vectors, long rounds);
double loop_operations(Vector vectors, long rounds);  // floating-point operations of that
double read_all(Vector vectors, const std::vector<Range> &ranges);  // returns bytes read

double thread_seconds();  // CPU time of the calling thread
double wall_seconds();

// Rounds of multiply_adds that take about `seconds`.
long rounds_for(Vector vectors, double seconds);

// Operations a second, and bytes a second, of one thread: median of `samples` short loops.
double peak_flops(Vector vectors, int samples = 5);
double read_bandwidth(Vector vectors, const std::vector<Range> &ranges, int samples = 5);

double median(std::vector<double> values);
// (90th - 10th percentile) / median.
double spread(std::vector<double> values);

std::string cpu_model();
int cpus();  // that this process may run on

// Keeps the calling thread on the CPU where it is, until the end of the scope.
class Pinned {
public:
    Pinned();
    ~Pinned();
    Pinned(const Pinned &) = delete;
    Pinned &operator=(const Pinned &) = delete;

private:
    std::vector<unsigned char> before_;
};

// Runs body(0..threads-1), each on a thread of its own, and returns the seconds until all are done.
double on_threads(int threads, const std::function<void(int)> &body);

}  // namespace machine
#endif
