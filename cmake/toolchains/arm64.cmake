# 64 bit, little-endian: gcc-aarch64-linux-gnu.
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(KITH_TRIPLET aarch64-linux-gnu)
set(KITH_COMPILER aarch64-linux-gnu-gcc)
set(KITH_EMULATOR qemu-aarch64)
include(${CMAKE_CURRENT_LIST_DIR}/debian.cmake)
