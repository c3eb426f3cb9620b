"""`Dockerfile`: the images that it is built from, by tag, by digest, or by both.

Files: `Dockerfile`, `Containerfile`, `Dockerfile.anything`, `anything.Dockerfile`, in any folder (not an ignore file).

Read are `FROM`, `COPY --from=`, `RUN --mount=…,from=` and the `# syntax=` directive. A stage of the same file, a number
and `scratch` are no images. Where a tag is the value of an `ARG` before the first `FROM` (or its default in place,
`${V:-3.12}`), the pin is that value; the tag may also have fixed ends, as in `python:${V}-slim`: then of a new tag with
the same ends the rest is written into the variable.

Left alone: an image whose variable has no value in the file (a build argument, the platform), and tags that are put
together from two variables. A variable that several different images share is answered, not edited, for a version that
one of them has the others may not have. `latest` and no tag name no version.

A rewrite changes the characters of the tag, and of the digest where one is pinned.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial

from bot.adapters import Options, Tools, no_options
from bot.adapters.manifests import _dockerfile, _image, _places
from bot.adapters.manifests._dockerfile import Instruction, Word
from bot.adapters.manifests._file import File, reading
from bot.adapters.manifests._image import Part
from bot.adapters.manifests._owners import owned
from bot.adapters.manifests._places import Place, Read, in_order, unshared
from bot.adapters.manifests._reader import Reader

KIND = "dockerfile"

_MOUNTED = re.compile(r"--mount=(?:.*,)?from=(?P<image>[^,]+)", re.I)


def open(options: Options, tools: Tools) -> Reader[Place]:
    """No options, and it needs nothing of what is lent."""
    no_options(options, KIND)
    return Reader(owns=partial(owned, KIND), find=_reads, write=_places.rewrite)


def _reads(path: str, text: str) -> list[Read]:
    file = reading(path, text, KIND)
    images = (_image.read(file, parts) for parts in _references(file))
    return in_order(unshared(image for image in images if image))


def _references(file: File) -> Iterator[Sequence[Part]]:
    parsed = _dockerfile.parse(file)
    if parsed.syntax:
        yield [Part(text=parsed.syntax.text, at=parsed.syntax.at[0])]
    steps, escape = parsed.instructions, parsed.escape
    first = next((number for number, step in enumerate(steps) if step.keyword == "from"), len(steps))
    # What is declared inside a stage is unknown to every FROM.
    given = _declared(steps[:first], escape)
    stages = {"scratch"}
    for step in steps[first:]:
        from_stages = step.keyword != "from"
        for word in _sources(step) if from_stages else [_base(file, step)]:
            parts = _dockerfile.expand(word, escape, {} if from_stages else given)
            if parts and not _is_stage(parts, stages):
                yield parts
        if name := _stage(step):
            stages.add(name)


def _declared(steps: Sequence[Instruction], escape: str) -> dict[str, list[Part]]:
    """The arguments with a value in the file; one may be made of those before it."""
    given: dict[str, list[Part]] = {}
    for word in (word for step in steps if step.keyword == "arg" for word in step.words):
        name, equals, _ = word.text.partition("=")
        value = _dockerfile.expand(word.cut(len(name) + 1), escape, given) if equals else None
        if value is None:
            given.pop(name, None)
        else:
            given[name] = value
    return given


def _base(file: File, step: Instruction) -> Word:
    words = [word for word in step.words if not word.text.startswith("--")]
    if not words:
        raise file.problem("FROM names no image", step.at)
    return words[0]


def _stage(step: Instruction) -> str | None:
    words = [word.text.lower() for word in step.words if not word.text.startswith("--")]
    named = step.keyword == "from" and len(words) > 2 and words[1] == "as"
    return words[2] if named else None


def _sources(step: Instruction) -> Iterator[Word]:
    """The images that an instruction's flags name; its flags end at the first word that is none."""
    for word in step.words:
        if not word.text.startswith("--"):
            return
        if step.keyword == "copy" and word.text.lower().startswith("--from="):
            yield word.cut(len("--from="))
        elif step.keyword == "run" and (found := _MOUNTED.match(word.text)):
            yield word.cut(*found.span("image"))


def _is_stage(parts: Sequence[Part], stages: set[str]) -> bool:
    name = "".join(part.text for part in parts).lower()
    return name in stages or name.isdecimal()
