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

EXAMPLE = """\
# yaml-language-server: $schema=../schemas/spec.schema.json
# With that line an editor completes and checks this file. It needs the schema:
#   mkdir -p schemas && reconciler schema spec > schemas/spec.schema.json
#
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
GIT_ATTRIBUTES = ("assets.lock text eol=lf linguist-generated",)


def with_lines(old: bytes, lines: tuple[str, ...]) -> bytes:
    """The file with missing lines appended, in its own line ending. A comment is added only with other lines."""
    known = {line.strip() for line in old.splitlines()}
    missing = [line for line in (each.encode() for each in lines) if line not in known]
    if all(line.startswith(b"#") for line in missing):
        return old
    end = b"\r\n" if b"\r\n" in old else b"\n"
    start = old if not old or old.endswith(b"\n") else old + end
    return start + b"".join(line + end for line in missing)
