"""A model as C: one header and one source, which compile with the core for any board."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from metabit.errors import FormatError, InputError
from metabit.export.spec import Model
from metabit.files import check_target

#: `MB_ARENA_LAYOUT` of the core that the arenas were planned with.
ARENA_LAYOUT = 7

_BYTES_A_LINE = 24
_KEYWORDS = """
    alignas alignof and asm atomic auto bitand bitor bool break case catch char class compl concept
    const constexpr continue decltype default delete do double else enum explicit export extern
    false float for friend goto if inline int long main mutable namespace new noexcept not nullptr
    operator or override private protected public register requires restrict return short signed
    sizeof static struct switch template this throw true try typedef typeid typename union unsigned
    using virtual void volatile while xor
"""
_FIRST = "/* {name}.h: a binary network in flash, from "
#: Headers of C, POSIX and the core: a file of their name would be read in their place.
_HEADERS = """
    aio assert complex cpio ctype dirent dlfcn errno fcntl fenv float fmtmsg fnmatch ftw glob grp
    iconv inttypes iso646 langinfo libgen limits locale malloc math mb memory metabit monetary
    mqueue ndbm netdb nl_types poll pthread pwd regex sched search semaphore setjmp signal spawn
    stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string strings
    stropts syslog tar termios tgmath threads time trace uchar ulimit unistd utime utmpx wchar
    wctype wordexp
