#!/bin/sh
# check_symbols.sh LIBRARY [-D]: nothing but attune_ symbols is global, and what kernels call is
# libattune's own and not Halide's weak version.
set -eu
symbols=$(nm ${2:-} --extern-only --defined-only "$1" | awk 'NF == 3 {print $2, $3}')
foreign=$(echo "$symbols" | awk '$2 !~ /^attune_/')
if [ -n "$foreign" ]; then
    echo "global symbols that are not attune_:" "$foreign" >&2
    exit 1
fi
for hook in malloc free do_par_for do_task do_parallel_tasks error print load_library; do
    if ! echo "$symbols" | grep -qx "T attune_$hook"; then
        echo "attune_$hook is missing or weak" >&2
        exit 1
    fi
done
for function in call call_cost call_kernel context_create context_destroy error_message pack_at \
    pack_load register_pack status_name version abi_version options_defaults context_threads; do
    if ! echo "$symbols" | grep -qx "T attune_$function"; then
        echo "attune_$function is missing" >&2
        exit 1
    fi
done
