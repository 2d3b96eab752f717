"""The architecture as a failing check: sizes, import rules, and that these rules really bite."""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_FOLDERS = ("histsvc", "tests", "integration-tests", "benchmarks", "chaos", "fuzz")
_MAX_FILE_LINES = 250
_MAX_FUNCTION_LINES = 40
_HEAVY = ("numba", "matplotlib", "h5py")

# Two wrong imports that together break every contract: the file, its new line, and how the report names it.
_PLANTED = [
    ("histsvc/jobs/plan.py", "import confluent_kafka\n", "histsvc.jobs.plan -> confluent_kafka"),
    ("histsvc/kernels/__init__.py", "from histsvc.cli import main\n", "histsvc.kernels -> histsvc.cli"),
]


def test_no_file_is_too_long() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in _python_files()}
    assert lengths
    assert not [f"{path}: {lines} lines" for path, lines in lengths.items() if lines > _MAX_FILE_LINES]


def test_no_function_is_too_long() -> None:
    assert not [
        f"{path}:{function.lineno} {function.name}: {lines} lines"
        for path in _python_files()
        for function in _functions(path)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > _MAX_FUNCTION_LINES
    ]


def test_imports_keep_the_rules() -> None:
    result = _lint_imports(_ROOT)
    assert result.returncode == 0, result.stdout


def test_wrong_imports_are_caught(tmp_path: Path) -> None:
    shutil.copy(_ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(_ROOT / "histsvc", tmp_path / "histsvc", ignore=shutil.ignore_patterns("__pycache__"))
    for name, line, _ in _PLANTED:
        module = tmp_path / name
        text = module.read_text() if module.exists() else ""
        module.write_text(text + line)
    result = _lint_imports(tmp_path)
    assert result.returncode == 1, result.stdout + result.stderr
    expected = [f"{contract} BROKEN" for contract in _contracts()] + [named for _, _, named in _PLANTED]
    assert not [text for text in expected if text not in result.stdout], result.stdout


@pytest.mark.parametrize(
    "command", [["-c", "import histsvc"], ["-m", "histsvc", "--help"]], ids=["import", "help"]
)
def test_heavy_libraries_are_loaded_only_where_needed(command: list[str]) -> None:
    # Python itself reports each module that it loads: "import time: self | cumulative | name".
    result = _run([sys.executable, "-X", "importtime", *command], _ROOT)
    lines = result.stderr.splitlines()
    said = [line for line in lines if not line.startswith("import time:")]
    assert result.returncode == 0, said
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    assert "histsvc" in loaded
    assert loaded.isdisjoint(_HEAVY)


def _python_files() -> Iterator[Path]:
    for folder in _FOLDERS:
        yield from sorted((_ROOT / folder).rglob("*.py"))


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _contracts() -> list[str]:
    pyproject = tomllib.loads((_ROOT / "pyproject.toml").read_text())
    return [contract["name"] for contract in pyproject["tool"]["importlinter"]["contracts"]]


def _lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    return _run([str(Path(sys.executable).with_name("lint-imports")), "--no-cache"], tree)


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    # A wide terminal, so that no name is broken over two lines.
    wide = {**os.environ, "COLUMNS": "500"}
    return subprocess.run(command, cwd=folder, env=wide, capture_output=True, text=True, timeout=60)
