# Options, compiler settings, and the two interface targets that all our code is compiled with:
#   kith_warnings  the project's warnings (errors with KITH_WERROR)
#   kith_gnu       _GNU_SOURCE, for everything that is not core: lib/host, node, bench, tests

option(KITH_WERROR "Treat warnings as errors" OFF)
option(KITH_BUILD_HOST "Build lib/host and the full library (needs libuv)" ON)
option(KITH_BUILD_STUN "Build the component kith-stun.so, for supernodes that answer STUN (needs libnice)" ON)
option(KITH_WITH_PORTMAP "Nodes ask routers for a port, by the component kith-portmap.so (needs miniupnpc)" ON)
option(KITH_WITH_WEB "Supernodes are reached by WebSockets, too, by the component kith-web.so (needs OpenSSL and wslay)" ON)
option(KITH_WITH_ICE "Nodes are reached by TURN servers that their options name, by the component kith-ice.so (needs libnice)" ON)
option(KITH_BUILD_NODE "Build kithd and the kith command" ON)
option(KITH_BUILD_SERVING "Build what supernodes need; without, every node is a leaf" ON)
option(KITH_STATIC_NODE "kithd and kith carry the library instead of loading it" OFF)
option(KITH_PORTABLE_UDP "Use the plain calls of every system for UDP, on Linux too" OFF)
option(KITH_BUILD_EXAMPLES "Build the examples" ON)
option(KITH_BUILD_BENCH "Build the simulator, the laboratory and the benchmarks" ON)
set(KITH_TEST_TIMEOUT_FACTOR 1 CACHE STRING "Unit and simulator tests may take so many times as long: 10 for a Raspberry Pi or an emulator")
option(KITH_FUZZ "Build the fuzz targets with libFuzzer (clang only)" OFF)
option(KITH_COVERAGE "Instrument for gcov" OFF)
set(KITH_SANITIZE "" CACHE STRING "Value for -fsanitize, such as address,undefined")

if(NOT KITH_BUILD_HOST)
	set(KITH_BUILD_NODE OFF)
	set(KITH_BUILD_EXAMPLES OFF)
	set(KITH_BUILD_STUN OFF)
	set(KITH_WITH_PORTMAP OFF)
	set(KITH_WITH_WEB OFF)
	set(KITH_WITH_ICE OFF)
endif()

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
	set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# The assertions of the library are its own and stay on; NDEBUG would only silence those of the tests.
foreach(type RELEASE RELWITHDEBINFO MINSIZEREL)
	string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_${type} "${CMAKE_C_FLAGS_${type}}")
endforeach()

find_program(KITH_CCACHE ccache)
if(KITH_CCACHE AND NOT CMAKE_C_COMPILER_LAUNCHER)
	set(CMAKE_C_COMPILER_LAUNCHER ${KITH_CCACHE})
endif()

add_compile_definitions(KITH_SERVING=$<BOOL:${KITH_BUILD_SERVING}>) # link/state.h: kith_serves

add_library(kith_warnings INTERFACE)
target_compile_options(kith_warnings INTERFACE
	-Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wvla -Wundef -Wmissing-prototypes -Wswitch-enum
	$<$<BOOL:${KITH_WERROR}>:-Werror>)

add_library(kith_gnu INTERFACE)
target_compile_definitions(kith_gnu INTERFACE _GNU_SOURCE)

if(KITH_SANITIZE)
	add_compile_options(-fsanitize=${KITH_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
	add_link_options(-fsanitize=${KITH_SANITIZE})
endif()

if(KITH_FUZZ)
	if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
		message(FATAL_ERROR "KITH_FUZZ needs clang (Debian: apt-get install clang)")
	endif()
	# Coverage instrumentation everywhere; libFuzzer's main is linked into the fuzz targets only.
	add_compile_options(-fsanitize=fuzzer-no-link)
	add_link_options(-fsanitize=fuzzer-no-link)
endif()

if(KITH_COVERAGE)
	add_compile_options(--coverage)
	add_link_options(--coverage)
endif()

# An unresolved symbol in a shared library is found when it is linked, not when a user loads it. Sanitizer runtimes are
# resolved at load time, so this cannot be asked of instrumented builds. The linkers of macOS and Windows do it unasked.
if(NOT KITH_SANITIZE AND NOT KITH_FUZZ AND NOT APPLE AND NOT WIN32)
	add_link_options($<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,SHARED_LIBRARY>:LINKER:-z,defs>)
	# msgpack-c is used by its headers: gcc leaves out what is not needed by itself, clang does not.
	add_link_options(LINKER:--as-needed)
endif()
