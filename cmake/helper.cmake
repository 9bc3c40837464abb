# loci-extract: the program that reads documents for the library, under rlimits and seccomp. The library does not link
# what it links. In the build tree it lies where the library looks for it: below the library's own folder.
pkg_check_modules(XML2 REQUIRED IMPORTED_TARGET libxml-2.0)
pkg_check_modules(UCHARDET REQUIRED IMPORTED_TARGET uchardet)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(MD4C REQUIRED IMPORTED_TARGET md4c)
find_package(ZLIB REQUIRED)

# The workers by themselves, for the program, the tests and the fuzz targets.
add_library(helper-workers STATIC src/helper/html.c src/helper/markdown.c src/helper/gzip.c src/helper/encoding.c
            src/helper/pdf.c src/helper/sandbox.c)
target_link_libraries(helper-workers PUBLIC loci-base PkgConfig::XML2 PkgConfig::UCHARDET PkgConfig::SECCOMP
                      PkgConfig::MD4C ZLIB::ZLIB)
add_executable(loci-extract src/helper/main.c)
target_link_libraries(loci-extract PRIVATE helper-workers)
set_target_properties(loci-extract PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/libexec/loci)
add_dependencies(loci loci-extract)
add_dependencies(loci-static loci-extract)
install(TARGETS loci-extract RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/loci)
