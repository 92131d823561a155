# Windows, 64 bit: gcc-mingw-w64-x86-64. The core only, and compiled only: Debian has the headers of what it builds on (they
# say nothing of a machine), not their libraries for Windows. scripts/cross puts the headers into KITH_SYSROOT.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER x86_64-w64-mingw32-gcc)
# Bit-fields lie as everywhere else, so that an idle session keeps its size; printf() is that of C99.
set(CMAKE_C_FLAGS_INIT "-mno-ms-bitfields -D__USE_MINGW_ANSI_STDIO=1")

set(KITH_SYSROOT "" CACHE PATH "Directory with the headers of libsodium, msgpack-c and ngtcp2, and their pkg-config files")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES KITH_SYSROOT)
set(ENV{PKG_CONFIG_LIBDIR} ${KITH_SYSROOT}/pkgconfig)
