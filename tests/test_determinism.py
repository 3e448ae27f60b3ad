"""The same input gives the same bytes, whatever the hash seed."""

import hashlib
import os
import subprocess
import sys

import pytest

COMMANDS = [
    "draw rnn -o -",
    "draw rnn --steps 3 --flow both --values -o -",
    "derive rnn --format latex",
    "run rnn",
    "run rnn --show-code",
    "run rnn -o -",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_output_does_not_depend_on_the_hash_seed(command):
    digests = set()
    for seed in ("0", "1", "12345"):
        done = subprocess.run(
            [sys.executable, "-m", "unroll.cli", *command.split()],
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        assert done.stdout
        digests.add(hashlib.sha256(done.stdout).hexdigest())
    assert len(digests) == 1


@pytest.mark.parametrize("suffix", ["svg", "pdf", "png", "eps", "dot"])
def test_files_are_the_same_twice(suffix, tmp_path):
    contents = set()
    for seed in ("0", "7"):
        path = tmp_path / f"a{seed}.{suffix}"
        subprocess.run(
            [sys.executable, "-m", "unroll.cli", "draw", "rnn", "-o", str(path)],
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        contents.add(path.read_bytes())
    assert len(contents) == 1
