# What the toolchain files of Debian's cross compilers have in common. Each sets KITH_TRIPLET (that of the libraries),
# KITH_COMPILER (its gcc) and CMAKE_SYSTEM_PROCESSOR, and KITH_EMULATOR if this machine needs one to run what it builds.
#
# KITH_SYSROOT: where the other architecture's libraries lie. scripts/cross makes one without touching the system;
# without it they are those of "dpkg --add-architecture ARCH; apt-get install libsodium-dev:ARCH ...".

set(KITH_SYSROOT "" CACHE PATH "Root directory of the target's libraries; empty: this system's, installed with dpkg --add-architecture")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES KITH_SYSROOT)

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_C_COMPILER ${KITH_COMPILER})
set(CMAKE_LIBRARY_ARCHITECTURE ${KITH_TRIPLET})
set(ENV{PKG_CONFIG_LIBDIR} ${KITH_SYSROOT}/usr/lib/${KITH_TRIPLET}/pkgconfig:${KITH_SYSROOT}/usr/share/pkgconfig)
if(KITH_SYSROOT)
	set(CMAKE_SYSROOT ${KITH_SYSROOT})
	set(ENV{PKG_CONFIG_SYSROOT_DIR} ${KITH_SYSROOT})
	set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
	set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
	set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
	set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
endif()
if(KITH_EMULATOR)
	set(CMAKE_CROSSCOMPILING_EMULATOR ${KITH_EMULATOR} -L ${KITH_SYSROOT}/)
endif()
