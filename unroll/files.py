"""Files: read with one clear message where that fails, written whole or not at all."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from unroll.errors import UnrollError


def read_text(path: Path) -> str:
    """A file's text, UTF-8. Raises UnrollError where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as problem:
        raise UnrollError(f"cannot read {path}: {problem.strerror or problem}") from None
    except UnicodeDecodeError:
        raise UnrollError(f"cannot read {path}: it is not a text file in UTF-8") from None


def read_standard_input() -> str:
    """All of standard input, UTF-8. Raises UnrollError where it is not text."""
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnrollError("cannot read standard input: it is not text in UTF-8") from None


def read_arrays(path: Path) -> dict[str, Any]:
    """The arrays of an .npz file by name. Raises UnrollError where it is none."""
    import zipfile
    import zlib

    import numpy as np

    what = "holds no arrays by name"
    arrays: dict[str, Any] = {}
    try:
        with zipfile.ZipFile(path), np.load(path, allow_pickle=False) as data:
            arrays = {name: data[name] for name in data.files}
    except OSError as problem:
        raise UnrollError(f"cannot read {path}: {problem.strerror or problem}") from None
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as problem:
        if "allow_pickle" in str(problem):
            what = "holds Python objects, which are not read"
    if not arrays:
        raise UnrollError(f"{path} {what}", remedy="Save them with numpy.savez(path, x=x, W=W).")
    return arrays


def write(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file whole or not at all; `-` is standard output.

    The content goes to a temporary file beside it, which then takes its name.
    Raises UnrollError where that cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    if str(path) == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    target = Path(path)
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            mask = os.umask(0)
            os.umask(mask)
            temporary.chmod(0o666 & ~mask)
            os.replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as problem:
        raise UnrollError(f"cannot write {path}: {problem.strerror or problem}") from None
