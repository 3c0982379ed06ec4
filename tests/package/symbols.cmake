# cmake -DNM=nm -P symbols.cmake -- NAME=LIBRARY...: each exports attune_ and NAME_ symbols only.
cmake_minimum_required(VERSION 3.28)
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE 5 ${last})
    string(REGEX MATCH "^([^=]+)=(.+)$" _ "${CMAKE_ARGV${i}}")
    execute_process(
        COMMAND ${NM} --dynamic --defined-only --format=posix ${CMAKE_MATCH_2}
        OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
    string(REGEX MATCHALL "(^|\n)[^ \n]+" symbols "\n${symbols}")
    list(TRANSFORM symbols STRIP)
    set(own ${symbols})
    list(FILTER own INCLUDE REGEX "^(attune|${CMAKE_MATCH_1})_")
    list(FILTER symbols EXCLUDE REGEX "^(attune|${CMAKE_MATCH_1})_")
    if(symbols OR NOT own)
        list(LENGTH own count)
        message(SEND_ERROR "${CMAKE_MATCH_2}: ${count} own symbols, and these: ${symbols}")
    endif()
endforeach()
