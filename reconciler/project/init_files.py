"""The files of `init`: the commented project file, one example spec, and the lines for git."""

from __future__ import annotations

PROJECT = """\
# The folder of the specs, and the folder of images without an output of their own.
specs: specs
outputs: assets

# The provider. `draft` draws placeholders on this machine: free, offline, no key.
# For generated images, name another provider and a model, and export its key.
# `reconciler providers` lists the providers; `reconciler providers --test NAME` tests a key for free.
provider: draft
#provider: gravitex     # the key is in the environment variable GRAVITEX_API_KEY
#provider: gemini       # GEMINI_API_KEY
#provider: openai       # OPENAI_API_KEY

# Defaults for every spec.
#defaults:
#  model: gemini-2.5-flash-image
#  image_size: 1K

# The budget of one apply. In CI a limit is required.
#budget:
#  per_run: 5.00
#  per_asset: 0.50
#  currency: USD

# Settings of providers that differ from the defaults. api_key_env is the NAME of a variable, never a key.
#providers:
#  gravitex:
#    concurrency: 4
#    requests_per_minute: 60
#  local:
#    type: openai
#    base_url: http://127.0.0.1:1234
#    api_key_env: ""
"""

STARTER_MODELS = {"gravitex": "gemini-2.5-flash-image", "gemini": "gemini-2.5-flash-image", "openai": "gpt-image-2"}
"""The model that `init --provider NAME` writes."""


def project_file(provider: str) -> str:
    """reconciler.yaml for a provider; one that costs money gets a model and a budget."""
    if provider == "draft":
        return PROJECT
    text = PROJECT.replace("provider: draft\n", f"provider: {provider}\n", 1)
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith("#provider: ")]
    model = STARTER_MODELS[provider]
    limit = "images: 20  # of each run; what an image costs is known after the request" if provider == "openai" else ""
    limit = limit or "per_run: 5.00"
    text = "".join(lines).replace("#budget:\n#  per_run: 5.00\n", f"budget:\n  {limit}\n")
    return text.replace("#defaults:\n#  model: gemini-2.5-flash-image\n", f"defaults:\n  model: {model}\n")


def schema_line(specs_depth: int) -> str:
    """The first line of a spec so many folders below the project: an editor completes and checks the file by it."""
    schema = f"{'../' * specs_depth}schemas/spec.schema.json"
    return f"# yaml-language-server: $schema={schema}\n# $schema: {schema}\n"  # JetBrains reads the second one


VSCODE = """\
"yaml.schemas": {
  "./schemas/spec.schema.json": ["specs/**/*.yaml", "!specs/**/_*.yaml"],
  "./schemas/defaults.schema.json": "specs/**/_defaults.yaml",
  "./schemas/styles.schema.json": "specs/_styles.yaml",
  "./schemas/project.schema.json": "reconciler.yaml"
}"""
"""Settings of VS Code for specs without a first line that names the schema."""


EXAMPLE = """\
# A file describes one image. Its id is the path below specs/ without the suffix; the image is assets/<id>.png.
prompt: |
  A lighthouse at dusk on a basalt cliff, ${mood}.
size: "16:9"          # a ratio in quotes, or pixels as 1536x864
vars:
  mood: calm sea      # replaces ${mood} in the prompt
#model: gemini-2.5-flash-image
#references:          # reference images, in order
#  - refs/coast.png   # a file of the project
#  - asset: mascot    # the image of another asset
#output: public/hero.png
#take: 2              # another image from the same prompt
"""

GIT_IGNORE = ("# the state of reconciler, and temporary files of killed runs", ".reconciler/", ".*.reconciler-*.tmp")
EXAMPLES = {
    "_styles.yaml": """\
# Named styles; a spec chooses one with `style:`.
flat:
  prompt_suffix: ", flat colours, thick outline, no text"
""",
    "hero.yaml": """\
# The image of one asset: assets/hero.png.
prompt: A lighthouse on a basalt cliff at dusk, calm sea.
size: "16:9"
tags: [web]
""",
    "card.yaml": """\
# An image that is made from another one: `hero` is generated first.
prompt: The lighthouse of image 1 as a small card, front view.
size: "4:3"
references:
  - asset: hero
tags: [web]
""",
    "icons/items.yaml": """\
# Six assets of one spec: one for each combination, icons/items#sword-common and so on.
prompt: A ${rarity} ${item}, centred on a plain background.
style: flat
size: "1:1"
matrix:
  item: [sword, shield, potion]
  rarity: [common, rare]
""",
}
"""The specs of `init --example`, by their path below the specs folder."""

PRE_COMMIT = """\
repos:
  - repo: local
    hooks:
      - id: reconciler
        name: images belong to their specs
        entry: reconciler check
        language: system
        pass_filenames: false
"""

GITHUB = """\
on: [push, pull_request]
permissions: {contents: read}
jobs:
  assets:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {python-version: "3.12"}
      # Install image-reconciler from wherever your wheel or checkout of it is.
      - run: pip install ./tools/reconciler
      - run: reconciler validate
      - run: reconciler check --strict
"""

GITLAB = """\
assets:
  image: python:3.12
  script:
    # Install image-reconciler from wherever your wheel or checkout of it is.
    - pip install ./tools/reconciler
    - reconciler validate
    - reconciler check --strict
"""

CI_FILES = {"github": (".github/workflows/assets.yaml", GITHUB), "gitlab": (".gitlab-ci.yml", GITLAB)}
"""The file of each CI service, and its text."""

IMAGE_SUFFIXES = ("png", "jpg", "jpeg", "webp", "avif")


def lfs_lines(outputs: str) -> tuple[str, ...]:
    """Lines of .gitattributes that put images of the outputs folder into Git LFS."""
    return tuple(f"{outputs}/**/*.{suffix} filter=lfs diff=lfs merge=lfs -text" for suffix in IMAGE_SUFFIXES)


GIT_ATTRIBUTES = ("assets.lock text eol=lf linguist-generated",)
GIT_MERGE_ATTRIBUTES = ("assets.lock merge=reconciler diff=reconciler", "derived.lock merge=reconciler")
"""The lines that `git setup` adds. They have no effect in a clone that is not set up."""
GIT_PART_ATTRIBUTES = ("assets.lock.d/** text eol=lf linguist-generated merge=reconciler diff=reconciler",)
"""The line that `git lock --per spec` adds."""


def with_lines(old: bytes, lines: tuple[str, ...]) -> bytes:
    """The file with missing lines appended, in its own line ending. A comment is added only with other lines."""
    known = {line.strip() for line in old.splitlines()}
    missing = [line for line in (each.encode() for each in lines) if line not in known]
    if all(line.startswith(b"#") for line in missing):
        return old
    end = b"\r\n" if b"\r\n" in old else b"\n"
    start = old if not old or old.endswith(b"\n") else old + end
    return start + b"".join(line + end for line in missing)
