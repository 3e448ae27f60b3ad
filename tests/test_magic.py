"""`%%unroll` in a real shell of IPython: figures, the stepper, and errors below the cell."""

import pytest

from unroll.figure import Figure
from unroll.stepper.page import Page

interactive = pytest.importorskip("IPython.core.interactiveshell", reason="no IPython")
TEXT = "h_t = tanh(W h_{t-1} + U x_t)\nL_t = ‖h_t - y_t‖^2"


@pytest.fixture
def shell():
    made = interactive.InteractiveShell()
    made.run_line_magic("load_ext", "unroll")
    return made


def test_a_cell_shows_its_figure(shell):
    figure = shell.run_cell_magic("unroll", "--steps 3 --flow both --theme dark", TEXT)
    assert isinstance(figure, Figure)
    assert figure.theme == "dark"
    svg = figure.svg()
    assert 'data-name="h" data-index="3"' in svg
    assert 'data-flow="backward"' in svg


def test_a_line_takes_a_template(shell):
    figure = shell.run_line_magic("unroll", "lstm --steps 2 --values")
    assert 'data-value="' in figure.svg()


def test_a_name_for_the_recurrence(shell):
    shell.run_cell_magic("unroll", "-n rnn", TEXT)
    assert shell.user_ns["rnn"].defined == ("h", "L")


def test_a_cell_steps(shell):
    page = shell.run_cell_magic("unroll", "--step --steps 2 --dims x=2,h=3 --language zh", TEXT)
    assert isinstance(page, Page)
    assert page.state["steps"] == 2
    assert page.state["language"] == "zh"
    assert page.trace["h"].shape == (2, 3)


def test_cells_run_as_notebooks_run_them(shell, capsys):
    done = shell.run_cell(f"%%unroll --steps 2\n{TEXT}")
    assert done.success
    assert isinstance(done.result, Figure)


@pytest.mark.parametrize(
    ("line", "cell", "says"),
    [
        ("", "h_t = tanh(W h_{t-1} + ) U x_t)", ["cell, line 1, column", "^"]),
        ("", "a = 1\nh_t = tanh(W h_{t-1}", ["line 2", "^"]),
        ("--stepz 3", TEXT, ["No such option", "--steps"]),
        ("--steps many", TEXT, ["--steps"]),
        ("--step --flow both", TEXT, ["the stepper has no option --flow"]),
        ("--theme 'dark", TEXT, ["cannot be read"]),
        ("-n 3x", TEXT, ["no name of a variable"]),
        ("--values", "s_t = f(s_{t-1}, x_t)", ["f"]),
    ],
)
def test_what_is_wrong_is_said_below_the_cell(shell, capsys, line, cell, says):
    assert shell.run_cell_magic("unroll", line, cell) is None
    said = capsys.readouterr().err
    assert said.startswith("unroll: ")
    assert "Traceback" not in said
    for text in says:
        assert text in said


def test_a_cell_is_never_a_file(shell, tmp_path, capsys):
    path = tmp_path / "secret.txt"
    path.write_text("h[t] = x[t]")
    assert shell.run_cell_magic("unroll", "", str(path)) is None
    assert "unroll: " in capsys.readouterr().err


def test_help(shell, capsys):
    assert shell.run_line_magic("unroll", "--help") is None
    assert "--steps" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "finds"),
    [
        ("%%unroll --fl", "--flow"),
        ("%unroll ls", "lstm-book"),
        ("%%unroll --flow ba", "backward"),
        ("%%unroll --notation kar", "karpathy"),
    ],
)
def test_tab_completes(shell, line, finds):
    from IPython.core.completer import provisionalcompleter

    with provisionalcompleter():
        found = [c.text for c in shell.Completer.completions(line, len(line))]
    assert finds in found


def test_importing_the_package_does_not_import_ipython():
    import subprocess
    import sys

    code = "import unroll, sys; print([m for m in ('IPython', 'anywidget') if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
