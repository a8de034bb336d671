"""The pages of documentation as tests see them: fenced blocks, their rules, and a shell that runs what they say.

`python -m tests.pages` rewrites the output in the transcripts of every page, when a message has changed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import yaml
from PIL import Image

from reconciler.testing.comfyui import FakeComfy, a_workflow, running_comfyui
from reconciler.testing.gateway import Gateway, running
from reconciler.testing.job_server import ALL_LOOKS, JobServer
from tests.forked.program import program

ROOT = Path(__file__).parents[1]
PROVIDER_PAGE = ROOT / "docs" / "write-a-provider.md"
"""Its code is a distribution that tests/distributions installs; its commands are run where that is installed."""
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))

KINDS = {
    "console": "commands after `$ `, run in order in the page's folder; each prints exactly what follows it",
    "console ninja": "the same, where ninja is installed",
    "sh": "commands that are run in the page's folder and succeed",
    "sh network": "commands that need a network; only their names and options are checked",
    "sh checkout": "`make` targets of this repository; only their names are checked",
    "text": "directly below a block of `sh`: what that prints; elsewhere: a diagram",
    "yaml": "with a path in its first line, as in `# specs/hero.yaml`: a file; else a reconciler.yaml of its own",
    "diff": "edits the file whose path is in its first line; `@@` stands between two places",
    "make": "a file; its path is in its first line",
    "ninja": "a file; its path is in its first line",
    "json package.json": "a file; the commands of ours in its scripts are run",
    "json assets.lock": "a lockfile, byte for byte as the tool would write it",
    "gitattributes": "the lines that `init` writes",
    "python file": "a file; its path is in its first line",
    "python": "code of a distribution that tests/distributions installs and tests",
    "toml": "the same",
    "js vite": "a vite.config.js; tests/browser builds a page with it",
    "html vite": "the index.html of that page",
    "js pixi": "a module that draws an atlas; tests/browser compares what it draws",
}
"""Every kind of block, by its info string, and the rule that holds it."""

_PART = re.compile(
    r"^```([^\n]*)\n(.*?)^```$|^<!-- (gateway|picture|comfyui|jobs)(?:: (.*?))? -->$", re.MULTILINE | re.DOTALL
)
_PATH = re.compile(r"# ((?:\.?\w[\w.-]*/)*(?:\.?\w[\w-]*\.\w+|Makefile))(?::.*)?\n")
_STEP = re.compile(r"^\$ (.*)\n", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block, or a directive in a comment (`kind` is then `gateway`, `picture`, `comfyui` or `jobs`)."""

    kind: str
    text: str
    start: int
    """Where its text begins in the page."""
    below_shell: bool = False

    @property
    def path(self) -> str:
        """The file that the block is, or nothing."""
        if self.kind == "json package.json":
            return "package.json"
        found = _PATH.match(self.text)
        return found[1] if found and self.kind in ("yaml", "diff", "make", "ninja", "python file") else ""


def parts(text: str) -> list[Block]:
    """The blocks and directives of a page, in order."""
    found: list[Block] = []
    end = -1
    for match in _PART.finditer(text):
        if match[3]:
            found.append(Block(match[3], match[4] or "", match.start()))
            continue
        below = match[1] == "text" and bool(found) and found[-1].kind == "sh" and not text[end : match.start()].strip()
        found.append(Block(match[1], match[2], match.start(2), below))
        end = match.end()
    return found


def steps(block: Block) -> list[tuple[str, str, int]]:
    """Commands, what each prints, and where that stands in the page."""
    found = list(_STEP.finditer(block.text))
    assert found and not found[0].start(), f"a transcript begins with a command:\n{block.text}"
    ends = [*(match.start() for match in found[1:]), len(block.text)]
    return [
        (match[1], block.text[match.end() : end], block.start + match.end())
        for match, end in zip(found, ends, strict=True)
    ]


def in_order(printed: str) -> str:
    """Without the order in which requests that run at once happen to end: `[1/2] made …` by name."""

    def by_name(run: re.Match[str]) -> str:
        total = run[0].partition("/")[2].partition("]")[0]
        lines = sorted(line.partition("] ")[2] for line in run[0].splitlines())
        return "".join(f"[{number}/{total}] {line}\n" for number, line in enumerate(lines, 1))

    return re.sub(r"(?:^\[\d+/\d+\] (?:made|restored|moved) .*\n)+", by_name, printed, flags=re.MULTILINE)


