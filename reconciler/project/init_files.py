"""What `init` writes: the commented project file, one example spec, and the lines that git shall know."""

from __future__ import annotations

PROJECT = """\
# Where the specs are, and where images go whose spec names no output.
specs: specs
outputs: assets

# Who makes the images. `draft` draws placeholders on this machine: free, offline, no key.
# For real images name another provider and its model, and export its key;
# `reconciler providers` lists them, `reconciler providers --test NAME` tries the key for nothing.
provider: draft
#provider: gravitex     # the key is in the environment variable GRAVITEX_API_KEY
#provider: gemini       # GEMINI_API_KEY
#provider: openai       # OPENAI_API_KEY

# What every spec says unless it says otherwise.
#defaults:
#  model: gemini-2.5-flash-image
#  image_size: 1K

# What an apply may spend. In CI nothing is spent without a limit.
#budget:
#  per_run: 5.00
#  per_asset: 0.50
#  currency: USD

# How to reach a provider; only what differs from its defaults. A key is given as the NAME of a variable.
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
# With that line an editor completes and checks this file, once you have run
#   mkdir -p schemas && reconciler schema spec > schemas/spec.schema.json
#
# One file, one image: this one's id is its path below specs/ without the suffix, and its image is assets/<id>.png.
prompt: |
  A lighthouse at dusk on a basalt cliff, ${mood}.
size: "16:9"          # a ratio in quotes, or pixels as 1536x864
vars:
  mood: calm sea      # stands where the prompt says ${mood}
#model: gemini-2.5-flash-image
#references:          # pictures to go by, in order
#  - refs/coast.png   # a file below the project
#  - asset: mascot    # the picture of another spec
#output: public/hero.png
#take: 2              # another image from the same words
"""

GIT_IGNORE = ("# the state of reconciler, and what a killed run leaves", ".reconciler/", ".*.reconciler-*.tmp")
GIT_ATTRIBUTES = ("assets.lock text eol=lf linguist-generated",)


def with_lines(old: bytes, lines: tuple[str, ...]) -> bytes:
    """The file with the lines that it lacks at its end, in its own line ends; a comment comes only with others."""
    known = {line.strip() for line in old.splitlines()}
    missing = [line for line in (each.encode() for each in lines) if line not in known]
    if all(line.startswith(b"#") for line in missing):
        return old
    end = b"\r\n" if b"\r\n" in old else b"\n"
    start = old if not old or old.endswith(b"\n") else old + end
    return start + b"".join(line + end for line in missing)
