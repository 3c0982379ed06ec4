# Finds Halide 21 as its Python wheel installs it and makes Halide::Halide.
#
# Looks, in this order, at -DHalide_DIR (the folder of HalideConfig.cmake), at ATTUNE_HALIDE (the
# wheel's folder `halide`, a CMake or environment variable), at this checkout's .tools, and at the
# place that an installed Attune was built with (ATTUNE_HALIDE_RECORDED).
file(GLOB _attune_halide_tools
     "${CMAKE_CURRENT_LIST_DIR}/../.tools/venv/lib/python3*/site-packages/halide")
foreach(_attune_halide IN LISTS ATTUNE_HALIDE ITEMS $ENV{ATTUNE_HALIDE}
        LISTS _attune_halide_tools ATTUNE_HALIDE_RECORDED)
    list(APPEND _attune_halide_hints "${_attune_halide}/lib64/cmake/Halide")
endforeach()
# The wheel's package asks for PNG, JPEG and a Python for parts that are not used here.
find_package(Halide 21 CONFIG QUIET COMPONENTS Halide shared HINTS ${_attune_halide_hints})

if(Halide_FOUND)
    cmake_path(SET _attune_halide NORMALIZE "${Halide_DIR}/../../..")
    string(REGEX REPLACE "/$" "" ATTUNE_HALIDE_ROOT "${_attune_halide}")
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
    AttuneHalide
    REQUIRED_VARS ATTUNE_HALIDE_ROOT
    VERSION_VAR Halide_VERSION
    REASON_FAILURE_MESSAGE "run scripts/setup, or set ATTUNE_HALIDE to the folder `halide` of the \
wheel halide==21.0.0")