def matches(shown: str, printed: str) -> bool:
    """Whether a page may show this: `…` stands for any text within a line."""
    pattern = re.escape(in_order(shown)).replace("…", "[^\n]*")
    return re.fullmatch(pattern, in_order(printed)) is not None


def edited(old: str, change: str) -> str:
    """A file with a block of `diff` applied: each place is found by its lines, and must be there once."""
    for place in re.split(r"^@@\n", change, flags=re.MULTILINE):
        lines = place.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if line[0] in " -")
        after = "".join(line[1:] for line in lines if line[0] in " +")
        assert old.count(before) == 1, f"not once in the file:\n{before}"
        old = old.replace(before, after)
    return old


@dataclass(frozen=True)
class Printed:
    """What a command printed, and what the page says of it."""

    command: str
    shown: str
    printed: str
    start: int
    code: int

    @property
    def right(self) -> bool:
        return matches(self.shown, self.printed)


class Shell:
    """One bash for a page, in a folder of its own; stdout and stderr as a terminal mixes them."""

    def __init__(self, root: Path, environ: dict[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=root,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: str) -> tuple[str, int]:
        """What a command prints, and its exit code, which `$?` is in the next command."""
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        end = "\x1e"
        quoted = "'" + command.replace("'", "'\\''") + "'"
        self._bash.stdin.write(
            f"(exit ${{__code:-0}}); eval {quoted} </dev/null; __code=$?; printf '{end}%d{end}\\n' $__code\n"
        )
        self._bash.stdin.flush()
        text = ""
        while end not in text:
            line = self._bash.stdout.readline()
            assert line, f"the shell ended in: {command}\n{text}"
            text += line
        printed, code, _ = text.split(end)
        return printed, int(code)

    def close(self) -> None:
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.close()
        self._bash.wait()
        self._bash.stdout.close()


def environment(home: Path, programs: Path) -> dict[str, str]:
    """What a reader's shell has: our command, which is in the folder `programs`, Python, git's identity, no key."""
    people = {
        f"GIT_{role}_{part}": f"reader@{role}".lower() for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")
    }
    path = f"{programs}:{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    return {"PATH": path, "HOME": os.fspath(home), "LC_ALL": "C.UTF-8", "GIT_CONFIG_NOSYSTEM": "1", **people}


class Reader:
    """Follows a page from its first block to its last, in an empty folder."""

    def __init__(self, root: Path, *, ninja: bool, programs: Path | None = None) -> None:
        self._root = root
        self._programs = programs or program().parent
        self._ninja = ninja
        self._stack = ExitStack()
        self._shell: Shell | None = None
        self._gateway: Gateway | None = None
        self._comfy: FakeComfy | None = None
        self._job_server: JobServer | None = None

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def shell(self) -> Shell:
        if self._shell is None:
            folder = self._root / "page"
            folder.mkdir()
            self._shell = Shell(folder, environment(self._root, self._programs))
            self._stack.callback(self._shell.close)
        return self._shell

    @property
    def folder(self) -> Path:
        """The working directory of the shell."""
        return Path(self.shell.run("pwd")[0].strip())

    def follow(self, blocks: list[Block]) -> Iterator[Printed]:
        """Do what each block says."""
        for block, after in zip_longest(blocks, blocks[1:]):
            if block.kind == "console" or (block.kind == "console ninja" and self._ninja):
                for command, shown, start in steps(block):
                    printed, code = self.shell.run(command)
                    yield Printed(command, shown, printed, start, code)
            elif block.kind == "sh":
                yield self._commands(block, after)
            elif block.kind == "gateway":
                self._stand_in(block.text)
            elif block.kind == "comfyui":
                self._comfyui()
            elif block.kind == "jobs":
                self._jobs(block.text)
            elif block.kind == "picture":
                path, size = block.text.split()
                self._picture(self.folder / path, size)
            elif block.path:
                yield from self._file(self.folder, block)

    def _commands(self, block: Block, after: Block | None) -> Printed:
        """A block that is pasted as it is: every command in it succeeds."""
        failed = "trap 'echo \"failed: $BASH_COMMAND\"' ERR\n"
        printed, code = self.shell.run(failed + block.text + "trap - ERR")
        shown, start = (after.text, after.start) if after is not None and after.below_shell else ("…", 0)
        failures = [line for line in printed.splitlines() if line.startswith("failed: ")]
        if not start and not failures:
            shown = printed
        return Printed(block.text, shown, printed, start, code)

    def _jobs(self, text: str) -> None:
        """`start`: a server with jobs takes the place of the provider, and none of them ends. `end`: all of them do."""
        if self._job_server is None:
            self._job_server = self._stack.enter_context(JobServer("fal"))
            self.shell.run(f"export FAL_KEY={self._job_server.key}")
        for job in self._job_server.jobs if text == "end" else ():
            job.looks = ALL_LOOKS

    def _stand_in(self, faults: str) -> None:
        """A gateway that bills takes the place of the provider; the next paid requests get these faults, and the next
        batches of Gemini those that begin with `batch:`."""
        if self._gateway is None:
            self._gateway = self._stack.enter_context(running())
            self.shell.run(f"export GRAVITEX_API_KEY={self._gateway.key} GEMINI_API_KEY={self._gateway.key}")
        names = faults.replace(",", " ").split()
        of_batches = [name.removeprefix("batch:") for name in names if name.startswith("batch:")]
        self._gateway.script(*(name for name in names if not name.startswith("batch:")))
        self._gateway.script_batches("gemini", *of_batches)

    def _comfyui(self) -> None:
        """A server takes the place of the reader's. A new project has its workflow."""
        self.shell.run("mkdir ../comfy && cd ../comfy")
        self._comfy = self._stack.enter_context(running_comfyui())
        path = self.folder / "workflows" / "icon.api.json"
        path.parent.mkdir()
        path.write_text(json.dumps(a_workflow()))

    def _picture(self, path: Path, size: str) -> None:
        """A picture that the reader is said to have."""
        width, height = map(int, size.split("x"))
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (width, height), "teal").save(path)

    def _file(self, folder: Path, block: Block) -> Iterator[Printed]:
        text = block.text
        if block.path == "reconciler.yaml" and "provider: fal" in text and self._job_server is not None:
            text += f"providers: {{fal: {{base_url: '{self._job_server.url}', api_key_env: FAL_KEY}}}}\n"
        if block.path == "reconciler.yaml" and "provider: gravitex" in text and self._gateway is not None:
            settings = f"base_url: '{self._gateway.url()}', api_key_env: GRAVITEX_API_KEY"
            text += f"providers: {{gravitex: {{{settings}}}}}\n"
        if block.path == "reconciler.yaml" and self._comfy is not None:
            text = text.replace("    type: comfyui", f"    base_url: {self._comfy.origin}\n    type: comfyui")
        if block.path == "reconciler.yaml" and "provider: gemini" in text and self._gateway is not None:
            text += (
                f"providers: {{gemini: {{base_url: '{self._gateway.url('gemini')}', api_key_env: GEMINI_API_KEY}}}}\n"
            )
        path = folder / block.path
        if block.kind == "diff":
            text = edited(path.read_text(), text.partition("\n")[2])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for command in _commands_in(block):
            printed, code = self.shell.run(f"CI=true {command}")
            yield Printed(f"{block.path}: {command}", printed if code == 0 else "success", printed, 0, code)


