"""The house, held: who may import whom, who alone may do what, and how large things may grow."""

from __future__ import annotations

import ast
import io
import json
import re
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "reconciler"
LAYERS = {
    "core": {"core"},
    "engine": {"core", "engine"},
    "store": {"core", "store"},
    "imaging": {"core", "imaging"},
    "providers": {"core", "imaging", "providers"},
    "derive": {"core", "imaging", "derive"},
    "team": {"core", "store", "team"},
    "report": {"core", "engine", "providers", "report"},
    "project": {"core", "engine", "store", "imaging", "providers", "derive", "team", "report", "project"},
    "cli": {"core", "engine", "store", "providers", "report", "project", "cli"},
    "testing": {"core", "engine", "store", "providers", "report", "project", "cli", "testing"},
}
DEPENDENCIES: dict[str, str | tuple[str, ...]] = {
    "click": "cli/",
    "rich": "cli/",
    "httpx": ("providers/http/client.py", "team/web_bucket.py"),
    "httpcore": "providers/http/client.py",
    "pybase64": "providers/",
    "c2pa": "imaging/credential_worker.py",
    "cryptography": ("imaging/credential_signer.py", "team/receipt_keys.py"),
    "obstore": "team/object_bucket.py",
    "ray": "providers/ray_pool/ray_cluster.py",
    "PIL": ("imaging/", "providers/", "derive/"),
    "watchfiles": "project/watch.py",
    "yaml": "store/yaml/",
    "jsonschema": "store/schemas/explain.py",
    "jsonschema_rs": "store/schemas/",
    "referencing": "store/schemas/",
}
"""The packages of others that a command may load, and the only folders or module that import each."""
REPORT_READS = (
    "core/",
    "report/",
    "engine/report.py",
    "providers/models/",
    "providers/http/origins.py",
    "providers/keys.py",
    "providers/secret.py",
)
"""The modules that reports may import: values of the core, of a run, of the model table and of key settings."""
MODULE_LINES = 400
FUNCTION_LINES = 60
CLASS_LINES = 250
CLASS_METHODS = 15
FOLDER_SHARE = 1 / 5
LONG_MODULES: dict[str, str] = {}
"""Modules over the budget, and why each cannot be cut."""
LONG_FUNCTIONS: dict[str, str] = {}
"""Functions over the budget, and why each cannot be cut."""
LONG_CLASSES = {
    "store/objects/content_store.py:ContentStore": "the layout of the store on the disk, behind small ports",
    "testing/contract.py:ProviderContract": "one method for each rule, which pytest collects",
    "testing/contract.py:RemoteProviderContract": "one method for each rule, which pytest collects",
}
"""Classes over the budget, and why each cannot be cut."""
SHARED_NAMES = {
    "serve": "the loop of a confined process, which `imaging.child_process.program` calls",
    "command": "the click command of each module in cli/commands/, by which cli/main.py loads it",
    "gc_command": "the click command `gc` of each group that has one",
    "build": "the function that each provider's module declares in its Dialect",
    "TYPE_CHECKING": "False at run time, without the import of typing",
}
"""Public names that several modules define, and why they stand for one thing."""
ADAPTERS = {
    "ContentStore", "ContentSources", "StoreSource", "GitRepository", "GitLfs", "GitHistory", "OutputTree",
    "TreeObserver", "Journal", "LockOnDisk", "Index", "Spending", "LockfileSaver", "LocalReferences", "Http",
    "ReviewServer", "ReviewInProgress", "PreviewCache", "RevisionFiles", "Run", "Draft",
    "StoredProvider", "CandidateProvider", "PaidRun", "ReviewSession",
    "PillowDeriver", "CredentialReader", "CredentialSigner",
    "DirectoryBucket", "ObjectBucket", "WebBucket", "ReceiptReader", "ReceiptSigner",
}  # fmt: skip
"""Classes that hold a file, a connection, a budget or a run: constructed by project/ for everybody else."""
INSIDE = {
    "Index": "store/index/index.py",
    "Http": "providers/connect.py",
    "Draft": "providers/draft/declaration.py",
    "ObjectBucket": "team/object_bucket.py",
    "ReceiptSigner": "team/receipt_keys.py",
}
"""Adapters with a factory below project/: an index for a reader of single files, and what the providers declare."""
PROCESS = {"environ", "environb", "getenv", "stdin", "stdout", "stderr", "argv"}
"""The attributes of os and sys that belong to the process of the command line."""
PROCESS_USERS = {
    "store/objects/content_store.py": "the folder of a rescue file is TMPDIR, at the moment when the disk refuses",
    "project/api.py": "a program that uses the API is the process, and may pass another environment",
    "store/worktree/git.py": "git gets the environment of the process",
    "imaging/child_process.py": "a decoder gets the paths of the loader, and no key",
    "providers/ray_pool/process.py": "the process that runs Ray takes keys out of its environment",
    "store/state/lock.py": "the lock names the command that holds it",
}
"""Modules below cli/ that read them, and why."""
FORBIDDEN_IN_CORE = {
    "os", "io", "sys", "time", "random", "secrets", "uuid", "asyncio", "threading", "subprocess", "socket", "shutil",
    "tempfile", "logging", "fcntl", "httpx", "yaml", "jsonschema", "PIL", "rich", "click", "locale", "urllib", "http",
}  # fmt: skip
COMPILES = ("core/value.py", "exec")
"""Where `__init__` of a value is compiled, as a dataclass's is."""
MODULES = sorted(str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py"))
KNOWN = frozenset(MODULES)
COMMAND = [module for module in MODULES if not module.startswith("testing/")]
"""The modules that a command may load. `testing` is a server and a test suite: it listens, and writes for tests."""


@cache
def source(module: str) -> str:
    return (PACKAGE / module).read_text("utf-8")


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(source(module))


@cache
def nodes(module: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree(module)))


