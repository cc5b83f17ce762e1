# Installs the command and what find_package(thimble) finds.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(PACKAGE_DIR ${CMAKE_INSTALL_DATADIR}/cmake/thimble)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/thimbleConfig.cmake.in
  ${CMAKE_BINARY_DIR}/thimbleConfig.cmake
  INSTALL_DESTINATION ${PACKAGE_DIR}
  PATH_VARS CMAKE_INSTALL_BINDIR)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/thimbleConfigVersion.cmake
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)

install(TARGETS thimble RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES
  ${CMAKE_BINARY_DIR}/thimbleConfig.cmake
  ${CMAKE_BINARY_DIR}/thimbleConfigVersion.cmake
  ${CMAKE_CURRENT_LIST_DIR}/thimble_add_model.cmake
  ${CMAKE_CURRENT_LIST_DIR}/thimble_stack.cmake
  DESTINATION ${PACKAGE_DIR})

# The same function for projects that have this one as a subdirectory.
add_executable(thimble::thimble ALIAS thimble)
include(${CMAKE_CURRENT_LIST_DIR}/thimble_add_model.cmake)
