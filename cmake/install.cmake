# What `cmake --install` (make install) puts where: library, headers, loci.pc, command, helper, models, manual pages,
# completions. The pages and completions are printed by the command itself, from its option table.

install(TARGETS loci LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/loci.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY include/loci DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

# Paths relative to the .pc file: the tree may be moved, or installed below another root.
file(RELATIVE_PATH LOCI_PC_PREFIX /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/loci.pc.in loci.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/loci.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# Models are found from the build tree as from an installation.
if(EXISTS ${CMAKE_SOURCE_DIR}/models)
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/models ${CMAKE_BINARY_DIR}/models SYMBOLIC)
  install(DIRECTORY models/ DESTINATION ${CMAKE_INSTALL_DATADIR}/loci/models)
endif()

# The page of `loci map --html`, when it was made (make web).
install(FILES ${CMAKE_BINARY_DIR}/share/loci/map.html ${CMAKE_BINARY_DIR}/share/loci/map-notices.txt
        DESTINATION ${CMAKE_INSTALL_DATADIR}/loci OPTIONAL)

if(TARGET loci-cli)
  install(TARGETS loci-cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  if(NOT CMAKE_CROSSCOMPILING)
    add_custom_command(
      OUTPUT ${CMAKE_BINARY_DIR}/pages.stamp
      COMMAND ${CMAKE_COMMAND} -DLOCI=$<TARGET_FILE:loci-cli> -DOUT=${CMAKE_BINARY_DIR}/pages
              -P ${CMAKE_SOURCE_DIR}/cmake/pages.cmake
      COMMAND ${CMAKE_COMMAND} -E touch ${CMAKE_BINARY_DIR}/pages.stamp
      DEPENDS loci-cli ${CMAKE_SOURCE_DIR}/cmake/pages.cmake
      COMMENT "Manual pages and completions"
      VERBATIM)
    add_custom_target(pages ALL DEPENDS ${CMAKE_BINARY_DIR}/pages.stamp)
    install(DIRECTORY ${CMAKE_BINARY_DIR}/pages/man1 DESTINATION ${CMAKE_INSTALL_MANDIR})
    install(FILES ${CMAKE_BINARY_DIR}/pages/loci.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
            RENAME loci)
    install(FILES ${CMAKE_BINARY_DIR}/pages/loci.zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions RENAME _loci)
    install(FILES ${CMAKE_BINARY_DIR}/pages/loci.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
  endif()
endif()