@cache
def imported(module: str) -> frozenset[str]:
    """The dotted names that a module imports anywhere in it; of `from a import b`, `a` and `a.b`."""
    names: set[str] = set()
    for node in nodes(module):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: a relative import"
            names.add(node.module or "")
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(names)


@cache
def tops(module: str) -> set[str]:
    return {name.partition(".")[0] for name in imported(module)}


def layer(module: str) -> str:
    return module.partition("/")[0]


@cache
def ours(module: str) -> set[str]:
    """The modules of the package that a module imports."""
    paths = (name.removeprefix("reconciler.").replace(".", "/") + ".py" for name in imported(module))
    return {path for path in paths if path in KNOWN}


@cache
def attributes(module: str) -> frozenset[str]:
    """The attributes of names that a module mentions, as `os.replace`."""
    found = (node for node in nodes(module) if isinstance(node, ast.Attribute))
    return frozenset(f"{node.value.id}.{node.attr}" for node in found if isinstance(node.value, ast.Name))


def uses(module: str, *calls: str) -> list[str]:
    """Which of these (`os.replace`) a module names, as an attribute or by importing them."""
    return [call for call in calls if call in attributes(module) or call in imported(module)]


def users(*calls: str) -> set[str]:
    return {module for module in COMMAND if uses(module, *calls)}


def test_the_house_is_seen() -> None:
    """Every other test here passes on an empty list."""
    assert len(MODULES) > 50
    assert {layer(module) for module in MODULES} >= set(LAYERS)
    assert "store/disk.py" in ours("store/objects/content_store.py")


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_imports_only_what_lies_below(name: str) -> None:
    wrong = {
        f"{module} imports {other}"
        for module in MODULES
        if layer(module) == name
        for other in ours(module)
        if "/" in other and layer(other) not in LAYERS[name]
    }
    assert not wrong


def test_pytest_is_needed_by_the_plug_in_alone() -> None:
    assert {module for module in MODULES if "pytest" in tops(module)} == {"testing/plugin.py"}


def test_no_import_goes_round() -> None:
    """Also none inside a function or under TYPE_CHECKING: what needs that is cut in the wrong place."""
    finished: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " → ".join((*trail[trail.index(module) :], module))
        if module not in finished:
            for other in ours(module):
                visit(other, (*trail, module))
            finished.add(module)

    for module in MODULES:
        visit(module, ())


def test_each_dangerous_thing_has_one_user() -> None:
    disk = {"store/disk.py"}
    assert users("os.replace", "os.rename", "os.link", "shutil.move") == {*disk, "store/replace.py"}
    assert users("os.fsync", "os.fdatasync") == disk
    assert {module for module in COMMAND if "fcntl" in tops(module)} == disk
    network = {"httpx", "httpcore", "requests", "urllib.request", "http.client", "socket", "ssl"}
    clients = {"providers/http/client.py", "team/web_bucket.py"}
    assert {module for module in COMMAND if imported(module) & network} == clients
    assert users("atexit", "atexit.register", "weakref.finalize") == set(), "a command ends at once: they would not run"


def test_each_dependency_has_one_home() -> None:
    own = {"reconciler", "_typeshed"} | sys.stdlib_module_names
    theirs = {(top, module) for module in COMMAND for top in tops(module) - own}
    assert {top for top, _ in theirs} == set(DEPENDENCIES)
    assert not [(top, module) for top, module in theirs if not module.startswith(DEPENDENCIES[top])]


