# What `cmake --install` puts into a prefix: libattune, the tools, the default pack, codegen for
# variants of one's own, and what find_package(attune) and pkg-config need.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/attune)
set(ATTUNE_INSTALL_INCLUDE ${CMAKE_INSTALL_INCLUDEDIR}/attune)

set_target_properties(attune_shared PROPERTIES EXPORT_NAME attune)
set_target_properties(attune-generate PROPERTIES EXPORT_NAME generate)
set_target_properties(attune_codegen PROPERTIES EXPORT_NAME codegen)
set_target_properties(attune_generate_main PROPERTIES EXPORT_NAME generate_main)
install(
    TARGETS attune_shared attune_static attune-generate
    EXPORT attuneTargets
    INCLUDES DESTINATION ${ATTUNE_INSTALL_INCLUDE})
# Apart: only a pack with SOURCES needs these, and then Halide.
install(TARGETS attune_codegen attune_generate_main EXPORT attuneCodegenTargets)
install(EXPORT attuneTargets NAMESPACE attune:: DESTINATION ${package_dir})
install(EXPORT attuneCodegenTargets NAMESPACE attune:: DESTINATION ${package_dir})
install(TARGETS attune)
if(TARGET attune-bench)
    install(TARGETS attune-bench)
endif()
install(FILES runtime/attune.h runtime/attune_pack.h generators/variant.h generators/attention.h
        DESTINATION ${ATTUNE_INSTALL_INCLUDE})
install(FILES generators/math/storage.h DESTINATION ${ATTUNE_INSTALL_INCLUDE}/math)

# The place where Halide was, so that a user who has the same one needs to say nothing.
set(ATTUNE_HALIDE_RECORDED ${ATTUNE_HALIDE_ROOT})
configure_package_config_file(
    cmake/attuneConfig.cmake.in ${PROJECT_BINARY_DIR}/attuneConfig.cmake
    INSTALL_DESTINATION ${package_dir}
    PATH_VARS ATTUNE_INSTALL_INCLUDE)
write_basic_package_version_file(
    ${PROJECT_BINARY_DIR}/attuneConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(
    FILES ${PROJECT_BINARY_DIR}/attuneConfig.cmake ${PROJECT_BINARY_DIR}/attuneConfigVersion.cmake
          cmake/attune_add_pack.cmake cmake/FindAttuneHalide.cmake
    DESTINATION ${package_dir})
configure_file(cmake/attune.pc.in ${PROJECT_BINARY_DIR}/attune.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/attune.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# A pack's folder is whole in itself: find_package(attune_default) looks into lib/attune_default.
get_target_property(pack_dir attune_default_pack ATTUNE_PACK_DIR)
install(DIRECTORY ${pack_dir}/ DESTINATION ${CMAKE_INSTALL_LIBDIR}/attune_default)
configure_file(cmake/install_pack.cmake.in ${PROJECT_BINARY_DIR}/install_pack.cmake @ONLY)
install(SCRIPT ${PROJECT_BINARY_DIR}/install_pack.cmake)
