// attune-compare-worker: Attune's side of compare.py, and the FMA loop. Reads a request a line on
// stdin and answers each with one line of JSON (README.md in this folder lists them).
#include "bench/machine.h"
#include "cli/case_call.h"
#include "cli/context.h"
#include "cli/fault.h"
#include "cli/npy.h"
#include "cli/pack_file.h"

#include <CLI/CLI.hpp>

#include <cstring>
#include <ctime>
#include <iostream>

namespace {

using nlohmann::json;

struct Options {
    std::string pack, target;
    int threads = 1;
};

// Of four dimensions, the last of which is the innermost before and after: the same values in
// memory order `order`.
tool::Array laid_out(tool::Array &from, const std::string &order) {
    tool::Array to(from.shape(), from.dtype(), order);
    const DLTensor source = from.view(), target = to.view();
    const int64_t *shape = source.shape;
    const size_t element = tool::Array::element_bytes(from.dtype());
    auto row = [=](const DLTensor &tensor, int64_t i, int64_t j, int64_t k) {
        int64_t place = i * tensor.strides[0] + j * tensor.strides[1] + k * tensor.strides[2];
        return static_cast<char *>(tensor.data) + size_t(place) * element;
    };
    for (int64_t i = 0; i < shape[0]; i++)
        for (int64_t j = 0; j < shape[1]; j++)
            for (int64_t k = 0; k < shape[2]; k++)
                std::memcpy(row(target, i, j, k), row(source, i, j, k), size_t(shape[3]) * element);
    return to;
}

double process_seconds() {
    timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return double(time.tv_sec) + double(time.tv_nsec) * 1e-9;
}

class Worker {
public:
    explicit Worker(const Options &options)
        : pack_(tool::load_pack(tool::pack_path(options.pack))),
          context_(options.target, options.threads, ""),
          threads_(options.threads) {}

    json answer(const json &request) {
        std::string what = request.at("do");
        if (what == "prepare")
            return prepare(request.at("case"), request.at("dtype"), request.at("order"));
        if (what == "output") return output(request.at("file"));
        if (what == "time") return time(request.at("seconds"));
        if (what == "peak") return peak(request.at("seconds"));
        throw tool::Fault(tool::CALL_WRONG, "unknown request " + what);
    }

private:
    // order: of storage tensors of four dimensions in memory; "" as declared.
    json prepare(const std::string &folder, const std::string &dtype, const std::string &order) {
        tool::Case description = tool::read_case(folder);
        if (tool::find_variant(pack_, description.op) < 0)
            throw tool::Fault(tool::PACK_CANNOT, "the pack has no variant " + description.op);
        call_ = tool::make_call(description, pack_, tool::storage_named(dtype));
        output_ = tool::find_tensor(call_->variant(), description.outputs.at(0));
        for (int i = 0; i < call_->variant().tensors; i++)
            if (!order.empty() && call_->given(i) && has_order(i))
                call_->set_tensor(i, laid_out(call_->tensor(i), order));
        const attune_kernel &kernel = chosen_kernel();
        vectors_ = machine::vectors_of(kernel.target);
        rounds_ = machine::rounds_for(vectors_, 0.001);
        run();
        return {{"note", kernel.name},
                {"version", std::string("attune ") + attune_version()},
                {"vectors", machine::name_of(vectors_)},
                {"flops", cost().flops}};
    }

    const attune_kernel &chosen_kernel() {
        int kernel = 0;
        check(attune_call_kernel(context_.get(), pack_, call_->index(), call_->args(), &kernel));
        return pack_->kernel[kernel];
    }

    attune_cost cost() {
        attune_cost cost = {};
        check(attune_call_cost(context_.get(), pack_, call_->index(), call_->args(), &cost));
        return cost;
    }

    void check(attune_status status) { tool::check(status, call_->variant().name); }

    json output(const std::string &file) {
        run();
        tool::Array &o = call_->tensor(output_);
        tool::write_npy(file, has_order(output_) ? tool::converted(laid_out(o, ""), ATTUNE_F32)
                                                 : tool::converted(o, ATTUNE_F32));
        return json::object();
    }

    bool has_order(int tensor) const {
        return call_->variant().tensor[tensor].dtype == ATTUNE_STORAGE &&
               call_->tensor(tensor).shape().size() == 4;
    }

    // One call that is not counted, which brings the tensors back into the caches; then calls for
    // that many seconds, one at least.
    json time(double seconds) {
        run();
        std::vector<double> wall, processor;
        for (double total = 0; wall.empty() || total < seconds; total += wall.back()) {
            double start = machine::wall_seconds(), processor_start = process_seconds();
            run();
            processor.push_back(process_seconds() - processor_start);
            wall.push_back(machine::wall_seconds() - start);
        }
        return {{"wall", wall}, {"processor", processor}};
    }

    // Multiply-adds of all threads, of the chosen kernel's vector width; two operations each.
    json peak(double seconds) {
        long rounds = std::max(1L, long(double(rounds_) * seconds / 0.001));
        auto body = [=](int) { machine::multiply_adds(vectors_, rounds); };
        double processor_start = process_seconds();
        double wall = machine::on_threads(threads_, body);
        return {{"flops", threads_ * machine::loop_operations(vectors_, rounds)},
                {"wall", {wall}},
                {"processor", {process_seconds() - processor_start}}};
    }

    void run() { check(attune_call(context_.get(), pack_, call_->index(), call_->args())); }

    const attune_pack *pack_;
    tool::Context context_;
    std::unique_ptr<tool::Call> call_;
    int output_ = 0;
    machine::Vector vectors_ = machine::Vector::SSE;
    long rounds_ = 1;  // of the FMA loop, in a millisecond
    int threads_;
};

json guarded_answer(Worker &worker, const std::string &line) {
    try {
        return worker.answer(json::parse(line));
    } catch (const tool::Fault &fault) {
        const char *kind = fault.status == tool::PACK_CANNOT ? "unsupported" : "error";
        return {{kind, fault.what()}};
    } catch (const std::exception &error) {
        return {{"error", error.what()}};
    }
}

int worker_main(int argc, char **argv) {
    CLI::App app("Attune's side of bench/compare/compare.py", "attune-compare-worker");
    Options options;
    app.add_option("--pack", options.pack, "Kernel pack, libNAME.so")->type_name("FILE");
    app.add_option("--target", options.target, "host (default), x86-64, avx2, ...");
    app.add_option("--threads", options.threads, "1 (default)")->check(CLI::Range(1, 4096));
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success &help) {
        return app.exit(help);
    }
    Worker worker(options);
    for (std::string line; std::getline(std::cin, line);)
        std::cout << guarded_answer(worker, line).dump() << std::endl;
    return tool::DONE;
}

}  // namespace

int main(int argc, char **argv) {
    return tool::guarded("attune-compare-worker", worker_main, argc, argv);
}
