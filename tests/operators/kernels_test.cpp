// Every kernel of the pack runs, made to by the context's filter: no kernel stays untested because
// the dispatch prefers another.
#include "check.h"
#include "crash.h"
#include "machine.h"

#include <algorithm>

namespace attune::tests {
namespace {

// An odd size that the conditions admit, near `wish`.
double admitted(double wish, const attune_condition &condition) {
    return std::min(std::max(wish, condition.low), condition.high);
}

// Sizes and attributes that meet the conditions of a kernel.
Config config_for(const attune_variant &variant, const attune_kernel &kernel) {
    Config c;
    c.op = variant.name;
    c.B = 2, c.Lq = c.Lk = 99, c.Hq = 2;
    c.Hkv = mixes_heads(c.op) || is_combiner(c.op) ? 2 : 1;
    c.D = c.Dv = 40;
    if (is_grid(c.op) || c.op == "combiner_fixed") c.attributes["M"] = 33.0;
    if (is_combiner(c.op) && has_flag_causal(c.op)) c.attributes["causal"] = 1.0;
    if (c.op == "cluster_attn") c.attributes["chunk"] = 37.0;
    if (c.op == "tls_bidir") c.attributes = {{"w", 9.0}, {"r", 4.0}};
    if (c.op == "tls_image2d") c.attributes = {{"nx", 10.0}, {"w", 5.0}, {"r", 4.0}, {"G", 1.0}};
    if (c.op.compare(0, 10, "tls_causal") == 0)
        c.attributes = {{"S", 11.0}, {"r", 2.0}, {"W", 21.0}}, c.Lk = 3;
    c.cls = std::string(kernel.name).find("_cls_") != std::string::npos;
    if (c.op.compare(0, 5, "dense") == 0 && c.op != "dense_merge")
        c.attributes = {{"left", 21.0}, {"right", 9.0}};
    if (c.op == "dense_split") c.attributes["split_size"] = 40.0;
    if (c.op == "dense_paged") c.page = 16;
    if (c.op.compare(0, 4, "lsra") == 0) c.attributes["K"] = 9.0;
    if (c.op == "lsra_core") c.attributes["P"] = 4.0, c.attributes["causal"] = 1.0;
    c.dtype = kernel.dtype == ATTUNE_F16    ? Dtype::f16
              : kernel.dtype == ATTUNE_BF16 ? Dtype::bf16
                                            : Dtype::f32;
    const std::map<std::string, std::int64_t *> sizes = {
        {"D", &c.D},  {"Dv", &c.Dv}, {"Lq", &c.Lq}, {"Lk", &c.Lk},
        {"L", &c.Lq}, {"N", &c.Lq},  {"T", &c.Lq},  {"M", &c.Lq}};
    for (int i = 0; i < kernel.conditions; ++i) {
        const attune_condition &condition = kernel.condition[i];
        if (condition.kind == ATTUNE_WHEN_ABSENT) {
            if (variant.tensor[condition.index].name == std::string("k")) c.page = 16;
        } else if (condition.kind == ATTUNE_WHEN_GIVEN) {
            const std::string tensor = variant.tensor[condition.index].name;
            if (tensor == "bias") c.bias = shared_none;
            if (tensor == "mask") c.mask = shared_none;
        } else if (condition.kind == ATTUNE_WHEN_EXTENT) {
            const std::string symbol = variant.extent[condition.index];
            if (symbol == "Hq/Hkv") c.Hkv = c.Hq;
            const auto size = sizes.find(symbol);
            if (size == sizes.end()) continue;
            *size->second =
                static_cast<std::int64_t>(admitted(static_cast<double>(*size->second), condition));
        } else if (condition.kind == ATTUNE_WHEN_ATTRIBUTE) {
            const attune_attribute &attribute = variant.attribute[condition.index];
            const auto set = c.attributes.find(attribute.name);
            const double wish = set == c.attributes.end() ? 0 : std::get<double>(set->second);
            const double value = admitted(wish, condition);
            if (attribute.type == ATTUNE_ENUM)
                c.attributes[attribute.name] =
                    std::string(attribute.choices[static_cast<std::size_t>(value)]);
            else
                c.attributes[attribute.name] = value;
        }
    }
    if (c.op.compare(0, 5, "dense") != 0) c.Dv = c.D;
    return c;
}

TEST(Kernels, EachOneObeysTheRule) {
    const attune_pack *const pack = test_pack();
    const std::vector<std::string> targets = all_targets();
    int tested = 0;
    for (int number = 0; number < pack->kernels; ++number) {
        const attune_kernel &kernel = pack->kernel[number];
        const attune_variant &variant = pack->variant[kernel.variant];
        if (std::find(targets.begin(), targets.end(), kernel.target) == targets.end()) continue;
        const Config config = config_for(variant, kernel);
        const Case call = make_case(config);
        const std::string target = kernel.target;
        attune_options wanted = options(target, 2);
        wanted.kernel = kernel.name;
        const Context context = make_context(wanted);
        const Arguments arguments(variant, call);
        now_running(kernel.name + (": " + describe(config)));
        int chosen = -1;
        ASSERT_EQ(
            attune_call_kernel(context.get(), pack, kernel.variant, arguments.data(), &chosen),
            ATTUNE_OK)
            << kernel.name << ": " << attune_error_message();
        EXPECT_EQ(chosen, number) << pack->kernel[chosen].name << " for " << kernel.name;
        ASSERT_EQ(attune_call(context.get(), pack, kernel.variant, arguments.data()), ATTUNE_OK)
            << kernel.name << ": " << attune_error_message();
        EXPECT_TRUE(Expected(call).holds(call)) << kernel.name << ": " << describe(config);
        ++tested;
    }
    EXPECT_GT(tested, 0);
}

// The choice depends on neither batch nor the number of key heads nor threads.
TEST(Kernels, ChoiceIgnoresBatchAndThreads) {
    const attune_pack *const pack = test_pack();
    for (const std::string &target : cpu_targets())
        for (int width : {32, 64, 80, 128}) {
            if (!has_kernel(pack, "dense", target)) continue;
            Config config;
            config.D = config.Dv = width, config.Lq = config.Lk = 300;
            std::vector<int> chosen;
            for (int size = 1; size < 9; size *= 2) {
                config.B = size, config.Hq = config.Hkv = size;
                const Case call = make_case(config);
                const int variant = variant_of(pack, "dense");
                const Arguments arguments(pack->variant[variant], call);
                const Context context = make_context(options(target, size));
                chosen.push_back(-1);
                ASSERT_EQ(attune_call_kernel(context.get(), pack, variant, arguments.data(),
                                             &chosen.back()),
                          ATTUNE_OK)
                    << attune_error_message();
            }
            EXPECT_EQ(std::count(chosen.begin(), chosen.end(), chosen[0]), 4) << target << width;
        }
}

TEST(Kernels, HeadsThatShareKeysAreRows) {
    const attune_pack *const pack = test_pack();
    for (const std::string &target : cpu_targets())
        for (const char *op : {"dense", "dense_paged", "dense_split"})
            for (const int group : {1, 2, 9}) {
                if (!has_kernel(pack, op, target)) continue;
                Config config;
                config.op = op, config.D = config.Dv = 64, config.Lq = 1, config.Lk = 300;
                config.Hkv = 2, config.Hq = 2 * group;
                if (config.op == "dense_paged") config.page = 16;
                if (config.op == "dense_split") config.attributes["split_size"] = 100.0;
                const Case call = make_case(config);
                const int variant = variant_of(pack, op);
                const Arguments arguments(pack->variant[variant], call);
                const Context context = make_context(options(target));
                int chosen = -1;
                ASSERT_EQ(
                    attune_call_kernel(context.get(), pack, variant, arguments.data(), &chosen),
                    ATTUNE_OK)
                    << attune_error_message();
                const std::string name = pack->kernel[chosen].name;
                EXPECT_NE(name.find(group > 1 ? "_group_" : "_decode_"), std::string::npos) << name;
            }
}

// A filter that no kernel matches is an answer, not an accident.
TEST(Kernels, UnmatchedFilterSaysSo) {
    const std::string target = cpu_targets().front();
    attune_options wanted = options(target);
    wanted.kernel = "no kernel has this name";
    const Context context = make_context(wanted);
    const Case call = make_case(Config());
    EXPECT_EQ(tests::call(context.get(), test_pack(), call), ATTUNE_NO_KERNEL);
    EXPECT_STRNE(attune_error_message(), "");
    EXPECT_TRUE(untouched(call.tensors.at("o")));
}

}  // namespace
}  // namespace attune::tests
