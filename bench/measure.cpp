#include "measure.h"

#include "cli/fault.h"

#include <algorithm>

namespace bench {
namespace {

constexpr double SLICE = 0.04;  // seconds of a reference loop, and of repeated short calls

std::unique_ptr<tool::Context> context_for(const Selection &selection, int threads) {
    return std::make_unique<tool::Context>(selection.target, threads, selection.kernel);
}

const attune_kernel *kernel_of(attune_context *context, tool::Call &call) {
    int index = 0;
    tool::check(attune_call_kernel(context, call.pack(), call.index(), call.args(), &index),
                call.variant().name);
    return &call.pack()->kernel[index];
}

// The name of the first kernel that has the schedule and takes the call.
std::string kernel_with_schedule(Selection selection, tool::Call &call) {
    const attune_pack *pack = call.pack();
    for (int i = 0; i < pack->kernels; i++) {
        const attune_kernel &kernel = pack->kernel[i];
        bool wanted = std::string(kernel.schedule).find(selection.schedule) != std::string::npos &&
                      std::string(kernel.name).find(selection.kernel) != std::string::npos;
        if (kernel.variant != call.index() || !wanted) continue;
        Selection one = selection;
        one.kernel = kernel.name;
        int chosen = -1;
        auto context = context_for(one, 1);
        attune_call_kernel(context->get(), pack, call.index(), call.args(), &chosen);
        if (chosen == i) return kernel.name;
    }
    throw tool::Fault(tool::PACK_CANNOT, std::string(call.variant().name) +
                                             ": no kernel with schedule \"" + selection.schedule +
                                             "\" takes this call");
}

std::vector<machine::Range> buffers_of(const tool::Call &call) {
    std::vector<machine::Range> ranges;
    for (const auto &[index, array] : call.tensors())
        ranges.push_back({array.data(), array.bytes()});
    return ranges;
}

}  // namespace

Measurement::Measurement(const attune_pack *pack, const tool::Shape &shape,
                         const Selection &selection)
    : shape_(shape), call_(tool::make_workload(pack, shape)) {
    Selection chosen = selection;
    if (!selection.schedule.empty()) chosen.kernel = kernel_with_schedule(selection, *call_);
    context_ = context_for(chosen, selection.threads);
    threads_ = attune_context_threads(context_->get());
    kernel_ = kernel_of(context_->get(), *call_);
    device_ = kernel_->device != ATTUNE_CPU;
    if (threads_ > 1 && !device_) single_ = context_for(chosen, 1);
    if (threads_ == 1 && !device_) pinned_ = std::make_unique<machine::Pinned>();
    tool::check(attune_call_cost(context_->get(), pack, shape.variant, call_->args(), &cost_),
                call_->variant().name);
    vectors_ = machine::vectors_of(kernel_->target);
    buffers_ = buffers_of(*call_);
    find_limits();
}

void Measurement::find_limits() {
    call_seconds(context_->get(), 1);  // warms caches up and fills the allocator's pool
    double seconds = std::max(call_seconds(context_->get(), 1), 1e-7);
    repeats_ = std::max(1, int(SLICE / seconds));
    if (device_) return;
    rounds_ = machine::rounds_for(vectors_, SLICE);
    read_rate_ = machine::read_bandwidth(vectors_, buffers_, 3);
    double peak = machine::peak_flops(vectors_, 1);
    memory_bound_ = cost_.bytes / read_rate_ > 0.5 * cost_.flops / peak;
}

double Measurement::call_seconds(attune_context *context, int repeats) {
    auto clock = threads_ == 1 && !device_ ? machine::thread_seconds : machine::wall_seconds;
    const void *args = call_->args();
    double start = clock();
    for (int i = 0; i < repeats; i++)
        tool::check(attune_call(context, call_->pack(), shape_.variant, args), shape_.name);
    return (clock() - start) / repeats;
}

double Measurement::fma_rate(int threads) {
    double operations = double(threads) * machine::loop_operations(vectors_, rounds_);
    if (threads_ == 1) {
        double start = machine::thread_seconds();
        machine::multiply_adds(vectors_, rounds_);
        return operations / (machine::thread_seconds() - start);
    }
    auto body = [this](int) { machine::multiply_adds(vectors_, rounds_); };
    return operations / machine::on_threads(threads, body);
}

// The mean of two rates of equal work, by their times.
static double between(double before, double after) { return 2 / (1 / before + 1 / after); }

void Measurement::sample_one_thread() {
    double before = fma_rate(1);
    seconds_.push_back(call_seconds(context_->get(), repeats_));
    double peak = between(before, fma_rate(1));
    fma_shares_.push_back(cost_.flops / seconds_.back() / peak);
    if (memory_bound_) sample_reads();
}

void Measurement::sample_reads() {
    double before = machine::read_bandwidth(vectors_, buffers_, 1);
    seconds_.push_back(call_seconds(context_->get(), repeats_));
    double rate = between(before, machine::read_bandwidth(vectors_, buffers_, 1));
    read_shares_.push_back(cost_.bytes / seconds_.back() / rate);
}

void Measurement::sample_threads() {
    double before = fma_rate(threads_);
    seconds_.push_back(call_seconds(context_->get(), repeats_));
    double peak = between(before, fma_rate(threads_));
    fma_shares_.push_back(cost_.flops / seconds_.back() / peak);
    fma_scaling_.push_back(peak / fma_rate(1));
    scaling_.push_back(call_seconds(single_->get(), repeats_) / seconds_.back());
}

double Measurement::sample() {
    if (device_)
        seconds_.push_back(call_seconds(context_->get(), repeats_));
    else if (threads_ > 1)
        sample_threads();
    else
        sample_one_thread();
    return seconds_.back();
}

Row Measurement::row() const {
    Row row = {};
    row.shape = shape_.name;
    row.variant = call_->variant().name;
    row.dtype = tool::dtype_name(shape_.dtype);
    row.target = kernel_->target;
    row.kernel = kernel_->name;
    row.schedule = kernel_->schedule;
    row.machine = machine::cpu_model() + ", " + machine::name_of(machine::widest_vectors());
    row.threads = threads_;
    double seconds = machine::median(seconds_);
    row.ms_min = 1e3 * *std::min_element(seconds_.begin(), seconds_.end());
    row.ms_median = 1e3 * seconds;
    row.spread = machine::spread(seconds_);
    row.scratch_mb = 1e-6 * double(context_->scratch_bytes());
    row.gflops = cost_.flops / seconds * 1e-9;
    row.bandwidth_gb_s = cost_.bytes / seconds * 1e-9;
    if (device_) return row;
    row.share_of_fma_peak = machine::median(fma_shares_);
    if (threads_ > 1) {
        row.scaling = machine::median(scaling_);
        row.fma_scaling = machine::median(fma_scaling_);
        return row;
    }
    row.share_of_bandwidth =
        read_shares_.empty() ? cost_.bytes / seconds / read_rate_ : machine::median(read_shares_);
    // The roofline is the lower of two roofs, so the share of it is the higher of two shares.
    row.share_of_roofline = std::max(*row.share_of_fma_peak, *row.share_of_bandwidth);
    return row;
}

}  // namespace bench