def test_paths_are_not_renamed_by_their_methods() -> None:
    methods = {"rename", "hardlink_to", "write_bytes", "write_text"}
    wrong = [
        f"{module}:{node.lineno}: .{node.func.attr}()"
        for module in COMMAND
        if module != "store/disk.py"
        for node in nodes(module)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in methods
    ]
    assert not wrong


def test_core_decides_and_does_nothing_else() -> None:
    core = [module for module in MODULES if layer(module) == "core"]
    assert not {module: found for module in core if (found := tops(module) & FORBIDDEN_IN_CORE)}
    calls = {"open", "print", "input", "exec", "eval", "__import__"}
    methods = {"now", "today", "utcnow", "exists", "is_file", "is_dir", "read_text", "read_bytes", "stat", "iterdir"}
    for module in core:
        for node in nodes(module):
            if isinstance(node, ast.Call):
                name = node.func.id if isinstance(node.func, ast.Name) else ""
                method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
                assert name not in calls or (module, name) == COMPILES, f"{module}:{node.lineno}"
                assert method not in methods, f"{module}:{node.lineno}"
            assert not isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith), f"{module}:{node.lineno}"


def test_only_the_middle_and_the_top_move() -> None:
    wrong = {module for module in MODULES if "asyncio" in tops(module) and layer(module) in ("core", "store")}
    assert not wrong


def test_the_module_beside_the_layers_is_for_the_two_that_move() -> None:
    """`aio` stands in no layer: what engine and providers both need of asyncio, and nothing of ours."""
    assert not ours("aio.py")
    users = {layer(module) for module in MODULES if "aio.py" in ours(module)}
    assert users == {"engine", "providers"}
    beside = {module for module in MODULES if "/" not in module}
    assert beside == {"__init__.py", "aio.py"}


def test_values_of_the_core_are_frozen() -> None:
    wrong = []
    for module in (module for module in MODULES if layer(module) == "core"):
        for node in nodes(module):
            if isinstance(node, ast.ClassDef):
                marks = [ast.unparse(one) for one in node.decorator_list if "dataclass" in ast.unparse(one)]
                wrong += [f"{module}: {node.name}" for mark in marks if "frozen=True" not in mark]
    assert not wrong


def named_calls(module: str) -> Iterator[tuple[str, int]]:
    for node in nodes(module):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            yield name, node.lineno


def test_only_project_constructs_adapters() -> None:
    defined = {node.name for module in MODULES for node in tree(module).body if isinstance(node, ast.ClassDef)}
    assert defined >= ADAPTERS
    wrong = [
        f"{module}:{line}: {name}"
        for module in COMMAND
        if layer(module) != "project"
        for name, line in named_calls(module)
        if name in ADAPTERS and INSIDE.get(name) != module
    ]
    assert not wrong


def test_only_the_command_line_imports_click_and_reads_its_process() -> None:
    assert {layer(module) for module in MODULES if "click" in tops(module)} == {"cli"}
    readers = {
        module
        for module in COMMAND
        if layer(module) != "cli" and uses(module, *(f"{owner}.{name}" for owner in ("os", "sys") for name in PROCESS))
    }
    assert readers == set(PROCESS_USERS)


def test_reports_are_pure() -> None:
    for module in (module for module in MODULES if layer(module) == "report"):
        assert not tops(module) & FORBIDDEN_IN_CORE, module
        methods = {"open", "print", "now", "read_text", "read_bytes", "stat", "exists", "is_file", "is_dir", "iterdir"}
        assert not {name for name, _ in named_calls(module)} & methods, module


def test_reports_import_values_only() -> None:
    reports = [module for module in MODULES if layer(module) == "report"]
    read = {(module, other) for module in reports for other in ours(module) if "/" in other}
    assert read
    assert not {(module, other) for module, other in read if not other.startswith(REPORT_READS)}


def test_consumers_of_the_store_know_its_ports_only() -> None:
    name = "reconciler.store.objects.content_store.ContentStore"
    assert {module for module in MODULES if name in imported(module)} == {
        "project/workspace.py",
        "project/incremental_plan.py",
    }


def test_nothing_prints() -> None:
    wrong = [
        f"{module}:{node.lineno}"
        for module in MODULES
        for node in nodes(module)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("print", "breakpoint")
    ]
    assert not wrong


def test_every_module_says_what_it_is_for() -> None:
    assert not [module for module in MODULES if source(module).strip() and not ast.get_docstring(tree(module))]


