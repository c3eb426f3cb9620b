"""`*.tf`: the providers that Terraform is required to use, and the modules that are called.

Read are

- `terraform { required_providers { … } }`: `source` (one without a slash, and none, is taken for one of `hashicorp/`,
  as Terraform does) and `version`, also in the oldest form, `aws = "~> 3.0"`;
- `module` blocks with `source` and `version` from a registry (`terraform-aws-modules/vpc/aws`, also with a host);
- `module` blocks whose source is a git repository (`git::https://…`, `github.com/…`, `git@…`): its `?ref=` is a tag, or
  a commit with the version in a comment on the line; a component of the ecosystem git.

`1.2.3` and `= 1.2.3` are exact; everything else (`~> 1.2`, `>= 1.0, < 2.0`) is a range: answered, and edited only where
ranges are widened.

Left alone: local modules, archives and buckets, sources with `${ }`, `required_version`, the `version` of a `provider`
block (deprecated), `*.tf.json`, and `.terraform.lock.hcl`: it holds checksums of the providers, and
`terraform init -upgrade` must write it anew.

A rewrite changes the characters of one version or range, and of the commit where one is pinned.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from bot.adapters import Options, Tools, no_options
from bot.adapters.manifests import _hcl, _places, _refs
from bot.adapters.manifests._file import File, reading
from bot.adapters.manifests._hcl import Block, Text
from bot.adapters.manifests._owners import owned
from bot.adapters.manifests._places import Place, Read, in_order
from bot.adapters.manifests._reader import Reader
from bot.core.model import Component

KIND = "terraform"

_EXACT = re.compile(r"\s*+(?:=\s*+)?(?P<version>v?\d+(?:\.\d+)*(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)\s*")
_PART = r"[0-9A-Za-z](?:[\w-]*[0-9A-Za-z])?"
_HOST = r"(?P<host>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)+(?::\d+)?)"
_PROVIDER = re.compile(rf"(?:{_HOST}/)?(?P<name>{_PART}/{_PART})", re.ASCII)
_MODULE = re.compile(rf"(?:{_HOST}/)?(?P<name>{_PART}/{_PART}/{_PART})(?://.*)?", re.ASCII)
# Hosts whose sources Terraform itself takes for git, without being told so.
_GIT_HOST = re.compile(r"(?:github\.com|gitlab\.com|bitbucket\.org)/[^/?\s]+/[^/?\s]+")
_GIT_URL = re.compile(r"git::(?P<url>\S+)|(?P<plain>(?:git|ssh)://\S+|[\w.-]+@[\w.-]+:\S+)")
_REF = re.compile(r"[?&]ref=(?P<ref>[^&\s]+)")
_USUAL = frozenset({"", "registry.terraform.io"})


def open(options: Options, tools: Tools) -> Reader[Place]:
    """No options, and it needs nothing of what is lent."""
    no_options(options, KIND)
    return Reader(owns=partial(owned, KIND), find=_reads, write=_places.rewrite)


def _reads(path: str, text: str) -> list[Read]:
    file = reading(path, text, KIND)
    found = (read for block in _hcl.blocks(file) for read in _pinned(file, block))
    return in_order(read for read in found if read)


def _pinned(file: File, block: Block) -> Iterator[Read | None]:
    match block.names:
        case ("terraform", "required_providers"):
            for key, asked in block.texts.values():
                yield _registered(file, _PROVIDER.fullmatch(f"hashicorp/{key.value}"), key, asked)
        case ("terraform", "required_providers", name):
            source = block.value("source")
            said = source.value if source else name
            found = _PROVIDER.fullmatch(said if "/" in said else f"hashicorp/{said}")
            yield _registered(file, found, source or block.path[-1], block.value("version"))
        case ("module", _) if source := block.value("source"):
            yield _module(file, source, block.value("version"))


def _module(file: File, source: Text, version: Text | None) -> Read | None:
    component = _repository(source.value)
    if component is None:
        return _registered(file, _MODULE.fullmatch(source.value), source, version)
    ref = _REF.search(source.value)
    if ref is None:
        return file.pin(component, source.at, requirement="", version=None), _places.NOWHERE
    return _refs.read(file, component, source.at, ref=ref["ref"], ref_at=source.at + ref.start("ref"))


def _repository(source: str) -> Component | None:
    """The git repository of a module's source, without the folder behind // and what is asked behind ?."""
    told = _GIT_URL.fullmatch(source)
    url = (told["url"] or told["plain"]) if told else f"https://{source}" if _GIT_HOST.match(source) else ""
    scheme, slashes, rest = url.partition("?")[0].rpartition("://")
    return _refs.repository(scheme + slashes + rest.partition("//")[0])


def _registered(file: File, found: re.Match[str] | None, at: Text, version: Text | None) -> Read | None:
    """The pin of what a registry lists; None for another source, and for the provider that is built in."""
    if found is None or found["host"] == "terraform.io":
        return None
    host = (found["host"] or "").lower()
    registry = "" if host in _USUAL else f"https://{host}"
    component = Component(name=found["name"], ecosystem="terraform", registry=registry)
    wanted = (version.value, version.at) if version else None
    return _places.registered(file, component, at.at, wanted, _EXACT)
