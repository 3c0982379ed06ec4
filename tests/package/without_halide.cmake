# cmake -P without_halide.cmake -- FILE...: none of them loads libHalide.
cmake_minimum_required(VERSION 3.28)
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE 4 ${last})
    execute_process(
        COMMAND ldd ${CMAKE_ARGV${i}}
        OUTPUT_VARIABLE libraries COMMAND_ERROR_IS_FATAL ANY)
    if(libraries MATCHES "libHalide|not found" OR NOT libraries MATCHES "libc\\.so")
        message(SEND_ERROR "${CMAKE_ARGV${i}} loads:\n${libraries}")
    endif()
endforeach()
