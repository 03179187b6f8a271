"""The C core as a library: what each build system reads there is true, and builds.

The systems cannot be installed from a package index, so the tests stand in for them: CMake runs the
real files, with the functions of ESP-IDF and Zephyr reduced to their essence; the rules for folders
of Arduino and PlatformIO are followed by hand.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from helpers.exported_c import NAME, PROGRAM, assert_printed, write

from metabit.edge_runtime import sources
from metabit.edge_runtime.c_library import library_files
from metabit.firmware_sim import boards
from metabit.firmware_sim.build import run_zig

STAND_INS = {
    "esp-idf": """
        set(ESP_PLATFORM 1)
        function(idf_component_register)
          cmake_parse_arguments(A "" "" "SRC_DIRS;INCLUDE_DIRS" ${ARGN})
          foreach(folder ${A_SRC_DIRS})
            file(GLOB found ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.c)
            list(APPEND all ${found})
          endforeach()
          add_library(metabit STATIC ${all})
          target_include_directories(metabit PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/${A_INCLUDE_DIRS})
        endfunction()
        add_subdirectory(metabit)
    """,
    "zephyr": """
        set(CONFIG_METABIT y)
        macro(zephyr_library_named name)
          add_library(${name} STATIC)
          set(ZEPHYR_CURRENT_LIBRARY ${name})
        endmacro()
        macro(zephyr_library_sources)
          target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
        endmacro()
        macro(zephyr_include_directories)
          target_include_directories(${ZEPHYR_CURRENT_LIBRARY} PUBLIC ${ARGN})
        endmacro()
        add_subdirectory(metabit/zephyr)
    """,
    "cmake": "add_subdirectory(metabit)",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the library, an exported model and a program."""
    for name, content in library_files().items():
        path = tmp_path / "metabit" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    write(tmp_path)
    (tmp_path / "program.c").write_bytes(PROGRAM.read_bytes())
    return tmp_path


def version() -> str:
    found = re.search(r'MB_VERSION_TEXT "(.*)"', (sources() / "include/metabit.h").read_text())
    assert found is not None
    return found[1]


@pytest.mark.parametrize("system", STAND_INS)
def test_cmake_finds_every_source_and_header(project: Path, system: str) -> None:
    (project / "CMakeLists.txt").write_text(
        f"""cmake_minimum_required(VERSION 3.20)
        project(app LANGUAGES C)
        {STAND_INS[system]}
        add_executable(app program.c {NAME}.c samples.c)
        target_include_directories(app PRIVATE .)
        target_link_libraries(app PRIVATE metabit)
        """
    )
    command = ["cmake", "-S", str(project), "-B", str(project / "b")]
    subprocess.run(
        [*command, "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"], check=True, capture_output=True
    )
    source_folder = (project / "metabit" / "src").resolve()
    compiled = json.loads((project / "b" / "compile_commands.json").read_text())
    core = {Path(entry["file"]).resolve() for entry in compiled if "/metabit/src/" in entry["file"]}
    assert core == set(source_folder.rglob("*.c"))
    included = re.compile(r"-I(\S+)")
    for entry in compiled:
        folders = {Path(folder).resolve() for folder in included.findall(entry["command"])}
        assert source_folder in folders
    if system == "cmake":  # the same commands for all: one of them is carried out
        subprocess.run(["cmake", "--build", project / "b"], check=True, capture_output=True)
        done = subprocess.run([project / "b" / "app"], check=True, capture_output=True)
        assert_printed(done.stdout)


def test_a_zephyr_without_the_option_builds_nothing(project: Path) -> None:
    text = (
        "cmake_minimum_required(VERSION 3.20)\nproject(app C)\nadd_subdirectory(metabit/zephyr)\n"
    )
    (project / "CMakeLists.txt").write_text(text)
    subprocess.run(["cmake", "-S", project, "-B", project / "b"], check=True, capture_output=True)


def test_arduino_and_platformio_find_sources_and_headers(project: Path) -> None:
    """Both compile all of src/, with src/ on the include path. CMake shows that it links."""
    library = project / "metabit"
    files = [*library.glob("src/**/*.c"), *project.glob("*.c")]
    flags = ["-std=gnu11", "-M", f"-I{project}", f"-I{library / 'src'}"]
    subprocess.run(["gcc", *flags, *map(str, files)], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.long
def test_a_sketch_compiles_for_a_nano_33_ble(project: Path) -> None:
    """Arduino's flags: GNU C, C++ without exceptions, optimised for size."""
    board = boards.load("nrf52840")
    (project / "sketch.cpp").write_text(
        f'#include "{NAME}.h"\n'
        f"alignas(8) static uint8_t arena[{NAME.upper()}_ARENA_BYTES];\n"
        f"int setup();\nint setup() {{ return {NAME}_self_test(arena, sizeof arena); }}\n"
    )
    library = project / "metabit"
    include = [f"-I{project}", f"-I{library / 'src'}", "-ffreestanding", "-Os"]
    for source in (*library.glob("src/**/*.c"), project / f"{NAME}.c", project / "sketch.cpp"):
        language = (
            ["-std=gnu++17", "-fno-exceptions"] if source.suffix == ".cpp" else ["-std=gnu11"]
        )
        run_zig([*board.flags, *include, *language, "-c", str(source)], project, board.name)
    assert len(list(project.glob("*.o"))) == len(list(library.glob("src/**/*.c"))) + 2


def test_every_description_has_the_librarys_version_and_names_what_is_there(project: Path) -> None:
    root = project / "metabit"
    lines = (root / "library.properties").read_text().splitlines()
    arduino = dict(line.split("=", 1) for line in lines)
    assert {"name", "version", "author", "maintainer", "sentence", "paragraph"} <= set(arduino)
    assert (arduino["category"], arduino["architectures"]) == ("Data Processing", "*")
    assert (root / "src" / arduino["includes"]).is_file()
    platformio = json.loads((root / "library.json").read_text())
    assert all((root / folder).is_dir() for folder in platformio["build"].values())
    component = yaml.safe_load((root / "idf_component.yml").read_text())
    assert {arduino["version"], platformio["version"], component["version"]} == {version()}
    module = yaml.safe_load((root / "zephyr" / "module.yml").read_text())
    assert (root / module["build"]["cmake"] / "CMakeLists.txt").is_file()
    assert (root / module["build"]["kconfig"]).is_file()


def test_the_library_is_the_core_and_its_descriptions_alone() -> None:
    names = set(library_files())
    assert {"src/file/sections.c", "src/metabit.h", "src/internal.h", "zephyr/Kconfig"} <= names
    assert not [name for name in names if name.endswith(".py") or "posix" in name]
