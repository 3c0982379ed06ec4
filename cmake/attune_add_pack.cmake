# attune_add_pack(NAME VARIANTS v... TARGETS t... [DTYPES f32 f16 bf16] [HEAD_DIMS 32 64 128]
#                 [SOURCES variant.cpp ...] [SCHEDULE "query_tile=32 ..."] [OUT dir] [CACHE dir])
#
# Generates the kernel pack NAME at build time and makes these targets:
#   NAME::NAME         its static library, with libattune shared
#   NAME::NAME_static  its static library, with libattune static
#   NAME::NAME_shared  its shared library, with libattune shared
# Each brings the include folder of NAME.h and attune.h. All files of the pack lie in OUT
# (packs/NAME in the build folder), which is the property ATTUNE_PACK_DIR of target NAME_pack.
# VARIANTS, TARGETS, DTYPES, HEAD_DIMS and SCHEDULE are those of `attune generate`. SOURCES hold
# variants of your own; they need Halide (ATTUNE_HALIDE) and attune::codegen.
# Generated kernels are kept by content in CACHE: by default $ENV{ATTUNE_CACHE}, or attune-cache in
# the build folder. ATTUNE_KERNEL_FEATURES (e.g. asan) adds Halide target features to each target.
include_guard(GLOBAL)

set(ATTUNE_KERNEL_FEATURES "" CACHE STRING "Halide target features added to each kernel")

function(attune_add_pack name)
    cmake_parse_arguments(
        PARSE_ARGV 1 arg "" "OUT;CACHE;SCHEDULE" "VARIANTS;TARGETS;DTYPES;HEAD_DIMS;SOURCES")
    if(arg_UNPARSED_ARGUMENTS OR NOT arg_VARIANTS OR NOT arg_TARGETS)
        message(FATAL_ERROR "attune_add_pack(${name}): needs VARIANTS and TARGETS; "
                            "not understood: '${arg_UNPARSED_ARGUMENTS}'")
    endif()
    if(NOT arg_OUT)
        set(arg_OUT ${CMAKE_CURRENT_BINARY_DIR}/packs/${name})
    endif()
    if(NOT arg_CACHE)
        set(arg_CACHE ${CMAKE_BINARY_DIR}/attune-cache)
        if(DEFINED ENV{ATTUNE_CACHE})
            set(arg_CACHE $ENV{ATTUNE_CACHE})
        endif()
    endif()

    _attune_generator(generator ${name} "${arg_SOURCES}")
    cmake_host_system_information(RESULT jobs QUERY NUMBER_OF_LOGICAL_CORES)
    set(features "")
    if(ATTUNE_KERNEL_FEATURES)
        string(REPLACE ";" "," features "${ATTUNE_KERNEL_FEATURES}")
        set(features --features ${features})
    endif()
    set(compiler "") # of the pack's tables
    if(CMAKE_C_COMPILER)
        set(compiler ${CMAKE_COMMAND} -E env CC=${CMAKE_C_COMPILER})
    endif()
    set(files lib${name}.a lib${name}.so ${name}.h ${name}.json)
    list(TRANSFORM files PREPEND ${arg_OUT}/)
    file(MAKE_DIRECTORY ${arg_OUT}) # an imported target's include folder must exist
    add_custom_command(
        OUTPUT ${files}
        COMMAND
            ${compiler} $<TARGET_FILE:${generator}> --name ${name} --out ${arg_OUT}
            --include ${ATTUNE_INCLUDE_DIR} --libattune $<TARGET_FILE:attune::attune>
            "--variant;$<JOIN:${arg_VARIANTS},;--variant;>"
            "--target;$<JOIN:${arg_TARGETS},;--target;>"
            "$<$<BOOL:${arg_DTYPES}>:--dtype;$<JOIN:${arg_DTYPES},;--dtype;>>"
            "$<$<BOOL:${arg_HEAD_DIMS}>:--head-dim;$<JOIN:${arg_HEAD_DIMS},;--head-dim;>>"
            "$<$<BOOL:${arg_SCHEDULE}>:--schedule;${arg_SCHEDULE}>"
            ${features} --jobs ${jobs} --cache ${arg_CACHE}
        DEPENDS ${generator}
        COMMENT "Generating the kernel pack ${name}"
        COMMAND_EXPAND_LISTS VERBATIM USES_TERMINAL)
    add_custom_target(${name}_pack ALL DEPENDS ${files})
    add_dependencies(${name}_pack attune::attune) # to link with; its changes are none of a pack's
    set_target_properties(${name}_pack PROPERTIES ATTUNE_PACK_DIR ${arg_OUT})
    _attune_pack_target(${name} "" STATIC ${arg_OUT}/lib${name}.a attune::attune)
    _attune_pack_target(${name} _static STATIC ${arg_OUT}/lib${name}.a attune::attune_static)
    _attune_pack_target(${name} _shared SHARED ${arg_OUT}/lib${name}.so attune::attune)
endfunction()

# The program that generates: attune-generate, or one of its own for a pack with SOURCES.
function(_attune_generator result name sources)
    if(NOT sources)
        set(${result} attune::generate PARENT_SCOPE)
        return()
    endif()
    if(NOT TARGET attune::codegen)
        message(FATAL_ERROR "attune_add_pack(${name}): SOURCES need attune::codegen, that needs "
                            "Halide 21; set ATTUNE_HALIDE to the wheel's folder `halide`")
    endif()
    add_executable(${name}_generate ${sources})
    target_compile_features(${name}_generate PRIVATE cxx_std_17)
    # Variants register themselves when the program starts: nothing else refers to their objects.
    target_link_libraries(${name}_generate PRIVATE attune::generate_main
                          $<LINK_LIBRARY:WHOLE_ARCHIVE,attune::codegen>)
    set(${result} ${name}_generate PARENT_SCOPE)
endfunction()

function(_attune_pack_target name suffix kind file runtime)
    set(target ${name}::${name}${suffix})
    cmake_path(GET file PARENT_PATH folder)
    cmake_path(GET file FILENAME soname)
    add_library(${target} ${kind} IMPORTED GLOBAL)
    set_target_properties(
        ${target}
        PROPERTIES IMPORTED_LOCATION ${file} IMPORTED_SONAME ${soname}
                   INTERFACE_INCLUDE_DIRECTORIES ${folder} INTERFACE_LINK_LIBRARIES "${runtime};m")
    add_dependencies(${target} ${name}_pack)
endfunction()
