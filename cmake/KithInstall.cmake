# What `cmake --install` puts in place: headers, libraries, pkg-config files, the CMake package.
# pkg-config: `--libs kith` for the shared library, `--static --libs kith` for the static one. msgpack-c's module is named as
# it was found, as its versions differ.
include(CMakePackageConfigHelpers)

set(kith_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/kith)
set(installed_targets kith_core kith_core_static)
if(KITH_BUILD_HOST)
	list(APPEND installed_targets kith kith_static)
endif()

install(DIRECTORY include/kith DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(TARGETS ${installed_targets} EXPORT kithTargets
	LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
	ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT kithTargets NAMESPACE kith:: DESTINATION ${kith_package_dir})

configure_package_config_file(cmake/kithConfig.cmake.in ${PROJECT_BINARY_DIR}/kithConfig.cmake
	INSTALL_DESTINATION ${kith_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/kithConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/kithConfig.cmake ${PROJECT_BINARY_DIR}/kithConfigVersion.cmake
	cmake/KithDependencies.cmake DESTINATION ${kith_package_dir})

# kith_pkgconfig(name description requires_private libs_private)
function(kith_pkgconfig name description requires_private libs_private)
	# Relative to the file itself, so that a tree that was moved (or staged with DESTDIR) still works.
	file(RELATIVE_PATH up "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
	string(REGEX REPLACE "/$" "" up "${up}")
	string(REPLACE "-" "_" library ${name})
	configure_file(cmake/kith.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
	install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()

set(core_modules "libsodium, ${KITH_MSGPACK_MODULE_NAME}, libngtcp2")
kith_pkgconfig(kith-core "Peer-to-peer overlay, without input and output" "${core_modules}" "")
if(KITH_BUILD_HOST)
	kith_pkgconfig(kith "Peer-to-peer overlay: reach anyone by name, through any NAT" "${core_modules}, libuv" "")
endif()
