# 64 bit, big-endian: gcc-s390x-linux-gnu.
set(CMAKE_SYSTEM_PROCESSOR s390x)
set(KITH_TRIPLET s390x-linux-gnu)
set(KITH_COMPILER s390x-linux-gnu-gcc)
set(KITH_EMULATOR qemu-s390x)
include(${CMAKE_CURRENT_LIST_DIR}/debian.cmake)
