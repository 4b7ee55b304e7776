"""The house itself: imports, versions, packaging and the rules of the rooms."""

import ast
import subprocess
import sys
import tomllib

import pytest
import yaml

TORCH_FREE = ("runs", "scores", "stats", "plots", "figures", "report", "datasets")
GIVEN = (
    "torch",
    "transformers",
    "datasets",
    "scipy",
    "matplotlib",
    "seaborn",
    "pycocotools",
    "jupyter",
)


def sources(root, *folders):
    return [file for folder in folders for file in sorted((root / folder).rglob("*.py"))]


def imported(file, top_level_only=False):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def run_python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("room", TORCH_FREE)
def test_torch_is_not_imported_by_importing_a_room(room):
    code = (
        "import importlib, pkgutil, sys\n"
        f"package = importlib.import_module('analysis.{room}')\n"
        "for m in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "    importlib.import_module(m.name)\n"
        "assert 'torch' not in sys.modules, 'torch was imported'\n"
    )
    done = run_python(code)
    assert done.returncode == 0, done.stderr


def test_chair_eval_stands_alone(root):
    for file in sources(root, "chair_eval"):
        for name in imported(file):
            assert name.split(".")[0] not in {"analysis", "torch", "transformers"}, file


def test_importing_the_package_loads_nothing_heavy():
    heavy = "{'torch', 'transformers', 'matplotlib', 'pandas', 'numpy'}"
    done = run_python(f"import sys, analysis; print(sorted({heavy} & set(sys.modules)))")
    assert done.stdout.strip() == "[]"


def test_matplotlib_only_from_plots_on(root):
    for file in sources(root, "analysis/stats", "analysis/scores", "analysis/extract"):
        assert not any(name.startswith(("matplotlib", "seaborn")) for name in imported(file)), file


def test_no_relative_imports_and_no_asserts_on_input(root):
    for file in sources(root, "analysis", "chair_eval"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            assert not (isinstance(node, ast.ImportFrom) and node.level), file
            assert not isinstance(node, ast.Assert), f"{file}:{node.lineno}"


def test_every_file_says_what_it_is_for_and_stays_readable(root):
    for file in sources(root, "analysis", "chair_eval"):
        text = file.read_text(encoding="utf-8")
        assert ast.get_docstring(ast.parse(text)), file
        assert text.count("\n") <= 300, file


def body_length(node):
    """Lines of a function below its signature, the docstring left out."""
    documented = ast.get_docstring(node) is not None
    body = node.body[1:] if documented else node.body
    return node.end_lineno - body[0].lineno + 1 if body else 0


def test_no_function_is_longer_than_sixty_lines(root):
    for file in sources(root, "analysis", "chair_eval"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = body_length(node)
                assert length <= 60, f"{file}:{node.lineno} {node.name} has {length} lines"


def constraints(root):
    lines = (root / "constraints.txt").read_text().splitlines()
    pins = [line.split("==") for line in lines if "==" in line and not line.startswith("#")]
    return {name.lower().replace("_", "-"): version for name, version in pins}


def test_environment_is_in_step_with_the_constraints(root):
    pins = constraints(root)
    conda = yaml.safe_load((root / "environment.yml").read_text())
    pip = next(entry["pip"] for entry in conda["dependencies"] if isinstance(entry, dict))
    listed = dict(line.split("==") for line in pip if "==" in line)
    assert set(listed) == set(GIVEN)
    assert all(pins[name] == version for name, version in listed.items())
    assert "-c constraints.txt" in pip
    assert "-e .[dev]" in pip


def test_every_dependency_is_pinned(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = list(project["dependencies"])
    for name in ("extract", "wordnet", "notebooks", "dev"):
        wanted += extras[name]
    pins = constraints(root)
    for line in wanted:
        name = line.split("[")[0].split(">")[0].split("=")[0].split("<")[0].strip().lower()
        if name != "agilepruner-analysis":
            assert name in pins, name
    assert not any("torch" in line for line in project["dependencies"])


def test_no_machine_path_and_no_open_end_is_committed(root):
    tracked = subprocess.run(
        ["git", "ls-files", "*.py", "*.md", "*.toml", "*.yml", "Makefile"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    bad = ["/ro" + "ot/", "/ho" + "me/", "TO" + "DO", "FIX" + "ME"]
    for name in tracked:
        text = (root / name).read_text(encoding="utf-8")
        assert not [word for word in bad if word in text], name


def test_make_help_lists_every_documented_target(root):
    done = subprocess.run(["make", "help"], cwd=root, capture_output=True, text=True, check=False)
    for target in ("figures", "test", "check", "pocket", "bench-gpu", "notebooks"):
        assert f"  {target} " in done.stdout
