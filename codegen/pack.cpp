#include "pack.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

#include "cache.h"
#include "emit.h"

extern char **environ;

namespace attune {

namespace fs = std::filesystem;

namespace {

// Runs a program, its output to `log`; throws with the log's first line that says error.
void run(const std::vector<std::string> &command, const fs::path &log) {
    std::vector<char *> argv;
    for (const std::string &word : command) argv.push_back(const_cast<char *>(word.c_str()));
    argv.push_back(nullptr);
    pid_t child = fork();
    if (child == 0) {
        if (!std::freopen(log.c_str(), "w", stdout) || dup2(1, 2) < 0) _exit(126);
        execvp(argv[0], argv.data());
        _exit(127);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0) {
        std::string line, first = "it could not be started, or said nothing";
        std::ifstream in(log);
        while (std::getline(in, line) && line.find("error") == std::string::npos) first = line;
        throw std::runtime_error(command[0] + " failed: " + (in ? line : first));
    }
}

void write_file(const fs::path &path, const std::string &text) {
    std::ofstream out(path, std::ios::binary);
    out << text;
    if (!out.flush()) throw std::runtime_error("cannot write " + path.string());
}

// A kernel for each special and head size of the menu. On a GPU tiles are padded to the head size
// and attributes are read at run time: the specials for any head size, from the smallest size up.
void add_kernels(PackPlan &plan, const PackRequest &request, const Variant &v,
                 const TargetClass &target, const std::string &dtype) {
    auto add = [&](const Special &special, int head_dim) {
        Kernel k{&v, special, head_dim, target, dtype, {}};
        k.params = tuned_params({target.name, v.name, special.name, head_dim});
        k.params = with_overrides(k.params, request.schedule);
        plan.kernels.push_back(k);
    };
    std::vector<int> heads = request.head_dims;
    std::sort(heads.begin(), heads.end());
    if (target.gpu()) {
        for (const Special &special : v.specials)
            for (int head : heads)
                if (special.gpu) add(special, head);
        return;
    }
    for (const Special &special : v.specials) {
        if (!special.head_dims)
            add(special, 0);
        else
            for (int head : heads) add(special, head);
    }
}

void check(const PackRequest &r) {
    auto bad = [](const std::string &what) { throw std::invalid_argument(what); };
    bool word = !r.name.empty() && !std::isdigit(r.name[0]);
    for (char c : r.name) word = word && (std::isalnum(c) || c == '_');
    if (!word) bad("--name '" + r.name + "' is not a C identifier");
    if (r.out.empty()) bad("--out is missing");
    for (int head : r.head_dims)
        if (head < 1 || head > 1024) bad("--head-dim " + std::to_string(head) + " is not 1..1024");
    for (const std::string &d : r.dtypes)
        if (d != "f32" && d != "f16" && d != "bf16")
            bad("--dtype " + d + " is none of f32, f16, bf16");
}

// Of those asked for, the storage types that a machine class has kernels of its own for. Kernels of
// 16-bit storage on GPUs wait for one.
std::vector<std::string> dtypes_of(const TargetClass &target, std::vector<std::string> asked) {
    const char *only = target.gpu() ? "f32" : bf16_products(target.name) ? "bf16" : nullptr;
    if (only && std::count(asked.begin(), asked.end(), only)) return {only};
    return asked;
}

// The host is each class that has kernels of its own for it.
std::vector<std::string> class_names(const PackRequest &r) {
    std::vector<std::string> names;
    for (const std::string &name : r.targets)
        if (name != "host") names.push_back(name);
    if (!r.targets.empty() && names.size() == r.targets.size()) return names;
    for (const std::string &name : host_classes())
        if (!bf16_products(name) || std::count(r.dtypes.begin(), r.dtypes.end(), "bf16"))
            names.push_back(name);
    return names;
}

// What avx512_amx adds to avx512_bf16 are products of tiles, where the kernel knows the head size,
// from the menu or by its special.
bool adds_nothing(const Kernel &k) {
    const std::vector<std::string> &heads = k.variant->heads;
    const bool known = k.head_dim || std::any_of(heads.begin(), heads.end(), [&](auto &symbol) {
                           return k.special.extents.count(symbol) > 0;
                       });
    return k.target.name == "avx512_amx" && (!known || k.params.columns_on_lanes);
}

PackPlan make_plan(const PackRequest &r) {
    check(r);
    PackPlan plan;
    plan.name = r.name;
    for (const std::string &name : r.variants.empty() ? variant_names() : r.variants) {
        const Variant *v = find_variant(name);
        if (!v) {
            std::string known;
            for (const std::string &n : variant_names()) known += (known.empty() ? "" : ", ") + n;
            throw std::invalid_argument("unknown variant '" + name + "'; there are " + known);
        }
        plan.variants.push_back(v);
    }
    std::vector<TargetClass> targets;
    std::set<std::string> seen;
    for (const std::string &name : class_names(r)) {
        TargetClass t = target_class(name, r.features);
        if (seen.insert(t.name).second) targets.push_back(t);
    }
    for (const Variant *v : plan.variants)
        for (const TargetClass &t : targets)
            for (const std::string &dtype : dtypes_of(t, r.dtypes)) {
                const size_t before = plan.kernels.size();
                add_kernels(plan, r, *v, t, dtype);
                // Those before a kernel with tiles stay: it would take their calls.
                while (seen.count("avx512_bf16") && plan.kernels.size() > before &&
                       adds_nothing(plan.kernels.back()))
                    plan.kernels.pop_back();
            }
    return plan;
}

struct Job {
    std::string name, key, path;
    std::function<void()> compile;
};

// The cost of a call is counted on the host's side, by code that every host of the pack can run.
TargetClass cost_target(const PackPlan &plan) {
    TargetClass t = plan.kernels.front().target;
    return target_class(t.target.arch == Halide::Target::ARM ? "aarch64" : "x86-64");
}

std::vector<Job> make_jobs(const PackPlan &plan, const Cache &cache, const fs::path &work) {
    std::vector<Job> jobs;
    for (const Kernel &k : plan.kernels) {
        std::string symbol = plan.symbol(k), path = (work / (symbol + ".o")).string();
        std::string key = symbol + " " + k.target.target.to_string() + " " + k.params.text() + " " +
                          cache.origin(k.variant->stock);
        jobs.push_back({k.name(), key, path, [=] { compile_kernel(k, symbol, path); }});
    }
    TargetClass target = cost_target(plan);
    for (const Variant *v : plan.variants) {
        std::string symbol = plan.cost_symbol(*v), path = (work / (symbol + ".o")).string();
        std::string key = symbol + " " + target.target.to_string() + " " + cache.origin(v->stock);
        jobs.push_back({symbol, key, path, [=] { compile_cost(*v, target, symbol, path); }});
    }
    return jobs;
}

class Workers {
public:
    Workers(std::vector<Job> jobs, const Cache &cache, const PackProgress &progress)
        : jobs(std::move(jobs)), cache(cache), progress(progress) {}