def test_modules_are_small() -> None:
    long = {module for module in MODULES if source(module).count("\n") > MODULE_LINES}
    assert long == set(LONG_MODULES)


def functions(module: str) -> Iterator[tuple[str, int]]:
    for node in nodes(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{module}:{node.name}", (node.end_lineno or 0) - node.lineno + 1


def test_functions_are_small() -> None:
    long = {name for module in MODULES for name, lines in functions(module) if lines > FUNCTION_LINES}
    assert long == set(LONG_FUNCTIONS)


def test_classes_are_small() -> None:
    long = {
        f"{module}:{node.name}"
        for module in MODULES
        for node in nodes(module)
        if isinstance(node, ast.ClassDef)
        for methods in [[one for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]]
        if len(methods) > CLASS_METHODS or (node.end_lineno or 0) - node.lineno + 1 > CLASS_LINES
    }
    assert long == set(LONG_CLASSES)


def test_no_folder_holds_more_than_a_fifth() -> None:
    lines: Counter[str] = Counter()
    for module in COMMAND:
        lines[module.rpartition("/")[0]] += source(module).count("\n")
    assert not {folder for folder, count in lines.items() if count > lines.total() * FOLDER_SHARE}


def public_names(module: str) -> Iterator[str]:
    """The names that a module defines at its top, without type variables."""
    for node in tree(module).body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names = [name]
            case ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar"))):
                names = []
            case ast.Assign(targets=targets):
                names = [target.id for target in targets if isinstance(target, ast.Name)]
            case ast.AnnAssign(target=ast.Name(id=name)):
                names = [name]
            case _:
                names = []
        yield from (name for name in names if not name.startswith("_"))


def test_no_public_name_stands_for_two_things() -> None:
    modules: dict[str, list[str]] = {}
    for module in MODULES:
        for name in dict.fromkeys(public_names(module)):
            modules.setdefault(name, []).append(module)
    shared = {name: found for name, found in modules.items() if len(found) > 1}
    assert not {name: found for name, found in shared.items() if name not in SHARED_NAMES}
    assert set(SHARED_NAMES) <= set(shared)
    assert all(module.startswith("cli/commands/") for module in shared["command"])


def test_ports_have_at_most_four_methods() -> None:
    homes = ("core/ports.py", "core/jobs.py", "core/team/bucket.py")
    ports = [node for home in homes for node in tree(home).body if isinstance(node, ast.ClassDef)]
    protocols = [node for node in ports if any(ast.unparse(base) == "Protocol" for base in node.bases)]
    assert protocols
    for port in protocols:
        methods = [one for one in port.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
        assert len(methods) <= 4, port.name


EXEMPTION = re.compile(
    r"#\s*(noqa\b(?P<codes>:\s*[A-Z]+[0-9]+(,\s*[A-Z]+[0-9]+)*)?|type:\s*ignore(?P<kinds>\[[a-z, -]+\])?)"
)


def exemptions() -> Iterator[tuple[str, str]]:
    for path in (*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")):
        text = path.read_text("utf-8")
        if "noqa" not in text and "type: ignore" not in text:
            continue
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT and EXEMPTION.search(token.string):
                yield f"{path.relative_to(ROOT)}:{token.start[0]}", token.string


def test_every_exemption_names_its_rule_and_its_reason() -> None:
    wrong = []
    for place, comment in exemptions():
        last = list(EXEMPTION.finditer(comment))[-1]
        reason = comment[last.end() :].strip(" -#:–—")
        if not (last["codes"] or last["kinds"]) or len(reason.split()) < 2:
            wrong.append(f"{place}: {comment}")
    assert not wrong


def test_a_recipe_field_is_one_line_of_the_recipe() -> None:
    """Added to the class alone, a field is read from the layers, compared, explained, shown in a plan and ignorable."""
    script = [sys.executable, "-m", "tests.core.added_field"]
    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["manifests"] == [
        {"prompt": "x", "seed_hint": "a-7"},
        {"prompt": "x", "seed_hint": "b"},
        {"prompt": "x"},
    ]
    weights = {"a": 1, "b": 2}
    assert found["typed"] == {"prompt": "x", "seed_scale": 2, "seed_tiled": True, "seed_weights": weights}
    assert found["keys"] == 3
    (explained,) = found["explain"]
    assert explained["value"] == "b"
    assert [(layer["written"], layer["used"]) for layer in explained["from"]] == [("b", True), ("a-${n}", False)]
    assert found["plan"] == ["seed_hint: a-7 → b"]
    assert found["ignorable"]
    assert found["ignored"]
