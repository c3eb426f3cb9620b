"""What registries and Alertmanager send, as their own documentation shows it, is read to names and to nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters import hints
from bot.core.errors import Permanent
from bot.core.events import Alerted, Hinted, Ignored
from bot.core.hints import MOST_NAMES
from bot.core.model import RepoName

SHOP = RepoName("acme/shop")

# distribution.github.io/distribution/about/notifications
PULLED = {
    "id": "320678d8-ca14-430f-8bb6-4ca139cd83f7",
    "timestamp": "2016-03-09T14:44:26.402973972-08:00",
    "action": "pull",
    "target": {
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "digest": "sha256:fea8895f450959fa676bcc1df0611ea93823a735a01205fd8622846041d0c7cf",
        "size": 708,
        "length": 708,
        "repository": "hello-world",
        "url": "http://192.168.100.227:5000/v2/hello-world/manifests/sha256:fea8895f4509",
        "tag": "latest",
    },
    "request": {"id": "6df24a34", "addr": "192.168.64.11:42961", "host": "192.168.100.227:5000", "method": "GET"},
    "actor": {},
    "source": {"addr": "xtal.local:5000", "instanceID": "a53db899-3b4b-4a62-a067-8dd013beaca4"},
}
PUSHED = {
    **PULLED,
    "action": "push",
    "target": {"mediaType": "application/vnd.docker.distribution.manifest.v2+json", "repository": "library/test"},
}
LAYER = {
    **PULLED,
    "action": "push",
    "target": {"mediaType": "application/vnd.docker.container.image.rootfs.diff+x-gtar", "repository": "library/test"},
}
DELETED = {"target": {"digest": "sha256:d89e1bee20d9cb344674e213b581f14fbd8e70274e", "repository": "team/gone"}}
# docs.docker.com/docker-hub/webhooks, shortened
HUB = {
    "callback_url": "https://registry.hub.docker.com/u/svendowideit/testhook/hook/2141b5bi5i5b02bec211i4eeih0242eg11000a/",
    "push_data": {"pushed_at": 1417566161, "pusher": "trustedbuilder", "tag": "latest"},
    "repository": {
        "comment_count": 0,
        "date_created": 1417494799,
        "description": "",
        "name": "testhook",
        "namespace": "svendowideit",
        "owner": "svendowideit",
        "repo_name": "svendowideit/testhook",
        "repo_url": "https://registry.hub.docker.com/u/svendowideit/testhook/",
        "star_count": 0,
        "status": "Active",
    },
}
# goharbor.io/docs: configure-webhooks, in both of its formats
HARBOR_DATA = {
    "resources": [
        {
            "digest": "sha256:8a9e9863dbb6e10edb5adfe917c00da84e1700fa76e7ed02476aa6e6fb8ee0d8",
            "tag": "latest",
            "resource_url": "hub.harbor.com/test-webhook/debian:latest",
        }
    ],
    "repository": {
        "date_created": 1586922308,
        "name": "debian",
        "namespace": "test-webhook",
        "repo_full_name": "test-webhook/debian",
        "repo_type": "private",
    },
}
HARBOR = {"type": "PUSH_ARTIFACT", "occur_at": 1586922308, "operator": "admin", "event_data": HARBOR_DATA}
HARBOR_CLOUD = {
    "specversion": "1.0",
    "id": "4b2f89a6-548d-4c12-9993-a1f5790b97d2",
    "source": "/projects/1/webhook/policies/3",
    "type": "harbor.artifact.pushed",
    "datacontenttype": "application/json",
    "time": "2023-04-03T06:36:43Z",
    "data": HARBOR_DATA,
    "operator": "robot$library+scanner",
}
# docs.redhat.com: Red Hat Quay, repository notifications
QUAY = {
    "name": "repository",
    "repository": "dgangaia/test",
    "namespace": "dgangaia",
    "docker_url": "quay.io/dgangaia/test",
    "homepage": "https://quay.io/repository/dgangaia/repository",
    "updated_tags": ["latest"],
}
# help.sonatype.com: example headers and payloads
NEXUS = {
    "timestamp": "2016-11-14T19:32:13.515+0000",
    "nodeId": "7FFA7361-6ED33978-36997BD4-47095CC4-331356BE",
    "initiator": "anonymous/127.0.0.1",
    "repositoryName": "npm-proxy",
    "action": "CREATED",
    "component": {
        "id": "08909bf0c86cf6c9600aade89e1c5e25",
        "componentId": "bnBtLXByb3h5OjA4OTA5YmYwYzg2Y2Y2Yzk2MDBhYWRlODllMWM1ZTI1",
        "format": "npm",
        "name": "angular2",
        "group": "types",
        "version": "0.0.2",
    },
}
NEXUS_ASSET = {
    "timestamp": "2016-11-10T23:57:49.664+0000",
    "nodeId": "52905B51-085CCABB-CEBBEAAD-16795588-FC927D93",
    "initiator": "admin/127.0.0.1",
    "repositoryName": "npm-proxy",
    "action": "CREATED",
    "asset": {
        "id": "31c950c8eeeab78336308177ae9c441c",
        "assetId": "bnBtLXByb3h5OjMxYzk1MGM4ZWVlYWI3ODMzNjMwODE3N2FlOWM0NDFj",
        "format": "npm",
        "name": "concrete",
    },
}
# docs.jfrog.com/administration/docs/event-types
ARTIFACTORY_IMAGE = {
    "domain": "docker",
    "event_type": "pushed",
    "data": {
        "repo_key": "docker-remote-cache",
        "event_type": "pushed",
        "path": "library/ubuntu/latest/list.manifest.json",
        "name": "list.manifest.json",
        "sha256": "35c4a2c15539c6c1e4e5fa4e554dac323ad0107d8eb5c582d6ff386b383b7dce",
        "size": 1206,
        "image_name": "library/ubuntu",
        "tag": "latest",
        "platforms": [{"architecture": "amd64", "os": "linux"}],
    },
    "subscription_key": "test",
    "jpd_origin": "https://example.jfrog.io",
    "source": "jfrog/user@example.com",
}
# prometheus.io/docs/alerting/latest/configuration, with the labels that are for us
ALERT = {
    "status": "firing",
    "labels": {"alertname": "Slow", "instance": "localhost:9090", "surefoot_repository": "acme/shop"},
    "annotations": {"description": "some description"},
    "startsAt": "2018-08-03T09:52:26.739266876+02:00",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://example.com:9090/graph?g0.expr=go_memstats_alloc_bytes+%3E+0&g0.tab=1",
}


def alerts(*given: dict[str, Any]) -> dict[str, Any]:
    """As Alertmanager groups them."""
    return {
        "receiver": "webhook",
        "status": "firing",
        "alerts": list(given),
        "groupLabels": {"alertname": "Slow"},
        "commonLabels": {"alertname": "Slow"},
        "commonAnnotations": {},
        "externalURL": "http://example.com:9093",
        "version": "4",
        "groupKey": '{}:{alertname="Slow"}',
    }


def artifact(path: str) -> dict[str, Any]:
    """Artifactory says that a file was deployed."""
    data = {"repo_key": "sample_repo", "path": path, "name": path.rpartition("/")[2], "sha256": "x", "size": 0}
    return {"domain": "artifact", "event_type": "deployed", "data": data, "subscription_key": "test"}


def read(kind: str, body: object) -> Any:
    return hints.parse(f"hint.{kind}", body if isinstance(body, bytes) else json.dumps(body).encode())


@pytest.mark.parametrize(
    ("kind", "body", "names"),
    [
        ("distribution", {"events": [PULLED, PUSHED, DELETED]}, ("library/test", "test", "team/gone")),
        ("dockerhub", HUB, ("svendowideit/testhook",)),
        ("harbor", HARBOR, ("test-webhook/debian",)),
        ("harbor", HARBOR_CLOUD, ("test-webhook/debian",)),
        ("quay", QUAY, ("dgangaia/test",)),
        ("nexus", NEXUS, ("types:angular2", "types/angular2", "@types/angular2")),
        ("nexus", NEXUS_ASSET, ("concrete",)),
        ("artifactory", ARTIFACTORY_IMAGE, ("library/ubuntu", "ubuntu")),
        ("generic", {"names": ["greeter", "greeter", "acme/tool"]}, ("greeter", "acme/tool")),
    ],
)
def test_it_is_read_to_names(kind: str, body: object, names: tuple[str, ...]) -> None:
    """Each registry's own example names what it is about."""
    assert read(kind, body) == Hinted(names=names)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("org/acme/lib/1.2/lib-1.2.jar", "org.acme:lib"),
        ("@acme/tool/-/@acme/tool-1.2.0.tgz", "@acme/tool"),
        ("greeter/1.2.4/greeter-1.2.4-py3-none-any.whl", "greeter"),
    ],
)
def test_a_package_in_artifactory_is_found_by_its_folders(path: str, name: str) -> None:
    """Its webhook tells the path of the file alone; npm, PyPI and Maven each lay them out their own way."""
    assert name in read("artifactory", artifact(path)).names


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("distribution", {"events": [PULLED]}),
        ("distribution", {"events": []}),
        ("distribution", {"events": [LAYER]}),
        ("harbor", {**HARBOR, "type": "PULL_ARTIFACT"}),
        ("harbor", {"type": "SCANNING_COMPLETED"}),
        ("nexus", {"nodeId": "x", "initiator": "admin/127.0.0.1", "audit": {"domain": "security.user"}}),
        ("artifactory", artifact("lonely.txt")),
        ("generic", {"names": []}),
        ("generic", {"names": ["", "x" * 301, "half\x00a", "\u202egnirts"]}),
    ],
)
def test_what_changes_no_list_is_ignored_with_words(kind: str, body: object) -> None:
    """That something was pulled or scanned, or that a user was made, is no reason to ask anybody."""
    told = read(kind, body)

    assert isinstance(told, Ignored)
    assert "names nothing" in told.name


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("distribution", {"events": "all"}),
        ("dockerhub", {"repository": {"repo_name": ["a"]}}),
        ("harbor", {"event_data": None}),
        ("quay", {"repository": None}),
        ("nexus", {"component": "x"}),
        ("artifactory", {}),
        ("generic", {"names": "greeter"}),
        ("generic", {"names": [1]}),
        ("alertmanager", {"alerts": [{"labels": ["repository"]}]}),
        ("alertmanager", b"\xff"),
        ("generic", b'{"names": ["\\ud800"]}'),
    ],
)
def test_what_has_another_form_is_refused_with_its_place(kind: str, body: object) -> None:
    """Nothing is guessed, and the log says what was expected."""
    with pytest.raises(Permanent, match=f"as {kind} sends it"):
        read(kind, body)


