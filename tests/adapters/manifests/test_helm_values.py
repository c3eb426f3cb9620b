"""Values of charts: images in the forms that charts use, and a tag that stays a text to YAML."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.errors import ConfigProblem
from tests.adapters.manifests.pinned import (
    BLANKS,
    DIGEST,
    ENDS,
    MARKS,
    NAMES,
    OTHER_DIGEST,
    QUOTES,
    TAGS,
    moved,
    opened,
    release,
    short,
    what,
)

FILE = opened("helm_values")


def read(text: str) -> list[tuple[int, int, str, str | None]]:
    return short(FILE.read("values.yaml", text))


def test_images_are_found_in_the_forms_that_charts_use() -> None:
    """Maps with repository and tag, texts under keys that end in image; words that are no image are left alone."""
    text = f"""\
image:
  registry: quay.io
  repository: acme/app
  tag: "1.0.0"  # the app
  digest: ""
  pullPolicy: IfNotPresent
sidecar: {{repository: ghcr.io/acme/side, tag: v2}}
initImage: {{image: busybox, version: 1.36}}
pinned:
  repository: a/b
  tag: 1.2.3@{DIGEST}
apart:
  image: {{repository: c/d, tag: v1, digest: "{DIGEST}"}}
jobs:
- image: "postgres:16"
- testImage: 'alpine@{DIGEST}'
- image: curlimages/curl
- pullImage: true
- image: ~
empty:
  image: {{repository: nginx, tag: ""}}
  Image: {{repository: "", tag: v1}}
template:
  image: {{repository: "{{{{ .Values.repo }}}}", tag: v1}}
git: {{repository: "https://example.org/x.git", tag: v1}}
tagless: {{repository: x, digest: "{DIGEST}"}}
onlyImage: {{repository: x, digest: "{DIGEST}"}}
twice: {{image: {{repository: "x:1", tag: v1}}}}
"""
    assert read(text) == [
        (3, 15, "acme/app", "1.0.0"),
        (7, 31, "acme/side", "v2"),
        (8, 20, "busybox", "1.36"),
        (10, 15, "a/b", "1.2.3"),
        (13, 23, "c/d", "v1"),
        (15, 11, "postgres", "16"),
        (16, 15, "alpine", None),
        (27, 25, "x", None),
    ]
    pins = FILE.read("values.yaml", text)
    assert [pin.component.registry for pin in pins[:3]] == ["https://quay.io", "https://ghcr.io", ""]
    assert [pin.digest for pin in pins if pin.digest] == [DIGEST] * 4
    assert pins[3].requirement == f"1.2.3@{DIGEST}"


@pytest.mark.parametrize(
    ("tag", "version", "after"),
    [
        ("1.9", "1.10", '"1.10"'),
        ('"1.9"', "1.10", '"1.10"'),
        ("'1.9'", "1.10", "'1.10'"),
        ("v1.9", "20240115", '"20240115"'),
        ("v1.9", "2024-01-15", '"2024-01-15"'),
        ("v1.9", "1e3", '"1e3"'),
        ("v1.9", "0x10", '"0x10"'),
        ("1.9.1", "1.10.0", "1.10.0"),
        ("1.9", "1.10-alpine", "1.10-alpine"),
        ("!!str 1.9", "1.10", '!!str "1.10"'),
    ],
)
def test_a_tag_stays_the_text_that_it_is(tag: str, version: str, after: str) -> None:
    """Without quotes 1.10 would be 1.1 to Helm, and a date of digits a power of ten."""
    text = f"image:\n  repository: a\n  tag: {tag} # 1.9\n"
    assert moved(FILE, "values.yaml", text, 0, release(version)) == text.replace(f"tag: {tag} #", f"tag: {after} #")


def test_a_digest_moves_with_its_tag() -> None:
    """In one piece or apart; what stands where a digest should and is none is never left behind by a new tag."""
    for text in (
        f"image: {{repository: a, tag: 1.0@{DIGEST}}}\n",
        f'image: {{repository: a, digest: "{DIGEST}", tag: "1.0"}}\n',
        f"image: a:1.0@{DIGEST}\n",
    ):
        after = moved(FILE, "values.yaml", text, 0, release("2.0", OTHER_DIGEST))
        assert after == text.replace("1.0", "2.0").replace(DIGEST, OTHER_DIGEST)
    assert [found[3] for found in read("image: {repository: a, tag: v1, digest: abc}\n")] == [None]


def test_a_broken_file_names_its_line() -> None:
    """The person is led to the place; a template is left to its engine."""
    with pytest.raises(ConfigProblem, match=r"values.yaml:2:2: is no valid YAML"):
        read("image: [a\nb: c\n")
    assert read("image: {{ .x }}:1\n") == read("") == read("image\n") == []


IMAGES = st.tuples(NAMES, TAGS, st.booleans(), QUOTES, st.integers(0, 3), BLANKS)


def written(images: list[tuple[str, str, bool, str, int, str]], digests: list[str], end: str) -> str:
    text = ["# tag: 1.0"]
    for number, (name, tag, digested, quote, form, blank) in enumerate(images):
        full = tag + (f"@{digests[number]}" if digested else "")
        apart = f"{blank}, digest: {digests[number]}" if digested else ""
        text += [
            [f"a{number}:", f"  tag: {blank}{quote}{full}{quote}{blank} # tag", f"  repository: {quote}{name}{quote}"],
            [f"a{number}Image: {quote}{name}:{full}{quote} {blank}"],
            [f"a{number}: {{image: {{repository: {name}, tag: {quote}{tag}{quote}{apart} }}}} # x"],
            [f"a{number}:", f"- image: &x{number} {quote}{name}:{full}{quote}", f"  b: *x{number}"],
        ][form]
    return end.join([*text, ""])


@settings(max_examples=50, deadline=None)
@given(st.lists(IMAGES, min_size=1, max_size=5), TAGS, ENDS, MARKS, st.data())
def test_a_rewrite_changes_one_tag_and_nothing_else(
    images: list[tuple[str, str, bool, str, int, str]], tag: str, end: str, mark: str, data: st.DataObject
) -> None:
    """Whatever the form, quotes, comments and line ends: as if the new tag had been written at once."""
    digests = [DIGEST] * len(images)
    text = mark + written(images, digests, end)
    assert what(FILE.read("values.yaml", text)) == [
        (name, "", old, DIGEST if digested else "") for name, old, digested, *_ in images
    ]
    at = data.draw(st.integers(0, len(images) - 1))
    after = moved(FILE, "values.yaml", text, at, release(tag, OTHER_DIGEST))
    images[at] = (images[at][0], tag, *images[at][2:])
    digests[at] = OTHER_DIGEST
    assert after == mark + written(images, digests, end)
