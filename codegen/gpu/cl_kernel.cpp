#include "cl_kernel.h"

#include "cl_names.h"
#include "cl_statement.h"

namespace attune {

std::string short_cl_kernel(const ClToken *begin, const ClToken *end,
                            const std::vector<ClToken> &avoid) {
    ClKernel kernel = read_cl_kernel(begin, end);
    inline_cl_values(kernel.statements);
    return with_short_names("(" + kernel.parameters + "){" + cl_text(kernel.statements), avoid);
}

}  // namespace attune
