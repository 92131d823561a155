# Finds what libkith builds on. Each becomes a target KithDep::<NAME>; a missing one stops the configuration with the
# name of the Debian package to install. The installed CMake package includes this file too (for static linking), with
# KITH_DEPENDENCIES_OPTIONAL set: there, what is missing is only left out.

find_package(PkgConfig REQUIRED)

function(kith_missing what package)
	if(KITH_DEPENDENCIES_OPTIONAL)
		return()
	endif()
	message(FATAL_ERROR "${what} was not found. On Debian: apt-get install ${package}; or run scripts/setup")
endfunction()

# kith_find_module(NAME package module...): the first pkg-config module that exists.
function(kith_find_module name package)
	if(TARGET KithDep::${name})
		return()
	endif()
	pkg_search_module(KITH_${name} QUIET IMPORTED_TARGET GLOBAL ${ARGN})
	if(NOT KITH_${name}_FOUND)
		kith_missing("${ARGV2}" ${package})
		return()
	endif()
	add_library(KithDep::${name} INTERFACE IMPORTED GLOBAL)
	target_link_libraries(KithDep::${name} INTERFACE PkgConfig::KITH_${name})
endfunction()

# The core.
kith_find_module(SODIUM libsodium-dev "libsodium>=1.0.18")
kith_find_module(MSGPACK libmsgpack-dev "msgpack-c>=4.0.0" "msgpack>=4.0.0")
kith_find_module(NGTCP2 libngtcp2-dev "libngtcp2>=0.12.1")

# The host.
if(KITH_BUILD_HOST OR KITH_DEPENDENCIES_OPTIONAL)
	kith_find_module(UV libuv1-dev "libuv>=1.44")
endif()

# Components: libraries that those who do not use them need not have.
if(KITH_BUILD_STUN OR KITH_WITH_ICE)
	kith_find_module(NICE "libnice-dev, or configure with -D KITH_BUILD_STUN=OFF -D KITH_WITH_ICE=OFF" "nice>=0.1.21")
endif()

if(KITH_WITH_PORTMAP)
	kith_find_module(MINIUPNPC "libminiupnpc-dev, or configure with -D KITH_WITH_PORTMAP=OFF" "miniupnpc>=2.2")
endif()

if(KITH_WITH_WEB OR KITH_FUZZ)
	kith_find_module(OPENSSL "libssl-dev, or configure with -D KITH_WITH_WEB=OFF" "openssl>=3.0")
	if(NOT TARGET KithDep::WSLAY) # it comes without a file for pkg-config
		find_path(KITH_WSLAY_INCLUDE wslay/wslay.h)
		find_library(KITH_WSLAY_LIBRARY wslay)
		mark_as_advanced(KITH_WSLAY_INCLUDE KITH_WSLAY_LIBRARY)
		if(KITH_WSLAY_INCLUDE AND KITH_WSLAY_LIBRARY)
			add_library(KithDep::WSLAY INTERFACE IMPORTED GLOBAL)
			target_include_directories(KithDep::WSLAY INTERFACE ${KITH_WSLAY_INCLUDE})
			target_link_libraries(KithDep::WSLAY INTERFACE ${KITH_WSLAY_LIBRARY})
		else()
			kith_missing(wslay "libwslay-dev, or configure with -D KITH_WITH_WEB=OFF")
		endif()
	endif()
endif()

# The reference node, its command line, and the benchmarks.
if(KITH_BUILD_NODE)
	kith_find_module(CONFUSE libconfuse-dev "libconfuse>=3.3")
endif()
if(KITH_BUILD_NODE OR KITH_BUILD_BENCH)
	kith_find_module(POPT libpopt-dev "popt>=1.18")
	kith_find_module(JANSSON libjansson-dev "jansson>=2.13")
endif()

# The tests.
if(BUILD_TESTING AND NOT KITH_DEPENDENCIES_OPTIONAL)
	kith_find_module(CMOCKA libcmocka-dev "cmocka>=1.1.5")
endif()
