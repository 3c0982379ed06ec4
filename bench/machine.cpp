#include "machine.h"

#include "loops.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <sched.h>
#include <thread>
#include <time.h>

namespace machine {
namespace {

volatile float sink;

constexpr double SLICE = 0.02;  // seconds of one sample of a loop

bool starts_with(const std::string &text, const char *prefix) {
    return text.compare(0, std::strlen(prefix), prefix) == 0;
}

}  // namespace

Vector vectors_of(const std::string &target) {
    if (starts_with(target, "avx512")) return Vector::AVX512;
    if (target == "avx2") return Vector::AVX2;
    return target == "x86-64" ? Vector::SSE : widest_vectors();
}

const char *name_of(Vector vectors) { return loops(vectors).name; }

void multiply_adds(Vector vectors, long rounds) { sink = loops(vectors).fma(rounds); }

double loop_operations(Vector vectors, long rounds) {
    return double(rounds) * loops(vectors).operations;
}

double read_all(Vector vectors, const std::vector<Range> &ranges) {
    double bytes = 0;
    for (const Range &range : ranges) {
        sink = loops(vectors).read(static_cast<const float *>(range.data), range.bytes / 4);
        bytes += double(range.bytes);
    }
    return bytes;
}

double thread_seconds() {
    timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return double(time.tv_sec) + double(time.tv_nsec) * 1e-9;
}

double wall_seconds() {
    using namespace std::chrono;
    return duration<double>(steady_clock::now().time_since_epoch()).count();
}

long rounds_for(Vector vectors, double seconds) {
    long rounds = 1000;
    for (double took = 0;; rounds *= 4) {
        double start = thread_seconds();
        multiply_adds(vectors, rounds);
        took = thread_seconds() - start;
        if (took > 0.002) return std::max(1L, long(double(rounds) * seconds / took));
    }
}

double peak_flops(Vector vectors, int samples) {
    long rounds = rounds_for(vectors, SLICE);
    std::vector<double> rates;
    for (int i = 0; i < samples; i++) {
        double start = thread_seconds();
        multiply_adds(vectors, rounds);
        rates.push_back(loop_operations(vectors, rounds) / (thread_seconds() - start));
    }
    return median(rates);
}

double read_bandwidth(Vector vectors, const std::vector<Range> &ranges, int samples) {
    read_all(vectors, ranges);  // touches the pages
    std::vector<double> rates;
    for (int i = 0; i < samples; i++) {
        double bytes = 0, start = thread_seconds(), now = start;
        // Small buffers are read several times: the clock is no finer than a microsecond.
        for (; now - start < SLICE / 10; now = thread_seconds()) bytes += read_all(vectors, ranges);
        rates.push_back(bytes / (now - start));
    }
    return median(rates);
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    size_t half = values.size() / 2;
    return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

double spread(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    size_t tenth = values.size() / 10;
    return (values[values.size() - 1 - tenth] - values[tenth]) / median(values);
}

std::string cpu_model() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);)
        for (const char *key : {"model name", "CPU part"})
            if (starts_with(line, key)) return line.substr(line.find(':') + 2);
    return "unknown CPU";
}

int cpus() {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

Pinned::Pinned() : before_(sizeof(cpu_set_t)) {
    auto *before = reinterpret_cast<cpu_set_t *>(before_.data());
    if (sched_getaffinity(0, sizeof(cpu_set_t), before) != 0) before_.clear();
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET(size_t(sched_getcpu()), &here);
    sched_setaffinity(0, sizeof here, &here);
}

Pinned::~Pinned() {
    if (!before_.empty())
        sched_setaffinity(0, sizeof(cpu_set_t), reinterpret_cast<cpu_set_t *>(before_.data()));
}

double on_threads(int threads, const std::function<void(int)> &body) {
    double start = wall_seconds();
    std::vector<std::thread> others;
    for (int i = 1; i < threads; i++) others.emplace_back(body, i);
    body(0);
    for (std::thread &other : others) other.join();
    return wall_seconds() - start;
}

}  // namespace machine
