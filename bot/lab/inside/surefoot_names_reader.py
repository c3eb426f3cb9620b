"""Walks one Python file in its order, and notes each use of a foreign name. Part of what runs in the jail.

A use is a path as `sqlalchemy.create_engine.().execute`, where "()" stands for what a call gives. Only what can be read
off the file is followed: what is imported, what is given such a name once, what an annotation says.
"""

from __future__ import annotations

import ast
import itertools
import sys
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Any

from bot.lab.inside.surefoot_names_scopes import (
    CALLED,
    FALLBACK,
    PLAIN,
    TYPES,
    Function,
    Ref,
    Scope,
    asks,
    given_twice,
    is_static,
    leaves,
    names_in,
    shape_of,
)

# Who catches everything has an answer to a missing module, but seldom one to a call that never works.
_CATCHING_IMPORTS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException", "raises"}
_CATCHING_USES = {"AttributeError", "TypeError", "raises"}
_CATCHING = _CATCHING_IMPORTS | _CATCHING_USES
_NAMING = {"patch", "setattr", "delattr", "import_module", "importorskip", "object"}
_LONGEST = 300

Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


class Reader(ast.NodeVisitor):
    """Walks one file in its order."""

    def __init__(self) -> None:
        self.found: dict[tuple[Any, ...], None] = {}
        self.scope = Scope()
        self.guard = PLAIN
        self.caught: frozenset[str] = frozenset()

    def use(self, ref: Ref, line: int, call: ast.Call | None = None) -> None:
        """One use; what begins with two underscores is every object's."""
        guard = ref.guard or self.guard or (FALLBACK if self.caught & _CATCHING_USES else PLAIN)
        path = list(itertools.takewhile(lambda step: step == "__init__" or not step.startswith("__"), ref.path))
        shape = None if call is None or len(path) < len(ref.path) else shape_of(call)
        while path and path[-1] == CALLED:
            path.pop()
        self._keep(path, line, guard, shape)

    def _imported(self, ref: Ref, line: int) -> None:
        self._keep(list(ref.path), line, self._import_guard(), None)

    def _import_guard(self) -> str:
        return self.guard or (FALLBACK if self.caught & _CATCHING_IMPORTS else PLAIN)

    def _keep(self, path: list[str], line: int, guard: str, shape: tuple[Any, ...] | None) -> None:
        text = ".".join(path)
        if text and len(text) <= _LONGEST and path[0] not in sys.stdlib_module_names:
            self.found[text, line, guard, shape] = None

    # What is imported

    def visit_Import(self, node: ast.Import) -> None:
        """`import a.b` binds `a`; `import a.b as c` binds all of it."""
        for one in node.names:
            path = tuple(one.name.split("."))
            self._imported(Ref(path), one.lineno)
            self._bind(one.asname or path[0], Ref(path if one.asname else path[:1], self._import_guard()))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """A relative one is the tree's own."""
        for one in node.names:
            if node.level or not node.module or one.name == "*":
                self.scope.names[one.asname or one.name] = None
                if node.module and not node.level:
                    self._imported(Ref(tuple(node.module.split("."))), one.lineno)
                continue
            ref = Ref((*node.module.split("."), one.name), self._import_guard())
            self._imported(ref, one.lineno)
            self._bind(one.asname or one.name, ref)

    def _bind(self, name: str, ref: Ref) -> None:
        """Bound twice, as in a try and its except, the name means the second only to whoever came there.

        Bound once, in a try, it may be missing as a whole; who has it relies on what is below it.
        """
        before = self.scope.names.get(name)
        twice = before is not None and before.path != ref.path and bool(ref.guard)
        deep = TYPES if ref.guard == TYPES else FALLBACK if twice else PLAIN
        self.scope.names[name] = Ref(ref.path, ref.guard, deep)

    # What is meant by an expression

    def meant(self, node: ast.expr | None) -> Ref | None:
        """The foreign thing that an expression gives, where that can be read off."""
        match node:
            case ast.Name(id=name):
                return self.scope.find(name)
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if (holder := self.scope.object(name)) is not None:
                return self._of_object(holder, attr)
            case ast.Attribute(value=value, attr=attr):
                return None if (ref := self.meant(value)) is None else ref.then(attr)
            case ast.Call(func=ast.Name(id="super"), args=[]):
                return self._super()
            case ast.Call(func=called):
                return None if (ref := self.meant(called)) is None else ref.then(CALLED)
            case ast.Await(value=value) | ast.NamedExpr(value=value):
                return self.meant(value)
        return None

    def _of_object(self, holder: Scope, attr: str) -> Ref | None:
        if attr in holder.own:
            return holder.own[attr]
        return None if holder.base is None else holder.base.then(CALLED, attr)

    def _super(self) -> Ref | None:
        scope: Scope | None = self.scope
        while scope is not None and scope.base is None:
            scope = scope.above
        return None if scope is None or scope.base is None else scope.base.then(CALLED)

    def typed(self, node: ast.expr | None) -> Ref | None:
        """An object of the class that an annotation names; of `X | None` and `Optional[X]` it is X."""
        match node:
            case ast.BinOp(left=left, op=ast.BitOr(), right=ast.Constant(value=None)):
                return self.typed(left)
            case ast.Subscript(value=ast.Name(id="Optional") | ast.Attribute(attr="Optional"), slice=inner):
                return self.typed(inner)
            case ast.Constant(value=str(text)):
                return self.typed(_parsed(text))
            case ast.Name() | ast.Attribute():
                return None if (ref := self.meant(node)) is None else ref.then(CALLED)
        return None

    # Where it is used

    def visit_Name(self, node: ast.Name) -> None:
        """A name that means something foreign."""
        if isinstance(node.ctx, ast.Load) and (ref := self.meant(node)) is not None:
            self.use(ref, node.lineno)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """The whole chain at once; what it begins with is looked at only where the chain leads nowhere."""
        if (ref := self.meant(node)) is not None:
            self.use(ref, node.end_lineno or node.lineno)
            self._inner_calls(node.value)
        else:
            self.visit(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        """A call, with its shape, and all that is handed to it."""
        if (ref := self.meant(node.func)) is not None:
            self.use(ref, node.func.end_lineno or node.lineno, node)
            self._inner_calls(node.func)
        else:
            self.visit(node.func)
        self._named_in_words(node)
        for child in (*node.args, *node.keywords):
            self.visit(child)

    def _inner_calls(self, node: ast.expr) -> None:
        """The calls inside of a chain: `a.b(x=1).c` calls `a.b`."""
        while isinstance(node, ast.Attribute | ast.Await):
            node = node.value
        if isinstance(node, ast.Call):
            self.visit_Call(node)

    def _named_in_words(self, node: ast.Call) -> None:
        """`patch("a.b.c")` names a place by its words, `patch.object(a.b, "c")` the last step of it."""
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        match node:
            # Both have a word for one that need not be there (`raising=False`, `create=True`).
            case ast.Call(
                func=ast.Attribute(attr="object" | "setattr" | "delattr"),
                args=[held, ast.Constant(value=str(last)), *_],
                keywords=[],
            ) if last.isidentifier() and (ref := self.meant(held)) is not None:
                self.use(ref.then(last), node.lineno)
        if name in _NAMING and node.args and isinstance(node.args[0], ast.Constant):
            text = node.args[0].value
            if isinstance(text, str) and "." in text and all(part.isidentifier() for part in text.split(".")):
                # Told apart from an import only by who asks: a missing one may be what the test is about.
                self.use(Ref(tuple(text.split(".")), FALLBACK if name == "importorskip" else PLAIN), node.lineno)

    # What gets a name

    def visit_Assign(self, node: ast.Assign) -> None:
        """A name that is given once means what it was given."""
        self.visit(node.value)
        for target in node.targets:
            if not self._stands_in(target, node.value):
                self._given(target, self.meant(node.value))

    def _stands_in(self, target: ast.expr, value: ast.expr) -> bool:
        """`a = None` where the import of `a` failed: whoever uses it has it."""
        if not isinstance(target, ast.Name) or not isinstance(value, ast.Constant):
            return False
        known = self.scope.names.get(target.id)
        return value.value is None and known is not None and known.guard == FALLBACK

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """An annotation says the class."""
        self.visit(node.annotation)
        if node.value is not None:
            self.visit(node.value)
        self._given(node.target, self.typed(node.annotation) or self.meant(node.value))

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        """As an assignment."""
        self.visit(node.value)
        self._given(node.target, self.meant(node.value))

    def _given(self, target: ast.expr, ref: Ref | None) -> None:
        if isinstance(target, ast.Name):
            known = self.scope.names.get(target.id, ref)
            same = known is not None and ref is not None and known.path == ref.path
            self.scope.names[target.id] = ref if same else None
            return
        for part in ast.walk(target):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                self.scope.names[part.id] = None
        if not isinstance(target, ast.Name):
            self.generic_visit(target)

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        self._given(node.target, None)
        self._guarded((*node.body, *node.orelse), PLAIN)

    visit_For = visit_AsyncFor = _for

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        """What a `with` gives is what `__enter__` gives; most often the thing itself."""
        for item in node.items:
            self.visit(item.context_expr)
            if item.optional_vars is not None:
                ref = self.meant(item.context_expr)
                self._given(item.optional_vars, ref if ref is not None and ref.path[-1] == CALLED else None)
        named = {name for item in node.items for name in names_in(item.context_expr)}
        self._catching(node.body, named & _CATCHING)

    visit_With = visit_AsyncWith = _with

    # Where it may fail

    def _guarded(self, body: Iterable[ast.AST], guard: str) -> None:
        before, self.guard = self.guard, guard or self.guard
        for one in body:
            self.visit(one)
        self.guard = before

    def _catching(self, body: Iterable[ast.stmt], caught: AbstractSet[str]) -> None:
        before, self.caught = self.caught, self.caught | caught
        self._guarded(body, PLAIN)
        self.caught = before

    def visit_Try(self, node: ast.Try) -> None:
        """Who catches an ImportError has an answer to it."""
        named = [names_in(handler.type) if handler.type else ["Exception"] for handler in node.handlers]
        caught = {name for names in named for name in names} & _CATCHING
        self._catching(node.body, caught)
        for handler in node.handlers:
            if handler.name:
                self.scope.names[handler.name] = None
            # The second way is gone only where the first is not.
            self._catching(handler.body, caught)
        self._catching((*node.orelse, *node.finalbody), set())

    def visit_TryStar(self, node: Any) -> None:
        """As the other."""
        self.visit_Try(node)

    def visit_If(self, node: ast.If) -> None:
        """Who asks for a version or a name first has two ways; what follows a way that leaves is the other one."""
        self.visit(node.test)
        typing = "type_checking" in {name.lower() for name in names_in(node.test)}
        guard = TYPES if typing else FALLBACK if asks(node.test) else PLAIN
        self._guarded(node.body, guard)
        self._guarded(node.orelse, PLAIN if typing else guard)
        if guard == FALLBACK and leaves(node.body):
            self.guard = FALLBACK  # until the block ends that holds it

    def visit_IfExp(self, node: ast.IfExp) -> None:
        """As the statement."""
        self.visit(node.test)
        self._guarded((node.body, node.orelse), FALLBACK if asks(node.test) else PLAIN)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        """`hasattr(a, "b") and a.b`."""
        self.visit(node.values[0])
        self._guarded(node.values[1:], FALLBACK if asks(node.values[0]) else PLAIN)

    # Rooms

    def _function(self, node: Function) -> None:
        arguments = node.args
        for one in (*node.decorator_list, *arguments.defaults, *filter(None, arguments.kw_defaults)):
            self.visit(one)
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        given = [one for one in every if one is not None]
        for hint in (*(one.annotation for one in given), node.returns):
            if hint is not None:
                self.visit(hint)
        names = {one.arg: self.typed(one.annotation) for one in given}
        for more in (arguments.vararg, arguments.kwarg):
            names.update({more.arg: None} if more else {})
        self.scope.names[node.name] = None
        in_class, static = self.scope.me == CALLED, is_static(node)
        me = given[0].arg if in_class and given and not static else ""
        base, own = (self.scope.base, self.scope.own) if me else (None, {})
        # Names of a class are not seen by its methods.
        above = self.scope.above if in_class else self.scope
        self._within(Scope(names={**names, **given_twice(node)}, above=above, me=me, own=own, base=base), node.body)

    visit_FunctionDef = visit_AsyncFunctionDef = _function

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Its parameters mean nothing foreign."""
        every = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
        self._within(Scope(names={one.arg: None for one in every}, above=self.scope), [node.body])

    def _comprehension(self, node: Comprehension) -> None:
        names = {name: None for part in node.generators for name in names_in(part.target)}
        inner = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self._within(Scope(names={**names}, above=self.scope), [*node.generators, *inner])

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = _comprehension

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Its attributes, its one foreign base, and its methods."""
        for one in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(one)
        bases = [base.value if isinstance(base, ast.Subscript) else base for base in node.bases]
        base = self.meant(bases[0]) if len(bases) == 1 else None
        self.scope.names[node.name] = None
        self._within(Scope(above=self.scope, me=CALLED, own=self._own(node), base=base), node.body)

    def _own(self, node: ast.ClassDef) -> dict[str, Ref | None]:
        """What the class itself defines, and what its methods put into `self`."""
        own: dict[str, Ref | None] = {}
        for part in ast.walk(node):
            match part:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    own[name] = None
                case ast.Name(id=name, ctx=ast.Store()):
                    own[name] = None
                case ast.Assign(targets=[ast.Attribute(value=ast.Name(), attr=name)], value=value):
                    ref = self.meant(value)
                    own[name] = ref if name not in own or own[name] == ref else None
                case ast.Attribute(attr=name, ctx=ast.Store()):
                    own.setdefault(name, None)
        return own

    def _within(self, scope: Scope, body: Iterable[ast.AST]) -> None:
        before, self.scope = self.scope, scope
        self._guarded(body, PLAIN)
        self.scope = before


def _parsed(text: str) -> ast.expr | None:
    """An annotation that is written as a string."""
    try:
        return ast.parse(text, mode="eval").body if len(text) <= _LONGEST else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def uses(text: str) -> list[tuple[Any, ...]]:
    """(path, line, guard, shape of the call or None) of one file.

    SyntaxError, ValueError, RecursionError or MemoryError for one that cannot be read.
    """
    reader = Reader()
    reader.visit(ast.parse(text))
    return list(reader.found)
