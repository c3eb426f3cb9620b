"""What packages of npm ask of whoever uses them: a Node that is new enough, others beside them, and to be replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.core import nodes
from bot.core.model import Grade, Level, Remark
from bot.core.quoting import code
from bot.core.supported import fits, lost_nodes
from bot.core.verdicts import Looked
from bot.lab.promises import programs_gone
from bot.lab.scripting.packages import Held, Package, nearest

_MOST_REMARKS = 30
Asked = Mapping[str, tuple[str, int | None]]  # name -> the file that asks for it, and the line
_WORDS = re.compile(r"(?<![\w./@-])[\w.-]{1,100}(?![\w./@-])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What a repository asks for and promises. where: its folder; asked: its packages; nodes: see `nodes.nodes_of`.

    tried: the Node that is here. scripts: those of its manifest; commands: those of the suites.
    """

    tree: Path
    where: str = ""
    asked: Asked = field(default_factory=dict)
    nodes: Sequence[str] = ()
    tried: str = ""
    scripts: Mapping[str, str] = field(default_factory=dict)
    commands: Sequence[str] = ()

    @property
    def manifest(self) -> str:
        """Its path in the tree."""
        return f"{self.where}/{nodes.MANIFEST}" if self.where else nodes.MANIFEST


def look(project: Project, before: Held, after: Held) -> Looked:
    """UNKNOWN for what does not run where it is promised, contradicts what is beside it, or is called and gone."""
    remarks = [
        *_engines(project, before, after),
        *_peers(project, before, after),
        *_programs(project, before, after),
        *_old(project, before, after),
    ][:_MOST_REMARKS]
    grave = [one for one in remarks if one.level is Level.WARNING]
    notes = tuple(_tried(project, before, after))
    if not grave:
        return Looked(remarks=tuple(remarks), notes=notes)
    first = grave[0]
    more = f" ({len(grave) - 1} more)" if len(grave) > 1 else ""
    why = f"{first.title}, and {first.message}{more}"
    return Looked(grade=Grade.UNKNOWN, why=why, remarks=tuple(remarks), notes=notes)


def _tried(project: Project, before: Held, after: Held) -> Iterator[str]:
    """What the new version does here is no word about where it is meant to run."""
    for name in project.asked if project.tried else ():
        old, new = (nearest(one, project.where or ".", name) for one in (before, after))
        if new is not None and lost_nodes([project.tried], old.node if old else "", new.node):
            yield f"{_called(new)} is not meant to run on Node {project.tried}, with which it was tried"


def _engines(project: Project, before: Held, after: Held) -> Iterator[Remark]:
    """Of what is asked for it is a warning; what others bring may never be loaded."""
    for new in _moved(before, after):
        old = before.get(new.place) or nearest(before, project.where or ".", new.name) or _namesake(before, new)
        gone = lost_nodes(project.nodes, old.node if old else "", new.node)
        if not gone:
            continue
        mine = new.name in project.asked
        file, line = project.asked.get(new.name, (project.manifest, None))
        yield Remark(
            level=Level.WARNING if mine else Level.NOTICE,
            title=f"{_called(new)} does not run on Node {' and '.join(map(nodes.shown, gone))} any more",
            message=f"this project says that it does: {code(new.name)} wants {code(new.node)}",
            path=file,
            line=line,
        )


def _namesake(before: Held, new: Package) -> Package | None:
    return next((one for one in before.values() if one.name == new.name), None)


def _moved(before: Held, after: Held) -> list[Package]:
    """Each content once, wherever it lies."""
    known = {(one.name, one.version) for one in before.values()}
    fresh = {(one.name, one.version): one for one in after.values() if (one.name, one.version) not in known}
    return [fresh[key] for key in sorted(fresh)]


def _peers(project: Project, before: Held, after: Held) -> Iterator[Remark]:
    """Who wants what beside it, and what is there; what was so before is no news."""
    seen = {(who.name, name) for who, name, _ in _unmet(before)}
    for who, name, there in _unmet(after):
        if (who.name, name) in seen:
            continue
        seen.add((who.name, name))
        file, line = project.asked.get(who.name) or project.asked.get(name) or (project.manifest, None)
        yield Remark(
            level=Level.WARNING,
            title=f"{_called(who)} wants {code(f'{name}@{who.peers[name]}')} beside it",
            message=f"what is there is {_called(there)}" if there else f"there is no {code(name)}",
            path=file,
            line=line,
        )


def _unmet(held: Held) -> Iterator[tuple[Package, str, Package | None]]:
    """Who wants, the name of what it wants, and what is there instead."""
    for place, who in sorted(held.items()):
        folder = place.rpartition("/node_modules/")[0] or place.partition("node_modules/")[0].rstrip("/") or "."
        for name, wanted in sorted(who.peers.items()):
            there = nearest(held, folder, name)
            if there is None and name not in who.spare:
                yield who, name, None
            elif there is not None and not fits(there.version, wanted):
                yield who, name, there


def _programs(project: Project, before: Held, after: Held) -> Iterator[Remark]:
    """Of what the project asks for itself; where it is called by a script of the manifest, or elsewhere."""
    still = {program for one in after.values() for program in one.programs}
    gone: dict[str, str] = {}
    for name in project.asked:
        old, new = (nearest(one, project.where or ".", name) for one in (before, after))
        if old is not None and new is not None:
            gone |= {program: name for program in old.programs if program not in still}
    if not gone:
        return
    for script, text in project.scripts.items():
        for program in sorted(set(_WORDS.findall(text)) & gone.keys()):
            title = f"the program {code(program)} of {code(gone[program])} is gone"
            message = f"the script {code(script)} calls it"
            yield Remark(level=Level.WARNING, title=title, message=message, path=project.manifest)
    yield from programs_gone(project.tree, gone, project.commands)


def _old(project: Project, before: Held, after: Held) -> Iterator[Remark]:
    """Of what the project asks for itself, what its maintainers newly tell everybody to leave."""
    for name, (file, line) in project.asked.items():
        old, new = (nearest(one, project.where or ".", name) for one in (before, after))
        if new is not None and new.old and not (old is not None and old.old):
            yield Remark(
                level=Level.NOTICE,
                title=f"{_called(new)} is deprecated",
                message=f"its maintainers say: {code(new.old, most=300)}",
                path=file,
                line=line,
            )


def _called(one: Package) -> str:
    return code(f"{one.name}@{one.version}")
