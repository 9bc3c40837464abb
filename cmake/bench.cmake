# Bench programs: bench/<name>.c each, with what they share in one archive. Built with -DLOCI_BENCH=ON; peers are run by
# the scripts of bench/peers.
add_library(bench-support STATIC bench/bench.c bench/multiply.c)
target_include_directories(bench-support PUBLIC ${CMAKE_SOURCE_DIR}/bench PRIVATE ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(bench-support PUBLIC m)
foreach(name server explore lsa encode glove peak scan tokenize static index search corpus vectors train fasttext cluster)
  if(EXISTS ${CMAKE_SOURCE_DIR}/bench/${name}.c)
    add_executable(bench-${name} bench/${name}.c)
    target_link_libraries(bench-${name} PRIVATE bench-support loci-static loci-base PkgConfig::SQLITE PkgConfig::UTF8PROC)
    target_include_directories(bench-${name} PRIVATE ${CMAKE_SOURCE_DIR}/src)
    set_target_properties(bench-${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
  endif()
endforeach()
