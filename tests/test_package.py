"""What is shipped: the wheel and the source archive hold all that the program reads."""

import tarfile
import zipfile
from pathlib import Path

import pytest

from unroll import __version__, gallery, templates

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    from hatchling.builders.sdist import SdistBuilder
    from hatchling.builders.wheel import WheelBuilder

    folder = tmp_path_factory.mktemp("dist")
    wheel = next(WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"]))
    source = next(SdistBuilder(str(ROOT)).build(directory=str(folder)))
    return zipfile.ZipFile(wheel), tarfile.open(source)


def test_the_wheel_has_the_templates_the_grammar_and_the_gallery(built):
    names = set(built[0].namelist())
    for name in templates.names():
        assert f"unroll/_templates/{name}.toml" in names
    assert {"unroll/language/grammar.lark", "unroll/_gallery/figures.toml"} <= names
    assert "unroll/py.typed" in names
    assert not any(n.startswith(("tests/", "gallery/", "templates/")) for n in names)


def test_the_source_archive_has_them_too(built):
    base = f"unroll_graph-{__version__}"
    names = set(built[1].getnames())
    assert {f"{base}/templates/{name}.toml" for name in templates.names()} <= names
    assert {f"{base}/gallery/figures.toml", f"{base}/README.md", f"{base}/LICENSE"} <= names


def test_the_files_of_the_repository_serve_an_editable_install():
    assert templates.folder().is_dir()
    assert gallery.entries()