"""


@dataclass(frozen=True)
class ArenaBytes:
    """RAM that a model needs, as `metabit plan` tells it.

    Attributes:
        predict: when nothing learns.
        learn: when the library chooses what learns, with MB_OPTIONS_LEARN, in one context.
        reason: what it chooses in so much RAM, and why.
        learn_contexts: the same in as many contexts as there can be; None where there is one.
        learn_head, learn_all: when the output layer, or every layer, learns; None where the model
            carries no hidden weights.
        learn_counting, learn_counting_small: when its counting head learns, with a matrix of its
            own or the one in the file; None where it carries none.
        learn_tracking: when a tracking head learns, with as many hidden units as it can have.
    """

    predict: int
    learn: int
    reason: str
    learn_contexts: int | None = None
    learn_head: int | None = None
    learn_all: int | None = None
    learn_counting: int | None = None
    learn_counting_small: int | None = None
    learn_tracking: int | None = None


def identifier(text: str) -> str:
    """A lower-case C identifier out of a file's name.

    It starts with a letter, and is no word of C or C++, none of the core's names, and no header's.
    """
    word = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    if not word:
        return "model"
    taken = word in _KEYWORDS.split() or word in _HEADERS.split()
    taken |= word.startswith(("mb_", "metabit_"))
    return f"model_{word}" if taken or word[0].isdigit() else word


def c_files(
    model: Model, blob: bytes, name: str, arenas: ArenaBytes, origin: str
) -> dict[str, bytes]:
    """The header and the source of a model.

    Args:
        model: what `blob` holds.
        blob: the .mbit file.
        name: what the files and their symbols are called; see `identifier`.
        arenas: see `metabit.edge_runtime.plan.plan`.
        origin: what it was made of, for the first line.

    Returns:
        File names and contents, ASCII.

    Raises:
        InputError: `name` is no identifier of the kind that `identifier` gives.
    """
    if identifier(name) != name:
        raise InputError(
            f'"{name}" cannot be a name in C; "{identifier(name)}" can', code="E-C-NAME"
        )
    texts = {
        f"{name}.h": _header(model, blob, name, arenas, origin),
        f"{name}.c": _source(model, blob, name),
    }
    return {file: text.encode("ascii") for file, text in texts.items()}


def blob_of(text: str, where: str) -> bytes:
    """The .mbit file in a source that `c_files` wrote.

    Raises:
        FormatError: it is another source, or somebody has edited the numbers.
    """
    found = re.findall(r"const uint8_t \w+_model\[\w+\] = \{([0-9,\s]+)\};", text)
    if len(found) != 1:
        raise FormatError(
            f"{where}: not a C source that `metabit export --to c` wrote; no other is read",
            code="E-C-SOURCE",
        )
    words = found[0].replace(",", " ").split()
    if any(len(word) > 3 or int(word) > 255 for word in words):
        raise FormatError(f"{where}: its model holds more than bytes", code="E-C-SOURCE")
    return bytes(int(word) for word in words)


# ---- the header --------------------------------------------------------------------------------


def _header(model: Model, blob: bytes, name: str, arenas: ArenaBytes, origin: str) -> str:
    upper = name.upper()
    shapes = (model.input.shape, *(layer.out_shape for layer in model.layers))
    sizes = " -> ".join("x".join(map(str, shape)) for shape in shapes)
    lines = [
        f"{_FIRST.format(name=name)}{_plain(origin)}.",
        " * `metabit export --to c` wrote it: do not edit it, export again.",
        " *",
        f" * {sizes}, {model.n_weights:,} binary weights",
        *(f" * {line}" for line in _facts(model)),
        " *",
        *(f" * {line}".rstrip() for line in _usage(model, name)),
        " */",
        f"#ifndef METABIT_MODEL_{upper}_H",
        f"#define METABIT_MODEL_{upper}_H",
        "",
        '#include "metabit.h"',
        "",
        "#ifdef __cplusplus",
        'extern "C" {',
        "#endif",
        "",
        f"#define {upper}_N_INPUTS {model.n_inputs}u /* {model.input.dtype} values per sample */",
        f"#define {upper}_N_OUTPUTS {model.n_outputs}u /* classes */",
        *_head_lines(model, upper),
        f"#define {upper}_N_BANKS {model.n_banks}u /* normalisation banks (tasks) */",
        f"#define {upper}_MODEL_BYTES {len(blob)}u /* flash */",
        *_front_end_lines(model, upper),
        "",
        *_arena_lines(upper, arenas),
        "",
        "/* The model: what mb_open() and the other calls take. */",
        f"extern const uint8_t {name}_model[{upper}_MODEL_BYTES];",
        *_extras(model, name, upper),
        "",
        "#ifdef __cplusplus",
        "}",
        "#endif",
        "",
        f"#endif /* METABIT_MODEL_{upper}_H */",
    ]
    return "\n".join(lines) + "\n"


def _facts(model: Model) -> list[str]:
    """What the file says of itself, a line a fact; long and nested values stay in the file."""
    shown = {key: value for key, value in model.meta.items() if key != "layer_names"}
    texts = {key: json.dumps(value, ensure_ascii=True) for key, value in shown.items()}
    return [_plain(f"{key}: {text}") for key, text in texts.items() if len(text) <= 72]


def _usage(model: Model, name: str) -> list[str]:
    upper = name.upper()
    predict = [
        "    mb_predict(model, sample, 1, &label, NULL);",
    ]
    if model.front_end is not None:
        predict = [
            "    mb_push(model, frame, 1, &ready); // every frame of the sensor",
            "    if (ready) {",
            "        mb_predict(model, mb_window_sample(model), 1, &label, NULL);",
            "    }",
        ]
    return [
        f"    static uint64_t arena[{upper}_ARENA_BYTES / 8];",
        "    mb_options options = MB_OPTIONS_INFER;",
        "    mb_model *model;",
        "    int32_t label;",
        "",
        f"    mb_open(&model, arena, sizeof arena, {name}_model, sizeof {name}_model, &options);",
        *predict,
    ]


def _arena_lines(upper: str, arenas: ArenaBytes) -> list[str]:
    lines = [
        "/* Size of the arena, to the byte and a multiple of 8: what `metabit plan` says. */",
        f"#define {upper}_ARENA_BYTES {arenas.predict}u /* to predict */",
        f"/* With MB_OPTIONS_LEARN {_plain(arenas.reason)}. */",
        f"#define {upper}_ARENA_BYTES_LEARN {arenas.learn}u",
    ]
    if arenas.learn_contexts is not None:
        lines.append(
            f"#define {upper}_ARENA_BYTES_LEARN_CONTEXTS {arenas.learn_contexts}u "
            "/* the same, in up to MB_MAX_CONTEXTS contexts */"
        )
    if arenas.learn_head is not None:
        lines.append(
            f"#define {upper}_ARENA_BYTES_LEARN_HEAD {arenas.learn_head}u /* learn_layers = 1 */"
        )
    if arenas.learn_all is not None:
        lines.append(
            f"#define {upper}_ARENA_BYTES_LEARN_ALL {arenas.learn_all}u "
            "/* learn_layers = MB_ALL_LAYERS */"
        )
    heads = {
        "COUNTING": (arenas.learn_counting, "MB_HEAD_COUNTING"),
        "TRACKING": (arenas.learn_tracking, "MB_HEAD_TRACKING"),
        "COUNTING_SMALL": (arenas.learn_counting_small, "MB_HEAD_COUNTING_SMALL"),
    }
    lines += [
        f"#define {upper}_ARENA_BYTES_LEARN_{name} {n_bytes}u /* head = {kind} */"
        for name, (n_bytes, kind) in heads.items()
        if n_bytes is not None
    ]
    return lines


def _head_lines(model: Model, upper: str) -> list[str]:
    if model.head is None:
        return []
    return [
        f"#define {upper}_N_CLASSES {model.head.n_classes}u /* with head = 1, spare ones too */"
    ]


def _front_end_lines(model: Model, upper: str) -> list[str]:
    """What mb_push() takes, where the model has a front end."""
    if model.front_end is None:
        return []
    does = model.front_end.does
    names = _plain(", ".join(model.channel_names))
    return [
        f"#define {upper}_N_CHANNELS {does.n_channels}u /* int16 values per frame of mb_push()"
        f"{': ' + names if 0 < len(names) <= 40 else ''} */",
        f"#define {upper}_WINDOW_FRAMES {does.length}u /* frames per window */",
        f"#define {upper}_HOP_FRAMES {does.hop}u /* from window to window */",
        f"#define {upper}_N_WINDOWS {does.stack}u /* windows per sample */",
    ]


def _extras(model: Model, name: str, upper: str) -> list[str]:
    lines = []
    if model.class_names:
        lines += [
            "",
            "/* Names of the classes, by label. */",
            f"extern const char *const {name}_classes[{len(model.class_names)}];",
        ]
    if _n_golden(model):
        lines += [
            "",
            f"/* Run the samples that travel in the model, {_n_golden(model)} of them, and compare "
            "every score:",
            f" * MB_OK or MB_ERR_MISMATCH. Needs {upper}_ARENA_BYTES, and leaves no model open. */",
            f"int {name}_self_test(void *arena, size_t arena_bytes);",
        ]
    return lines


# ---- the source --------------------------------------------------------------------------------


def _source(model: Model, blob: bytes, name: str) -> str:
    upper = name.upper()
    lines = [
        f"/* {name}.c: see {name}.h. */",
        f'#include "{name}.h"',
        "",
        f"#if !defined(MB_ARENA_LAYOUT) || MB_ARENA_LAYOUT != {ARENA_LAYOUT}",
        '#error "the core lays its arena out in another way than this model\'s plan: export again"',
        "#endif",
        "",
        "#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L",
        f"#define {upper}_ALIGNED _Alignas(MB_ALIGNMENT)",
        "#elif defined(__GNUC__)",
        f"#define {upper}_ALIGNED __attribute__((aligned(MB_ALIGNMENT)))",
        "#else",
        f'#error "say here how {name}_model is made to start at a multiple of MB_ALIGNMENT bytes"',
        "#endif",
        "",
        f"{upper}_ALIGNED const uint8_t {name}_model[{upper}_MODEL_BYTES] = {{",
        *_byte_lines(blob),
        "};",
        "",
        "/* Refuses to compile when an arena of the planned size would not do. */",
        f"typedef char {name}_arena_is_aligned[{upper}_ARENA_BYTES % MB_ALIGNMENT == 0 ? 1 : -1];",
    ]
    names = model.class_names
    if names:
        listed = [f"    {_c_string(text)}," for text in names]
        lines += ["", f"const char *const {name}_classes[{len(names)}] = {{", *listed, "};"]
    if _n_golden(model):
        lines += [
            "",
            f"int {name}_self_test(void *arena, size_t arena_bytes) {{",
            f"    return mb_self_test(arena, arena_bytes, {name}_model, {upper}_MODEL_BYTES);",
            "}",
        ]
    return "\n".join(lines) + "\n"


def _byte_lines(blob: bytes) -> list[str]:
    starts = range(0, len(blob), _BYTES_A_LINE)
    return ["    " + ",".join(map(str, blob[at : at + _BYTES_A_LINE])) + "," for at in starts]


# ---- what the model says of itself -------------------------------------------------------------


def _n_golden(model: Model) -> int:
    return 0 if model.golden is None else len(model.golden.inputs)


def _c_string(text: str) -> str:
    """A string literal; octal escapes, because hexadecimal ones have no end, and no trigraphs."""
    plain = [
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
        for byte in text.encode(errors="replace")
    ]
    return f'"{"".join(plain)}"'


def _plain(text: str) -> str:
    """Text that can stand in a comment, whatever it was."""
    safe = "".join(char if 32 <= ord(char) < 127 and char not in "\\?" else "_" for char in text)
    return safe.replace("*/", "*_").replace("/*", "_*")


def check_place(folder: Path, name: str, origin: str) -> None:
    """Refuse to write the files of a model over files that are not its own.

    Args:
        folder: where they go.
        name: what the files are called.
        origin: what the model was made of.

    Raises:
        InputError: the files there are of another model, whose name is the same in C, or none that
            metabit wrote (E-C-NAME); or it is the model itself (E-TARGET).
    """
    first = {".h": _FIRST.format(name=name), ".c": f"/* {name}.c: see {name}.h. */"}
    for suffix, ours in first.items():
        there = folder / f"{name}{suffix}"
        if not there.is_file():
            continue
        check_target(there)
        with there.open("rb") as file:
            line = file.readline(1000).decode(errors="replace").rstrip("\r\n")
        if not line.startswith(ours):
            raise InputError(
                f"{there} is there, and metabit did not write it; choose another folder, or "
                f"another name for {origin}",
                code="E-C-NAME",
            )
        if suffix == ".h" and line != f"{ours}{_plain(origin)}.":
            other = line.removeprefix(ours).removesuffix(".")
            raise InputError(
                f"{there} is of {other}, which has the same name in C as {origin}; give one of "
                "them another name, or choose another folder",
                code="E-C-NAME",
            )


def file_stem(source: Path) -> str:
    """The identifier for a model out of the file or run folder it comes from."""
    return identifier(source.resolve().stem if source.is_file() else source.resolve().name)
