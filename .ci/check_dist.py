"""Opens the built wheels and source archive and checks what is inside.

Usage: python .ci/check_dist.py DIST
"""

from __future__ import annotations

import re
import sys
import tarfile
import zipfile
from pathlib import Path

PACKAGES = (
    "metabit",
    *(f"metabit/{p}" for p in ("trainer", "export", "edge_runtime", "firmware_sim")),
)
LINKS = tuple(f"src/metabit/{p}" for p in ("trainer", "export", "edge_runtime", "firmware_sim"))


def wheel_problems(wheel: Path) -> list[str]:
    """What is wrong with a wheel: its tag, a package or the C library missing, a stray file."""
    problems = []
    named = re.fullmatch(
        r"metabit-[^-]+-py3-none-(manylinux|linux|macosx|win)_\w+\.whl", wheel.name
    )
    if named is None:
        return [f"{wheel.name}: not tagged py3-none-PLATFORM"]
    library = {"macosx": "libmetabit.dylib", "win": "metabit.dll"}.get(named[1], "libmetabit.so")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        links = [i.filename for i in archive.infolist() if (i.external_attr >> 28) == 0xA]
    wanted = [f"{package}/__init__.py" for package in PACKAGES]
    wanted += [
        "metabit/py.typed",
        f"metabit/edge_runtime/{library}",
        "metabit/edge_runtime/include/metabit.h",
        "metabit/edge_runtime/library/CMakeLists.txt",
        "metabit/edge_runtime/library/zephyr/module.yml",
        "metabit/recipes/digits-tiny.toml",
        "metabit/recipes/benchmarks/digits.toml",
        "metabit/examples/two_tasks.py",
        "metabit/examples/c/main.c",
    ]
    problems += [f"{wheel.name}: lacks {name}" for name in wanted if name not in names]
    problems += [f"{wheel.name}: {name} is listed twice" for name in names if names.count(name) > 1]
    problems += [f"{wheel.name}: {name} is a link" for name in links]
    stray = [n for n in names if not n.startswith(("metabit/", "metabit-"))]
    return problems + [f"{wheel.name}: {name} lies outside the package" for name in stray]


def sdist_problems(sdist: Path) -> list[str]:
    """What is wrong with a source archive: a folder missing, or a link that came along."""
    with tarfile.open(sdist) as archive:
        names = [m.name.partition("/")[2] for m in archive.getmembers()]
        links = [m.name for m in archive.getmembers() if m.issym() or m.islnk()]
    wanted = ["pyproject.toml", "CMakeLists.txt", "LICENSE", "src/metabit/__init__.py"]
    wanted += [f"{p.partition('/')[2]}/__init__.py" for p in PACKAGES[1:]]
    problems = [f"{sdist.name}: lacks {name}" for name in wanted if name not in names]
    problems += [f"{sdist.name}: {n} is a link" for n in links]
    problems += [f"{sdist.name}: {n} is in it" for n in names if n.startswith(LINKS)]
    return problems


def problems_in(folder: Path) -> list[str]:
    """Everything wrong with the wheels and the one source archive in `folder`."""
    wheels, sdists = sorted(folder.glob("*.whl")), sorted(folder.glob("*.tar.gz"))
    if not wheels or len(sdists) != 1:
        return [f"{folder}: {len(wheels)} wheels and {len(sdists)} source archives"]
    return sdist_problems(sdists[0]) + [
        problem for wheel in wheels for problem in wheel_problems(wheel)
    ]


def main() -> None:
    """Print every problem; exit 1 when there is one."""
    problems = problems_in(Path(sys.argv[1]))
    print("\n".join(problems) or "wheels and source archive: as they should be")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