    // Compiles all jobs; the first failure stops the rest and is thrown. Returns how many the
    // cache had.
    int run(int threads) {
        std::vector<std::thread> pool;
        for (int i = 1; i < threads; i++) pool.emplace_back([this] { work(); });
        work();
        for (std::thread &t : pool) t.join();
        if (!failure.empty()) throw std::runtime_error(failure);
        return cached;
    }

private:
    std::vector<Job> jobs;
    const Cache &cache;
    const PackProgress &progress;
    std::atomic<size_t> next{0};
    std::mutex mutex;
    std::string failure;
    int done = 0, cached = 0;

    void fail(const Job &job, const std::string &what) {
        std::lock_guard<std::mutex> lock(mutex);
        if (failure.empty()) failure = job.name + ": " + what;
        next = jobs.size();
    }

    void work() {
        for (size_t i; (i = next++) < jobs.size();) {
            const Job &job = jobs[i];
            bool hit = cache.fetch(job.key, job.path);
            try {
                if (!hit) job.compile();
            } catch (const Halide::Error &e) {
                return fail(job, e.what());
            } catch (const std::exception &e) {
                return fail(job, e.what());
            }
            if (!hit) cache.keep(job.key, job.path);
            std::lock_guard<std::mutex> lock(mutex);
            cached += hit;
            if (progress) progress(++done, int(jobs.size()), job.name);
        }
    }
};

std::string compiler_of(const PackRequest &r) {
    if (!r.compiler.empty()) return r.compiler;
    const char *cc = std::getenv("CC");
    return cc && *cc ? cc : "cc";
}

// Tables to object, objects to libNAME.a and libNAME.so.
void link(const PackRequest &r, const PackPlan &plan, std::vector<std::string> objects,
          const fs::path &work) {
    const std::string lib = "lib" + plan.name, cc = compiler_of(r);
    const fs::path log = work / "log";
    write_file(work / "tables.c", emit_tables(plan));
    write_file(work / "exports", "{ global: " + plan.name + "_*; local: *; };\n");
    std::string tables = (work / (plan.name + "_tables.o")).string();
    run({cc, "-c", "-O1", "-fPIC", "-I" + r.include, "-I" + work.string(),
         (work / "tables.c").string(), "-o", tables},
        log);
    objects.insert(objects.begin(), tables);
    std::vector<std::string> archive{"ar", "rcsD", (work / (lib + ".a")).string()};
    archive.insert(archive.end(), objects.begin(), objects.end());
    run(archive, log);
    std::vector<std::string> shared{cc, "-shared", "-o", (work / (lib + ".so")).string()};
    shared.insert(shared.end(), objects.begin(), objects.end());
    shared.insert(shared.end(),
                  {"-Wl,--version-script=" + (work / "exports").string(),
                   "-Wl,-soname," + lib + ".so", "-Wl,-z,noexecstack", "-Wl,-z,nodelete"});
    if (!r.libattune.empty()) {
        std::string folder = fs::path(r.libattune).parent_path().string();
        shared.insert(shared.end(), {r.libattune, "-Wl,-rpath,$ORIGIN:" + folder});
    }
    shared.push_back("-lm");
    run(shared, log);
}

// In the folder of the pack, so that the files arrive by rename.
struct WorkFolder {
    fs::path path;
    explicit WorkFolder(const fs::path &out) : path(out / (".work-" + std::to_string(getpid()))) {
        std::error_code failed;
        fs::create_directories(path, failed);
        if (failed)
            throw std::runtime_error("cannot create " + path.string() + ": " + failed.message());
    }
    ~WorkFolder() {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
};

}  // namespace

std::vector<std::string> variant_names() {
    std::vector<std::string> names;
    for (const Variant &v : registry()) names.push_back(v.name);
    std::sort(names.begin(), names.end());
    return names;
}

PackReport generate_pack(const PackRequest &r, const PackProgress &progress) {
    auto start = std::chrono::steady_clock::now();
    configure_llvm();
    PackPlan plan = make_plan(r);
    fs::path out = fs::absolute(r.out);
    WorkFolder work(out);
    const Cache cache(r.cache);
    std::vector<Job> jobs = make_jobs(plan, cache, work.path);
    PackReport report;
    report.kernels = int(plan.kernels.size());
    int threads = r.jobs > 0 ? r.jobs : int(std::max(1u, std::thread::hardware_concurrency()));
    report.cached = Workers(jobs, cache, progress).run(threads);
    std::vector<std::string> objects;
    for (const Job &job : jobs) {
        objects.push_back(job.path);
        size_t size = fs::file_size(job.path);
        report.bytes += size;
        if (size <= report.largest_object) continue;
        report.largest_object = size;
        report.largest_kernel = job.name;
    }
    write_file(work.path / (plan.name + ".h"), emit_header(plan));
    write_file(work.path / (plan.name + ".json"), emit_manifest(plan));
    write_file(work.path / (plan.name + "Config.cmake"), emit_cmake(plan));
    write_file(work.path / (plan.name + ".pc"), emit_pkgconfig(plan));
    link(r, plan, objects, work.path);
    for (const char *end : {".h", ".json", "Config.cmake", ".pc"})
        fs::rename(work.path / (plan.name + end), out / (plan.name + end));
    for (const char *end : {".a", ".so"})
        fs::rename(work.path / ("lib" + plan.name + end), out / ("lib" + plan.name + end));
    std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    report.seconds = spent.count();
    return report;
}

void generate_runtime(const std::string &path, const std::string &target) {
    try {
        write_runtime_object(path, target);
    } catch (const Halide::Error &e) {
        throw std::runtime_error(e.what());
    }
}

}  // namespace attune