def test_a_version_in_a_hint_is_not_even_looked_at() -> None:
    """Whatever it says there, in whatever form, the same names come out."""
    lying = {**NEXUS, "component": {**NEXUS["component"], "version": {"$ref": "../../etc"}}}  # type: ignore[dict-item]  # a lie

    assert read("nexus", lying) == read("nexus", NEXUS)


def test_many_names_are_cut() -> None:
    """Fifty are taken, however long the list and however deep the path."""
    assert len(read("generic", {"names": [f"n{number}" for number in range(5000)]}).names) == MOST_NAMES
    assert len(read("artifactory", artifact("a/" * 5000 + "x")).names) <= MOST_NAMES


@pytest.mark.parametrize("label", hints.LABELS)
def test_an_alert_names_its_repository(label: str) -> None:
    """Each repository once, in whatever order; what is over is left out."""
    other = {**ALERT, "labels": {label: "acme/stock"}}
    over = {**ALERT, "status": "resolved", "labels": {label: "acme/calm"}}

    assert read("alertmanager", alerts(ALERT, other, over, ALERT)) == Alerted(repos=(SHOP, RepoName("acme/stock")))


@pytest.mark.parametrize("label", ["", "shop", "acme/shop/x", "../..", "acme/shop\n", "https://github.com/acme/shop"])
def test_an_alert_of_no_repository_is_ignored_with_words(label: str) -> None:
    """Without a label that is owner/name nobody is looked at, and the log says which label is missing."""
    told = read("alertmanager", alerts({**ALERT, "labels": {"surefoot_repository": label, "job": "x"}}))

    assert isinstance(told, Ignored)
    assert "surefoot_repository" in told.name


@pytest.mark.parametrize(
    ("event", "is_one"), [("hint.quay", True), ("quay", False), ("hint.x", False), ("push", False)]
)
def test_only_what_came_in_by_that_door_is_a_hint(event: str, is_one: bool) -> None:
    """GitHub's events keep their own reader."""
    assert hints.is_hint(event) is is_one


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(
        ["events", "action", "target", "repository", "repo_name", "type", "event_data", "component", "name", "data",
         "path", "names", "alerts", "labels", "status"]
    ), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(kind=st.sampled_from(sorted(hints.KINDS)), body=st.dictionaries(st.text(max_size=10), JSON, max_size=4) | JSON)
def test_hostile_content_is_harmless(kind: str, body: object) -> None:
    """Whatever comes, it is names, nothing, or refused; and never more than a few."""
    try:
        told = read(kind, body)
    except Permanent:
        return
    assert isinstance(told, Ignored) or 0 < len(told.repos if isinstance(told, Alerted) else told.names) <= MOST_NAMES
