# loci-serve: the server, a program of its own, so that neither the library nor the command links what it links. It lies
# where loci-extract does, and `loci serve` becomes it.
pkg_check_modules(MICROHTTPD REQUIRED IMPORTED_TARGET libmicrohttpd)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)

# Everything but main, for the tests and the fuzz targets too.
file(GLOB server_sources CONFIGURE_DEPENDS src/server/*.c)
list(FILTER server_sources EXCLUDE REGEX "/main\\.c$")
add_library(loci-server STATIC ${server_sources})
target_link_libraries(loci-server PUBLIC loci-base PkgConfig::MICROHTTPD PkgConfig::CRYPTO Threads::Threads m)
target_include_directories(loci-server PUBLIC include)
add_executable(loci-serve src/server/main.c)
target_link_libraries(loci-serve PRIVATE loci-server loci loci-base)
set_target_properties(loci-serve PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/libexec/loci
                      INSTALL_RPATH "$ORIGIN/../../${CMAKE_INSTALL_LIBDIR}")
install(TARGETS loci-serve RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/loci)
