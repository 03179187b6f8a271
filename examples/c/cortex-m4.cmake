# Cross-compile with zig (pip install ziglang), which brings its own headers and runtime library. Used
# for the library and for the example; start-up code and memory map are your board's.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR cortex-m4)
set(PYTHON python3 CACHE STRING "A Python that has ziglang")
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES PYTHON)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_COMPILER ${PYTHON} -m ziglang cc)
set(CMAKE_C_FLAGS_INIT
    "-target thumb-freestanding-eabihf -mcpu=cortex_m4 -ffreestanding -ffunction-sections")
set(CMAKE_C_ARCHIVE_CREATE "${PYTHON} -m ziglang ar qcs <TARGET> <OBJECTS>")
set(CMAKE_C_ARCHIVE_FINISH "")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,--gc-sections -Wl,-e,main")