def _commands_in(block: Block) -> list[str]:
    """The commands of ours that a workflow or a package.json runs."""
    if block.path.startswith(".github/") or block.path == "package.json":
        return [text for text in _strings(yaml.safe_load(block.text)) if text.startswith("reconciler ")]
    return []


def _strings(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, list | dict):
        for value in node.values() if isinstance(node, dict) else node:
            yield from _strings(value)


def transcript(page: Path, root: Path, *, ninja: bool) -> list[Printed]:
    """All that the blocks of a page print, in order."""
    with Reader(root, ninja=ninja) as reader:
        return list(reader.follow(parts(page.read_text())))


def with_gaps(printed: str, shown: str) -> str:
    """What was printed, with `…` where the page has it in a line that still matches."""
    gaps = [line for line in shown.splitlines(keepends=True) if "…" in line]
    lines = printed.splitlines(keepends=True)
    return "".join(next((gap for gap in gaps if matches(gap, line)), line) for line in lines)


def rewritten(text: str, printed: list[Printed]) -> str:
    """The page with what was printed in place of what it shows, where the two do not match."""
    for one in sorted(printed, key=lambda each: each.start, reverse=True):
        if one.start and not one.right:
            end = one.start + len(one.shown)
            text = text[: one.start] + with_gaps(one.printed, one.shown) + text[end:]
    return text


def main(names: list[str]) -> None:
    for page in [Path(name).resolve() for name in names] or [page for page in PAGES if page != PROVIDER_PAGE]:
        with tempfile.TemporaryDirectory() as folder:
            page.write_text(rewritten(page.read_text(), transcript(page, Path(folder), ninja=True)))


if __name__ == "__main__":
    main(sys.argv[1:])
