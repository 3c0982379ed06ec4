#include "case_call.h"

#include "attribute.h"
#include "fault.h"
#include "npy.h"

#include <set>

namespace tool {
namespace {

[[noreturn]] void wrong(const std::string &line) { throw Fault(CALL_WRONG, line); }

int tensor_named(const attune_variant &variant, const std::string &name, int output) {
    int index = find_tensor(variant, name);
    const char *kind = output ? "output" : "input";
    if (index < 0 || variant.tensor[index].output != output)
        wrong(std::string("unknown ") + kind + " " + name + " of " + variant.name);
    return index;
}

attune_dtype element_type(const attune_tensor &tensor, attune_dtype storage) {
    return tensor.dtype == ATTUNE_STORAGE ? storage : attune_dtype(tensor.dtype);
}

bool is_float(attune_dtype dtype) { return dtype != ATTUNE_I32 && dtype != ATTUNE_U8; }

void read_input(Call &call, int index, const std::string &file, attune_dtype storage) {
    const attune_tensor &tensor = call.variant().tensor[index];
    attune_dtype dtype = element_type(tensor, storage);
    Array array = read_npy(file);
    attune_dtype on_disk = is_float(dtype) ? ATTUNE_F32 : dtype;
    if (array.dtype() != on_disk)
        wrong(std::string("input ") + tensor.name + ": " + dtype_name(array.dtype()) +
              ", expected " + dtype_name(on_disk));
    int rank = int(array.shape().size());
    if (rank != tensor.rank && rank != tensor.rank - tensor.leading)
        wrong(std::string("input ") + tensor.name + ": shape " + shape_text(array.shape()) +
              ", expected " + symbols_text(call.variant(), tensor));
    call.set_tensor(index, dtype == on_disk ? std::move(array) : converted(array, dtype));
}

void read_inputs(Call &call, const Case &description, attune_dtype storage) {
    for (const std::string &name : description.inputs)
        read_input(call, tensor_named(call.variant(), name, 0),
                   description.folder + "/" + name + ".npy", storage);
    for (int i = 0; i < call.variant().tensors; i++) {
        const attune_tensor &tensor = call.variant().tensor[i];
        if (!tensor.output && !tensor.optional && !call.given(i))
            wrong(std::string("input ") + tensor.name + " of " + call.variant().name +
                  " is missing");
    }
}

void set_attributes(Call &call, const Case &description) {
    for (const auto &[name, value] : description.attributes.items()) {
        int index = find_attribute(call.variant(), name);
        if (index < 0) wrong("unknown attribute " + name + " of " + call.variant().name);
        call.set_attribute(index, attribute_from_json(call.variant().attribute[index], value));
    }
}

std::vector<int64_t> output_shape(const attune_variant &variant, const Facts &facts, int index) {
    const attune_tensor &tensor = variant.tensor[index];
    std::vector<int64_t> shape;
    for (int dim = tensor.rank - facts.ranks[size_t(index)]; dim < tensor.rank; dim++) {
        int64_t extent = facts.extents[size_t(tensor.extents[dim])];
        if (extent < 0)
            wrong(std::string("output ") + tensor.name + ": no input tells the extent " +
                  variant.extent[tensor.extents[dim]]);
        shape.push_back(extent);
    }
    return shape;
}

void allocate_outputs(Call &call, const Case &description, attune_dtype storage) {
    const attune_variant &variant = call.variant();
    std::set<int> asked;
    for (const std::string &name : description.outputs)
        asked.insert(tensor_named(variant, name, 1));
    std::vector<int> wanted;
    for (int i = 0; i < variant.tensors; i++)
        if (variant.tensor[i].output && (!variant.tensor[i].optional || asked.count(i)))
            wanted.push_back(i);
    Facts facts = call.facts();
    choose_ranks(variant, facts, wanted);
    for (int i : wanted)
        call.set_tensor(
            i, Array(output_shape(variant, facts, i), element_type(variant.tensor[i], storage)));
}

}  // namespace

std::unique_ptr<Call> make_call(const Case &description, const attune_pack *pack,
                                attune_dtype storage) {
    auto call = std::make_unique<Call>(pack, variant_named(pack, description.op));
    set_attributes(*call, description);
    for (const std::string &name : description.outputs) tensor_named(call->variant(), name, 1);
    read_inputs(*call, description, storage);
    allocate_outputs(*call, description, storage);
    return call;
}

}  // namespace tool
