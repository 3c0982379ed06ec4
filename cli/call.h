// A call of any variant of any pack, put together from the pack's tables alone.
#ifndef ATTUNE_CLI_CALL_H
#define ATTUNE_CLI_CALL_H

#include "array.h"
#include "facts.h"

#include <cstddef>
#include <map>
#include <vector>

namespace tool {

class Call {
public:
    Call(const attune_pack *pack, int variant);
    // The args point into the object.
    Call(const Call &) = delete;
    Call &operator=(const Call &) = delete;

    const attune_pack *pack() const { return pack_; }
    int index() const { return index_; }
    const attune_variant &variant() const { return pack_->variant[index_]; }

    void set_tensor(int tensor, Array array);
    // An int, a flag, the index of an enum's choice, or a float.
    void set_attribute(int attribute, double value);

    bool given(int tensor) const { return tensors_.count(tensor) > 0; }
    Array &tensor(int tensor) { return tensors_.at(tensor); }
    const std::map<int, Array> &tensors() const { return tensors_; }

    // Extents of the given tensors, the given attributes, and what follows from them.
    Facts facts() const;

    const void *args();

private:
    const attune_pack *pack_;
    int index_;
    std::map<int, Array> tensors_;
    std::vector<double> attributes_;  // NaN: not given
    std::vector<DLTensor> views_;
    std::vector<std::max_align_t> args_;
};

// A tensor's declared shape: "[B, Lq, Hq, D]".
std::string symbols_text(const attune_variant &variant, const attune_tensor &tensor);

// Index of a name in the tables, or -1.
int find_tensor(const attune_variant &variant, const std::string &name);
int find_attribute(const attune_variant &variant, const std::string &name);
int find_variant(const attune_pack *pack, const std::string &name);

// The variant of that name. Throws Fault(CALL_WRONG, "unknown op NAME ...").
int variant_named(const attune_pack *pack, const std::string &name);

}  // namespace tool
#endif
