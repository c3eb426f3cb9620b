"""Texts as Bundler writes them: Gemfile.lock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

REMOTE = "https://rubygems.org/"


def lock_of(
    held: Mapping[tuple[str, str], Sequence[str]], asked: Sequence[str], *, platforms: Sequence[str] = ("ruby",),
    remote: str = REMOTE, bundler: str = "2.2.33",
) -> str:  # fmt: skip
    """held: (name, version) -> what it needs; asked: what the Gemfile asks for; both as `name (= 1.0)`."""
    specs = "".join(
        f"    {name} ({version})\n" + "".join(f"      {need}\n" for need in needs)
        for (name, version), needs in held.items()
    )
    sections = [
        f"GEM\n  remote: {remote}\n  specs:\n{specs}",
        "PLATFORMS\n" + "".join(f"  {one}\n" for one in platforms),
        "DEPENDENCIES\n" + "".join(f"  {one}\n" for one in asked),
        f"BUNDLED WITH\n   {bundler}\n",
    ]
    return "\n".join(sections)
