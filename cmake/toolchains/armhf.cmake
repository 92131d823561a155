# 32 bit, little-endian: gcc-arm-linux-gnueabihf. A Raspberry Pi 2 and later with a 32-bit system.
set(CMAKE_SYSTEM_PROCESSOR armv7l)
set(KITH_TRIPLET arm-linux-gnueabihf)
set(KITH_COMPILER arm-linux-gnueabihf-gcc)
set(KITH_EMULATOR qemu-arm)
include(${CMAKE_CURRENT_LIST_DIR}/debian.cmake)
