#include "pattern.h"

#include "fault.h"
#include "workload.h"

#include <algorithm>
#include <cmath>

namespace tool {
namespace {

[[noreturn]] void wrong(const std::string &line) { throw Fault(CALL_WRONG, "--pattern: " + line); }

// Logits that are an input, such as filters, make weights differ by a few percent, scores by less.
constexpr float OTHERS = 0.03f;
constexpr int64_t TOO_MANY = int64_t(1) << 20;

// For each element in memory the token that it is part of, and the sign of its change. Signs
// alternate along a row: what is the same in all columns, a LayerNorm takes away.
struct Elements {
    int64_t tokens = 1;
    std::vector<int64_t> token;
    std::vector<float> sign;
};

bool counts_tokens(const std::string &symbol) { return symbol != "B" && symbol[0] != 'H'; }

// Dimensions of a tensor that count tokens, innermost first, of those that the call gives it.
std::vector<int> token_dims(const attune_variant &variant, const attune_tensor &tensor, int rank) {
    std::vector<int> dims;
    for (int dim = rank - 2; dim >= 0; dim--)
        if (counts_tokens(variant.extent[tensor.extents[tensor.rank - rank + dim]]))
            dims.push_back(dim);
    return dims;
}

Elements elements_of(const attune_variant &variant, const attune_tensor &tensor, Array &array) {
    const DLTensor view = array.view();
    std::vector<int64_t> step(size_t(view.ndim), 0);  // in tokens
    Elements elements;
    for (int dim : token_dims(variant, tensor, view.ndim)) {
        step[size_t(dim)] = elements.tokens;
        elements.tokens *= view.shape[dim];
    }
    elements.token.resize(array.elements());
    elements.sign.resize(array.elements());
    std::vector<int64_t> at(size_t(view.ndim), 0);
    for (size_t count = 0; count < array.elements(); count++) {
        int64_t place = 0, token = 0;
        for (int dim = 0; dim < view.ndim; dim++) {
            place += at[size_t(dim)] * view.strides[dim];
            token += at[size_t(dim)] * step[size_t(dim)];
        }
        elements.token[size_t(place)] = token;
        elements.sign[size_t(place)] = at.back() % 2 ? -1.f : 1.f;
        for (int dim = view.ndim - 1; dim >= 0 && ++at[size_t(dim)] == view.shape[dim]; dim--)
            at[size_t(dim)] = 0;
    }
    return elements;
}

int input_named(const attune_variant &variant, const Facts &facts, const std::string &name) {
    auto given = [&](int i) { return !variant.tensor[i].output && facts.ranks[size_t(i)] >= 0; };
    const int index = find_tensor(variant, name.empty() ? "v" : name);
    if (index >= 0 && given(index)) return index;
    for (int i = 0; name.empty() && i < variant.tensors; i++)
        if (variant.tensor[i].name[0] == 'v' && given(i)) return i;
    if (name.empty()) wrong(std::string(variant.name) + " has no input v: --of NAME");
    wrong("--of " + name + ": not an input of this call of " + variant.name);
}

int first_output(const attune_variant &variant) {
    int index = 0;
    while (!variant.tensor[index].output) index++;
    return index;
}

// Before any memory is filled.
void check_tensor(const attune_variant &variant, const Shape &shape, const Facts &facts, int i) {
    const attune_tensor &tensor = variant.tensor[i];
    const int dtype = tensor.dtype == ATTUNE_STORAGE ? shape.dtype : tensor.dtype;
    if (dtype != ATTUNE_F32)
        wrong(std::string(tensor.name) + " is " + dtype_name(dtype) + ", expected f32");
    const int rank = facts.ranks[size_t(i)];
    const std::vector<int> dims = token_dims(variant, tensor, rank);
    if (dims.empty()) wrong(std::string(tensor.name) + " has no dimension of tokens");
    int64_t tokens = 1;
    for (int dim : dims) {
        const int symbol = tensor.extents[tensor.rank - rank + dim];
        tokens = std::min(tokens * facts.extents[size_t(symbol)], TOO_MANY);
    }
    if (tokens < 1 || tokens > MOST_TOKENS)
        wrong(std::string(tensor.name) + " has " +
              (tokens < TOO_MANY ? std::to_string(tokens) : "too many") +
              " tokens, expected 1 to " + std::to_string(MOST_TOKENS) + ": give a --size");
}

void shrink_others(Call &call, int of) {
    for (const auto &[index, array] : call.tensors()) {
        if (index == of || call.variant().tensor[index].output || array.dtype() != ATTUNE_F32)
            continue;
        for (size_t i = 0; i < array.elements(); i++) array.as<float>()[i] *= OTHERS;
    }
}

// The call's data, and what comes out of it.
class Experiment {
public:
    Experiment(attune_context *context, const attune_pack *pack, const Shape &shape, int in,
               int out)
        : context_(context), call_(make_workload(pack, shape)), in_(in), out_(out) {
        shrink_others(*call_, in);
        const float *values = call_->tensor(in).as<float>();
        saved_.assign(values, values + call_->tensor(in).elements());
    }
    Elements elements(int tensor) {
        const attune_variant &variant = call_->variant();
        return elements_of(variant, variant.tensor[tensor], call_->tensor(tensor));
    }
    // The output with one token of the input changed; -1: none.
    std::vector<float> output(const Elements &from, int64_t token) {
        float *values = call_->tensor(in_).as<float>();
        for (size_t i = 0; i < saved_.size(); i++)
            values[i] = saved_[i] + (from.token[i] == token ? from.sign[i] : 0.f);
        check(attune_call(context_, call_->pack(), call_->index(), call_->args()),
              call_->variant().name);
        const Array &array = call_->tensor(out_);
        return {array.as<float>(), array.as<float>() + array.elements()};
    }

private:
    attune_context *context_;
    std::unique_ptr<Call> call_;
    const int in_, out_;
    std::vector<float> saved_;
};

}  // namespace

Pattern find_pattern(attune_context *context, const attune_pack *pack, const Shape &shape,
                     const std::string &of, const std::function<void(int64_t)> &progress) {
    const attune_variant &variant = pack->variant[shape.variant];
    const Facts facts = facts_of(variant, shape);
    const int in = input_named(variant, facts, of), out = first_output(variant);
    for (int tensor : {in, out}) check_tensor(variant, shape, facts, tensor);
    Experiment experiment(context, pack, shape, in, out);
    const Elements from = experiment.elements(in), to = experiment.elements(out);

    Pattern pattern;
    pattern.of = variant.tensor[in].name;
    pattern.output = variant.tensor[out].name;
    pattern.tokens = from.tokens;
    pattern.rows = to.tokens;
    pattern.influence.assign(size_t(pattern.rows * pattern.tokens), 0);
    const std::vector<float> before = experiment.output(from, -1);
    for (int64_t token = 0; token < pattern.tokens; token++) {
        progress(token);
        const std::vector<float> after = experiment.output(from, token);
        std::vector<double> squares(size_t(pattern.rows), 0), changed = squares;
        for (size_t i = 0; i < after.size(); i++) {
            const double change = double(after[i]) - double(before[i]);
            if (!std::isfinite(change)) wrong(pattern.output + " is not finite");
            squares[size_t(to.token[i])] += change * change;
            changed[size_t(to.token[i])] += change != 0;
        }
        for (size_t row = 0; row < squares.size(); row++)
            if (changed[row] > 0)
                pattern.influence[row * size_t(pattern.tokens) + size_t(token)] =
                    std::sqrt(squares[row] / changed[row]);
    }
    return pattern;
}

}  // namespace tool
