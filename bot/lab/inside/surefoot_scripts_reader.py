"""Walks one file of JavaScript or TypeScript in its order, and notes each use of a foreign name. Runs in the jail.

A use is a specifier, how it is come by, and the way from there: `glob` by `require`, then `sync`. "new" is a step to an
object of a class. What a call gives cannot be known and ends the way.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bot.lab.inside.surefoot_scripts_scopes import (
    AWAITED,
    CALLED,
    DYNAMIC,
    FALLBACK,
    LONGEST,
    MADE,
    PLAIN,
    REQUIRE,
    RESOLVE,
    TYPES,
    Binder,
    Given,
    Node,
    Ref,
    Scope,
    imported,
    literal,
    only_types,
    text,
    words,
)

_THROUGH = {"parenthesized_expression", "as_expression", "satisfies_expression", "non_null_expression"}
_FUNCTIONS = {"function_expression", "function", "arrow_function", "generator_function"}
_OWN_THIS = {"function_declaration", "function_expression", "function", "generator_function"}
_STAND_INS = {"spyOn", "stub", "replace", "method", "fake"}  # of jest, vitest, sinon and node:test
_MOCKS = {"mock", "unmock", "doMock", "requireActual", "requireMock", "importActual", "importMock"}
_ASKING = {"if_statement": "condition", "ternary_expression": "condition", "while_statement": "condition"}
_EITHER = {"&&", "||", "??"}
Shape = tuple[int, bool, bool, bool]  # how many arguments, more may come of a spread, the last is a function, by `new`


class Reader:
    """One file. found: (form, specifier, path, line, guard, shape, whether it loads it here), each once, in order."""

    def __init__(self, root: Node, wanted: Iterable[str]) -> None:
        self.wanted = frozenset(wanted)
        self.kept: dict[tuple[Any, ...], None] = {}
        self.asked: set[tuple[str, str, tuple[str, ...]]] = set()
        self.caught = False
        self.bases: list[tuple[Ref, frozenset[str]] | None] = []
        self.memo: dict[int, Ref | None] = {}
        self.busy: set[int] = set()
        self.binder = Binder()
        self.visit(root, self.binder.read(root))

    @property
    def found(self) -> list[tuple[Any, ...]]:
        """Who asks for a name anywhere in a file has an answer to its absence there."""
        return [self._softened(one) for one in self.kept]

    def _softened(self, use: tuple[Any, ...]) -> tuple[Any, ...]:
        form, specifier, path, line, guard, shape, loads = use
        above = ((form, specifier, path[:place]) for place in range(1, len(path) + 1))
        asked = guard == PLAIN and any(one in self.asked for one in above)
        return (form, specifier, path, line, FALLBACK if asked else guard, shape, loads)

    # Noting

    def use(
        self, ref: Ref | None, node: Node, *, shape: Shape | None = None, guard: str = PLAIN, loads: bool = False
    ) -> None:
        """One use, as far as it can be asked for. loads: here the package is come by."""
        if ref is None or package_of(ref.specifier) not in self.wanted:
            return
        path = ref.path
        ends = [place for place, step in enumerate(path) if step in (CALLED, AWAITED)]
        if ends or len(path) > 8 or any(len(step) > LONGEST for step in path):
            path, shape = path[: min([*ends, 8])], None
        self.kept[ref.form, ref.specifier, path, node.start_point[0] + 1, guard or ref.guard, shape, loads] = None

    def ask(self, node: Node | None, scope: Scope) -> None:
        """Somebody looks whether it is there."""
        while node is not None and node.type in ("parenthesized_expression", "unary_expression"):
            node = node.named_children[-1] if node.named_children else None
        if node is not None and node.type == "binary_expression":
            if text(node.child_by_field_name("operator")) in _EITHER:
                self.ask(node.child_by_field_name("left"), scope)
                self.ask(node.child_by_field_name("right"), scope)
            return
        ref = self.meant(node, scope)
        if ref is not None and ref.path:
            self.asked.add((ref.form, ref.specifier, ref.path))

    # What is meant by an expression

    def meant(self, node: Node | None, scope: Scope) -> Ref | None:
        """The foreign thing that an expression gives, where that can be read off."""
        if node is None:
            return None
        if node.id not in self.memo:
            self.memo[node.id] = self._meant(node, scope)
        return self.memo[node.id]

    def _meant(self, node: Node, scope: Scope) -> Ref | None:
        kind = node.type
        if kind in _THROUGH:
            return self.meant(node.named_children[0] if node.named_children else None, scope)
        match kind:
            case "identifier" | "type_identifier" | "shorthand_property_identifier_pattern":
                return self._named(text(node), scope)
            case "shorthand_property_identifier":
                return self._named(text(node), scope)
            case "member_expression" | "nested_type_identifier" | "nested_identifier" | "subscript_expression":
                return self._member(node, scope)
            case "await_expression":
                ref = self.meant(node.named_children[-1] if node.named_children else None, scope)
                return ref._replace(path=ref.path[:-1]) if ref and ref.path[-1:] == (AWAITED,) else None
            case "call_expression":
                return self._call(node, scope)
            case "new_expression":
                ref = self.meant(node.child_by_field_name("constructor"), scope)
                return ref.then(MADE) if ref else None
            case "assignment_expression":
                return self.meant(node.child_by_field_name("right"), scope)
        return None

    def _named(self, name: str, scope: Scope) -> Ref | None:
        holder = scope.holder(name)
        value = holder.names[name] if holder is not None else None
        if not isinstance(value, Given):
            return value
        if value.node is None or value.node.id in self.busy:
            return None
        self.busy.add(value.node.id)
        ref = self.meant(value.node, value.scope)
        self.busy.discard(value.node.id)
        return ref.then(*value.path) if ref else None

    def _member(self, node: Node, scope: Scope) -> Ref | None:
        holder = node.child_by_field_name("object") or node.child_by_field_name("module") or node.named_children[0]
        last = node.child_by_field_name("property") or node.child_by_field_name("name")
        name = literal(node.child_by_field_name("index")) if node.type == "subscript_expression" else text(last)
        if not name or name.startswith("#"):
            return None
        if holder.type in ("this", "super"):
            base = self.bases[-1] if self.bases else None
            return base[0].then(MADE, name) if base and name not in base[1] else None
        ref = self.meant(holder, scope)
        return ref.then(name) if ref else None

    def _call(self, node: Node, scope: Scope) -> Ref | None:
        called, args = node.child_by_field_name("function"), words(node)
        first = literal(args[0]) if args else ""
        if called is None or called.type == "import":
            return Ref(DYNAMIC, first, (AWAITED,)) if first else None
        if called.type == "identifier" and text(called) == "require" and self._is_require(scope):
            return Ref(REQUIRE, first) if first else None
        ref = self.meant(called, scope)
        return ref.then(CALLED) if ref else None

    def _is_require(self, scope: Scope) -> bool:
        holder = scope.holder("require")
        value = holder.names["require"] if holder is not None else None
        made = value.node.child_by_field_name("function") if isinstance(value, Given) and value.node else None
        return holder is None or text(made).endswith("createRequire")

    # Walking

    def visit(self, node: Node, scope: Scope) -> None:
        """Note what is used here and below."""
        scope = self.binder.scopes.get(node.id, scope)
        handler = getattr(self, f"_visit_{node.type}", None)
        if handler is not None:
            handler(node, scope)
            return
        if (asks := _ASKING.get(node.type)) is not None:
            self.ask(node.child_by_field_name(asks), scope)
        self._below(node, scope)

    def _below(self, node: Node, scope: Scope) -> None:
        if node.type in _OWN_THIS:
            self.bases.append(None)
        for one in node.named_children:
            self.visit(one, scope)
        if node.type in _OWN_THIS:
            self.bases.pop()

    def _visit_import_statement(self, node: Node, scope: Scope) -> None:
        for _, ref, place in imported(node):
            self.use(ref, place, loads=not ref.path)

    def _visit_export_statement(self, node: Node, scope: Scope) -> None:
        source = literal(node.child_by_field_name("source"))
        if not source:
            self._below(node, scope)
            return
        whole = Ref("import", source, (), TYPES if only_types(node) else PLAIN)
        self.use(whole, node, loads=True)
        for clause in node.named_children:
            for one in clause.named_children if clause.type == "export_clause" else ():
                name = one.child_by_field_name("name")
                self.use(whole.then(literal(name) or text(name)), one)

    def _visit_export_specifier(self, node: Node, scope: Scope) -> None:
        name = node.child_by_field_name("name")
        self.use(self.meant(name, scope), node)

    def _plain(self, node: Node, scope: Scope) -> None:
        self.use(self.meant(node, scope), node)

    _visit_identifier = _visit_shorthand_property_identifier = _plain
    _visit_shorthand_property_identifier_pattern = _plain

    def _visit_object_assignment_pattern(self, node: Node, scope: Scope) -> None:
        """`const { a = 1 } = x` has an answer to its absence."""
        self.ask(node.child_by_field_name("left"), scope)
        self._below(node, scope)

    def _visit_type_identifier(self, node: Node, scope: Scope) -> None:
        self.use(self.meant(node, scope), node, guard=TYPES)

    def _visit_nested_type_identifier(self, node: Node, scope: Scope) -> None:
        self.use(self.meant(node, scope), node, guard=TYPES)

    def _visit_member_expression(self, node: Node, scope: Scope) -> None:
        ref, holder = self.meant(node, scope), node.child_by_field_name("object")
        self.use(ref, _last(node))
        if any(one.type == "optional_chain" for one in node.children):
            self.ask(holder, scope)
        if ref is not None:
            self._chain(holder, scope)
        elif holder is not None:
            self.visit(holder, scope)
        if node.type == "subscript_expression" and (index := node.child_by_field_name("index")) is not None:
            self.visit(index, scope)

    _visit_subscript_expression = _visit_nested_identifier = _visit_member_expression

    def _chain(self, node: Node | None, scope: Scope) -> None:
        """What stands before a dot was noted with what stands behind it; calls within it were not."""
        while node is not None and (node.type in _THROUGH or node.type in ("member_expression", "await_expression")):
            if any(one.type == "optional_chain" for one in node.children):
                self.ask(node.child_by_field_name("object"), scope)
            inner = node.child_by_field_name("object")
            node = inner or (node.named_children[0] if node.named_children else None)
        if node is not None and (node.type != "identifier" or self.meant(node, scope) is None):
            self.visit(node, scope)

    def _visit_call_expression(self, node: Node, scope: Scope) -> None:
        called, args = node.child_by_field_name("function"), words(node)
        ref = self.meant(node, scope)
        if ref is not None and (ref.path in ((), (AWAITED,))) and ref.form in (REQUIRE, DYNAMIC):
            self.use(ref._replace(path=()), node, guard=FALLBACK if self.caught else PLAIN, loads=True)
        elif called is not None and (meant := self.meant(called, scope)) is not None:
            if any(one.type == "optional_chain" for one in node.children):
                self.ask(called, scope)
            self.use(meant, _last(called), shape=_shape(args, makes=False))
            self._chain(called, scope)
        elif called is not None:
            self._stand_in(called, args, scope)
            self.visit(called, scope)
        for one in args:
            self.visit(one, scope)

    def _stand_in(self, called: Node, args: list[Node], scope: Scope) -> None:
        """`jest.mock("x")` and `require.resolve("x")` name a module, `jest.spyOn(x, "name")` a member."""
        name = text(called.child_by_field_name("property")) if called.type == "member_expression" else ""
        holder = text(called.child_by_field_name("object")) if name else ""
        first = literal(args[0]) if args else ""
        if first and ((name == "resolve" and holder == "require") or (name in _MOCKS and holder in ("jest", "vi"))):
            virtual = name in ("mock", "doMock") and len(args) > 2
            guard = FALLBACK if virtual or self.caught else PLAIN
            self.use(Ref(RESOLVE, first), called, guard=guard, loads=True)
        elif name in _STAND_INS and len(args) > 1 and (member := literal(args[1])):
            ref = self.meant(args[0], scope)
            self.use(ref.then(member) if ref else None, args[1])

    def _visit_new_expression(self, node: Node, scope: Scope) -> None:
        made = node.child_by_field_name("constructor")
        ref = self.meant(made, scope)
        if ref is not None and made is not None:
            self.use(ref, _last(made), shape=_shape(words(node), makes=True))
            self._chain(made, scope)
        elif made is not None:
            self.visit(made, scope)
        for one in words(node):
            self.visit(one, scope)

    def _visit_unary_expression(self, node: Node, scope: Scope) -> None:
        if text(node.child_by_field_name("operator")) in ("typeof", "!", "delete", "void"):
            self.ask(node.child_by_field_name("argument"), scope)
        self._below(node, scope)

    def _visit_binary_expression(self, node: Node, scope: Scope) -> None:
        sign, left, right = (node.child_by_field_name(name) for name in ("operator", "left", "right"))
        if text(sign) in _EITHER:
            self.ask(left, scope)
        if text(sign) == "in" and (member := literal(left)) and (ref := self.meant(right, scope)) is not None:
            self.asked.add((ref.form, ref.specifier, (*ref.path, member)))
        self._below(node, scope)

    def _visit_assignment_expression(self, node: Node, scope: Scope) -> None:
        """Who puts a member there does not need it to be there."""
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is not None and left.type == "member_expression":
            self.visit(left.child_by_field_name("object"), scope)
        elif left is not None and left.type != "identifier":
            self.visit(left, scope)
        if right is not None:
            self.visit(right, scope)

    def _visit_try_statement(self, node: Node, scope: Scope) -> None:
        body, handler = node.child_by_field_name("body"), node.child_by_field_name("handler")
        before, self.caught = self.caught, self.caught or handler is not None
        if body is not None:
            self.visit(body, scope)
        self.caught = before
        for one in node.named_children:
            if body is None or one.id != body.id:
                self.visit(one, scope)

    def _visit_class_declaration(self, node: Node, scope: Scope) -> None:
        heritage = next((one for one in node.named_children if one.type == "class_heritage"), None)
        base = self.meant(_base(heritage), scope)
        body = node.child_by_field_name("body")
        own = _own_members(body) if base is not None and body is not None else frozenset()
        for one in node.named_children:
            self.bases.append((base, own) if base is not None and one.type == "class_body" else None)
            self.visit(one, scope)
            self.bases.pop()

    _visit_class = _visit_abstract_class_declaration = _visit_class_declaration


def package_of(specifier: str) -> str:
    """The name of the package that a specifier leads to; "" for a path or a URL."""
    if not specifier or specifier[0] in "./#" or ":" in specifier:
        return ""
    return "/".join(specifier.split("/")[: 2 if specifier.startswith("@") else 1])


def _last(node: Node) -> Node:
    return node.child_by_field_name("property") or node


def _shape(args: list[Node], *, makes: bool) -> Shape:
    spread = any(one.type == "spread_element" for one in args)
    return len(args), spread, bool(args) and args[-1].type in _FUNCTIONS, makes


def _base(heritage: Node | None) -> Node | None:
    """What a class extends: right there in JavaScript, in a clause in TypeScript."""
    first = heritage.named_children[0] if heritage is not None and heritage.named_children else None
    if first is None or first.type != "extends_clause":
        return None if first is None or first.type == "implements_clause" else first
    return first.child_by_field_name("value")


def _own_members(body: Node) -> frozenset[str]:
    """What the class declares itself, and what it puts on `this` anywhere."""
    names = {
        text(one.child_by_field_name("name") or one.child_by_field_name("property")) for one in body.named_children
    }
    waiting = [body]
    while waiting:
        node = waiting.pop()
        left = node.child_by_field_name("left") if node.type == "assignment_expression" else None
        if left is not None and left.type == "member_expression" and text(left).startswith("this."):
            names.add(text(left.child_by_field_name("property")))
        waiting += node.named_children
    return frozenset(names)
