"""Kubernetes manifests: images of containers in whatever object, and nothing in files that are something else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.errors import ConfigProblem
from tests.adapters.manifests.pinned import (
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

FILE = opened("kubernetes")


def read(text: str, path: str = "k8s/app.yaml") -> list[tuple[int, int, str, str | None]]:
    return short(FILE.read(path, text))


DEPLOYMENT = """\
# an app
apiVersion: apps/v1
kind: Deployment
metadata: {annotations: {image: "not:1.0"}}
spec:
  template:
    spec:
      initContainers:
      - {name: init, image: 'busybox:1.36'}
      containers:
      - name: app
        image: ghcr.io/acme/app:1.0@%s  # the app
        env: [{name: image, value: "x:1"}]
      - name: bare
        image: nginx
      ephemeralContainers: [{image: debug:2.0}]
      volumes:
      - name: data
        image: {reference: "data:3.0", pullPolicy: Always}
---
apiVersion: v1
kind: List
items:
- apiVersion: batch/v1
  kind: CronJob
  spec: {jobTemplate: {spec: {template: {spec: {containers: [{image: job:4.0}]}}}}}
""".replace("%s", DIGEST)


def test_the_images_of_any_pod_are_found() -> None:
    """Whatever the object, however deep the specification, in every document of the file."""
    assert read(DEPLOYMENT) == [
        (9, 30, "busybox", "1.36"),
        (12, 24, "acme/app", "1.0"),
        (15, 16, "nginx", None),
        (16, 37, "debug", "2.0"),
        (19, 29, "data", "3.0"),
        (26, 70, "job", "4.0"),
    ]


def test_a_file_that_is_something_else_is_read_at_once_and_pins_nothing() -> None:
    """No apiVersion and kind, no pins, and no complaint about what is no business of ours."""
    for text in (
        "", "containers:\n- image: a:1\n", "a: [image\n", "kind: Pod\ncontainers: [{image: 'a:1'}]\n",
        "kinds: Pod\napiVersions: v1\ncontainers: [{image: 'a:1'}]\n",
        "text: |\n  apiVersion: v1\n  kind: Pod\ncontainers: [{image: 'a:1'}]\n",
        "apiVersion: v1\nkind: CustomResourceDefinition\ncontainers: [{image: 'a:1'}]\n",
        "- apiVersion: v1\n- kind: Pod\n- containers: [{image: 'a:1'}]\n",
    ):  # fmt: skip
        assert read(text) == [], text


def test_templates_are_left_to_their_engine() -> None:
    """A chart's template is no YAML yet; a plain document beside it is read all the same."""
    text = (
        "{{- if .Values.on }}\napiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: {{ .Values.image }}\n"
        "{{- end }}\n"
        "---\napiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: a:1.0\n  - image: 'b:{{ .Values.tag }}'\n"
        "  - image: c:$(TAG)\n"
    )
    assert read(text) == [(13, 12, "a", "1.0")]


def test_a_broken_manifest_names_its_line() -> None:
    """What clearly is a manifest, and cannot be read, is said, with the line in the whole file."""
    with pytest.raises(ConfigProblem, match=r"k8s/app.yaml:32:\d+: is no valid YAML"):
        read(DEPLOYMENT + "---\napiVersion: v1\nkind: Pod\nspec:\n  containers:\n - image: a:1\n")


def test_json_is_yaml_too() -> None:
    """A manifest that a program wrote."""
    text = '{\n  "apiVersion": "v1", "kind": "Pod",\n  "spec": {"containers": [{"image": "a:1.0"}]}\n}\n'
    assert read(text) == [(3, 38, "a", "1.0")]
    assert moved(FILE, "x.yaml", text, 0, release("2.0")) == text.replace("1.0", "2.0")


def test_a_kustomization_sets_tags_and_digests() -> None:
    """Under the new name where there is one; an entry that sets neither says nothing of a version."""
    text = f"""\
resources: [app.yaml]
images:
- name: nginx
  newTag: "1.27"
- name: app
  newName: ghcr.io/acme/app
  newTag: 1.10
- name: only
  digest: {DIGEST}
- name: both
  newTag: v1
  digest: {DIGEST}
- name: renamed
  newName: other
- name: odd
  newTag: v1
  digest: unknown
- newTag: v1
"""
    assert read(text, "base/kustomization.yaml") == [
        (3, 9, "nginx", "1.27"),
        (6, 20, "acme/app", "1.10"),
        (8, 9, "only", None),
        (10, 9, "both", "v1"),
        (15, 9, "odd", None),
    ]
    assert read(text, "Kustomization") and not read(text)
    after = moved(FILE, "kustomization.yml", text, 1, release("1.20"))
    assert after == text.replace("newTag: 1.10", 'newTag: "1.20"')
    after = moved(FILE, "kustomization.yml", text, 3, release("v2", OTHER_DIGEST))
    assert after == text.replace(f"v1\n  digest: {DIGEST}\n- name: ren", f"v2\n  digest: {OTHER_DIGEST}\n- name: ren")


CONTAINERS = st.tuples(NAMES, TAGS, st.booleans(), QUOTES, st.integers(0, 2), st.sampled_from(["", "  # image: x:1"]))


def written(containers: list[tuple[str, str, bool, str, int, str]], digests: list[str], end: str) -> str:
    text = ["%YAML 1.1"]
    for number, (name, tag, digested, quote, form, tail) in enumerate(containers):
        image = f"{quote}registry.example:5000/{name}:{tag}" + (f"@{digests[number]}" if digested else "") + quote
        text += ["--- # next", "kind: Pod", "apiVersion:  v1", "spec:"]
        text += [
            ["  containers:", f"  - image: {image}{tail}", "    args: ['image: y:1']"],
            [f"  initContainers: [{{ image: {image}, name: x }}]{tail}"],
            ["   containers:", "   - name: x", f"     image:    {image}{tail}", "...", "# image: z:1"],
        ][form]
    return end.join([*text, ""])


@settings(max_examples=50, deadline=None)
@given(st.lists(CONTAINERS, min_size=1, max_size=4), TAGS, ENDS, MARKS, st.data())
def test_a_rewrite_changes_one_tag_and_nothing_else(
    containers: list[tuple[str, str, bool, str, int, str]], tag: str, end: str, mark: str, data: st.DataObject
) -> None:
    """Whatever the quotes, comments, documents and line ends: as if the new tag had been written at once."""
    digests = [DIGEST] * len(containers)
    text = mark + written(containers, digests, end)
    assert what(FILE.read("a.yml", text)) == [
        (name, "https://registry.example:5000", old, DIGEST if digested else "")
        for name, old, digested, *_ in containers
    ]
    at = data.draw(st.integers(0, len(containers) - 1))
    after = moved(FILE, "a.yml", text, at, release(tag, OTHER_DIGEST))
    containers[at] = (containers[at][0], tag, *containers[at][2:])
    digests[at] = OTHER_DIGEST
    assert after == mark + written(containers, digests, end)
