// Each variant as a Halide::Generator of the same name, for a project that calls
// add_halide_library() instead of making a pack. Parameters: special and head_dim name one kernel
// of the menu (default: the most general), schedule overrides the recorded numbers.
#include "halide_generator.h"

#include <stdexcept>

#include "kernel.h"

namespace attune {

using Halide::Parameter;
using Halide::Internal::AbstractGenerator;

namespace {

class VariantGenerator : public AbstractGenerator {
public:
    VariantGenerator(std::string variant, const Halide::GeneratorContext &context)
        : variant(std::move(variant)), where(context) {}

    std::string name() override { return variant; }
    Halide::GeneratorContext context() const override { return where; }

    std::vector<ArgInfo> arginfos() override {
        make();
        using Halide::Internal::ArgInfoDirection;
        using Halide::Internal::ArgInfoKind;
        std::vector<ArgInfo> out;
        for (const Halide::Argument &a : build->arguments())
            out.push_back({a.name,
                           ArgInfoDirection::Input,
                           a.is_buffer() ? ArgInfoKind::Buffer : ArgInfoKind::Scalar,
                           {a.type},
                           int(a.dimensions)});
        out.push_back({"result", ArgInfoDirection::Output, ArgInfoKind::Buffer, result.types(),
                       result.dimensions()});
        return out;
    }

    void set_generatorparam_value(const std::string &param, const std::string &value) override {
        if (param == "special")
            special = value;
        else if (param == "head_dim")
            head_dim = std::stoi(value);
        else if (param == "schedule")
            schedule = value;
        else
            refuse("parameter '" + param + "' is none of special, head_dim, schedule");
    }
    void set_generatorparam_value(const std::string &param, const Halide::LoopLevel &) override {
        refuse("parameter '" + param + "' is not a loop level");
    }

    Halide::Pipeline build_pipeline() override {
        make();
        return Halide::Pipeline(result);
    }

    std::vector<Parameter> input_parameter(const std::string &input) override {
        make();
        return {build->parameter(input)};
    }
    std::vector<Func> output_func(const std::string &) override {
        make();
        return {result};
    }

    // For calling a generator from another one's code, which goes through stubs.
    void bind_input(const std::string &, const std::vector<Parameter> &) override { no_stub(); }
    void bind_input(const std::string &, const std::vector<Func> &) override { no_stub(); }
    void bind_input(const std::string &, const std::vector<Expr> &) override { no_stub(); }
    bool emit_cpp_stub(const std::string &) override { return false; }
    bool emit_hlpipe(const std::string &) override { return false; }
    bool allow_out_of_order_inputs_and_outputs() const override { return false; }

private:
    const std::string variant;
    const Halide::GeneratorContext where;
    std::string special, schedule;
    int head_dim = 0;
    std::unique_ptr<Build> build;
    Func result;

    void refuse(const std::string &what) const {
        throw std::invalid_argument(variant + ": " + what);
    }
    void no_stub() const { refuse("inputs of a variant cannot be bound to Funcs"); }

    void make() {
        if (build) return;
        const Variant *v = find_variant(variant);
        const Special *chosen = nullptr;
        for (const Special &s : v->specials)
            if (special.empty() || s.name == special) chosen = &s;
        if (!chosen) refuse("no special '" + special + "'");
        if (chosen->head_dims && head_dim < 1) refuse("special '" + special + "' needs head_dim");
        Kernel k{v, *chosen, head_dim, target_class(where.target().to_string()), "f32", {}};
        k.params = tuned_params({k.target.name, variant, chosen->name, head_dim});
        k.params = with_overrides(k.params, schedule);
        build = std::make_unique<Build>(*v, *chosen, head_dim, k.params.query_tile, k.storage());
        result = scheduled(k, *build);
    }
};

}  // namespace

void register_halide_generator(const std::string &variant) {
    Halide::Internal::GeneratorRegistry::register_factory(
        variant, [variant](const Halide::GeneratorContext &context) {
            return Halide::Internal::AbstractGeneratorPtr(new VariantGenerator(variant, context));
        });
}

}  // namespace attune
