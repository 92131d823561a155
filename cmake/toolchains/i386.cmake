# 32 bit, little-endian, 64-bit integers aligned to 4: gcc-i686-linux-gnu.
set(CMAKE_SYSTEM_PROCESSOR i686)
set(KITH_TRIPLET i386-linux-gnu)
set(KITH_COMPILER i686-linux-gnu-gcc)
set(KITH_EMULATOR qemu-i386)
include(${CMAKE_CURRENT_LIST_DIR}/debian.cmake)
