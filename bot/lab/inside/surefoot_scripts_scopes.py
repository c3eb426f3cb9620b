"""Which name means what in one file of JavaScript or TypeScript: its scopes, and what each name is given.

Runs in the jail. The nodes are those of tree-sitter's grammars for both languages. A name that is declared twice, or
given twice, means nothing that can be known.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

REQUIRE, IMPORT, DYNAMIC, RESOLVE = "require", "import", "dynamic", "resolve"
PLAIN, FALLBACK, TYPES = "", "fallback", "types"
CALLED, MADE, AWAITED = "()", "new", "await"  # steps of a path: what a call gives, an object of a class, a promise
LONGEST, DEEPEST = 200, 12

Node = Any  # tree_sitter.Node, which may not be imported before its folder is on the path

_FUNCTIONS = {
    "function_declaration", "function_expression", "function", "arrow_function", "method_definition",
    "generator_function_declaration", "generator_function",
}  # fmt: skip
_BLOCKS = {"statement_block", "for_statement", "for_in_statement", "catch_clause", "switch_body", "class_body"}
_NAMED = {
    "function_declaration", "generator_function_declaration", "class_declaration", "abstract_class_declaration",
    "enum_declaration", "internal_module", "interface_declaration", "type_alias_declaration", "function_signature",
}  # fmt: skip
_OVERLOADED = {"function_signature", "interface_declaration", "internal_module"}


class Ref(NamedTuple):
    """A foreign thing: how it is come by, of which specifier, the way from there, and whether only types go there."""

    form: str
    specifier: str
    path: tuple[str, ...] = ()
    guard: str = PLAIN

    def then(self, *steps: str) -> Ref:
        """What is below it."""
        return self._replace(path=(*self.path, *steps)[: DEEPEST + 1])


class Given(NamedTuple):
    """What a name is given: an expression, and the way from its value."""

    node: Node | None
    scope: Scope
    path: tuple[str, ...] = ()


class Scope:
    """Names, and the scope around it. function: where a `var` lands."""

    __slots__ = ("above", "function", "names")

    def __init__(self, above: Scope | None = None, *, function: bool = True) -> None:
        self.above = above
        self.function = function
        self.names: dict[str, Ref | Given | None] = {}

    def declare(self, name: str, value: Ref | Given | None) -> None:
        """Twice the same name means nothing that is known."""
        self.names[name] = None if name in self.names else value

    def holder(self, name: str) -> Scope | None:
        """The scope that declares a name."""
        scope: Scope | None = self
        while scope is not None and name not in scope.names:
            scope = scope.above
        return scope

    def of_function(self) -> Scope:
        """Where a `var` lands."""
        scope = self
        while not scope.function and scope.above is not None:
            scope = scope.above
        return scope


def text(node: Node | None) -> str:
    """As it is written; "" for none."""
    return "" if node is None else (node.text or b"").decode("utf-8", "replace")


def literal(node: Node | None) -> str:
    """The text of a string without escapes; "" for all else."""
    if node is None or node.type not in ("string", "template_string"):
        return ""
    parts = node.named_children
    plain = len(parts) == 1 and parts[0].type == "string_fragment"
    return text(parts[0])[:LONGEST] if plain else ""


def words(node: Node | None) -> list[Node]:
    """The arguments of a call."""
    arguments = node.child_by_field_name("arguments") if node is not None else None
    return [one for one in arguments.named_children if one.type != "comment"] if arguments is not None else []


def only_types(node: Node) -> bool:
    """Whether an import or export is of types alone, by TypeScript's words or those of Flow, which no grammar knows."""
    kinds = {one.type for one in node.children}
    said = "ERROR" in kinds and text(node.children[1]) in ("type", "typeof")
    return said or not kinds.isdisjoint(("type", "typeof"))


def imported(node: Node) -> Iterator[tuple[str, Ref, Node]]:
    """Of an import statement: the local name ("" for none), what it means, and where that stands."""
    guard = TYPES if only_types(node) else PLAIN
    clause = next((one for one in node.named_children if one.type in ("import_clause", "import_require_clause")), None)
    if clause is not None and clause.type == "import_require_clause":
        ref = Ref(REQUIRE, literal(clause.child_by_field_name("source")), (), guard)
        yield text(clause.named_children[0]), ref, node
        return
    whole = Ref(IMPORT, literal(node.child_by_field_name("source")), (), guard)
    yield "", whole, node
    for one in clause.named_children if clause is not None else ():
        if one.type == "identifier":
            yield text(one), whole.then("default"), one
        elif one.type == "namespace_import":
            yield text(one.named_children[-1]), whole, one
        else:
            yield from _specifiers(one, whole)


def _specifiers(node: Node, whole: Ref) -> Iterator[tuple[str, Ref, Node]]:
    for one in node.named_children:
        name = one.child_by_field_name("name")
        if one.type != "import_specifier" or name is None:
            continue
        alias = one.child_by_field_name("alias") or name
        ref = whole.then(literal(name) or text(name))
        typed = one.children[0].type in ("type", "typeof") and len(one.children) > 1
        yield text(alias), ref._replace(guard=TYPES) if typed else ref, one


class Binder:
    """Walks a file once, and notes all scopes by the node that opens them, and what is declared in each."""

    def __init__(self) -> None:
        self.scopes: dict[int, Scope] = {}
        self.given: list[tuple[Scope, str, Node]] = []

    def read(self, root: Node) -> Scope:
        """The scope of the whole file. RecursionError for what is nested too deeply."""
        scope = Scope()
        self.scopes[root.id] = scope
        for one in root.named_children:
            self._walk(one, scope)
        self._reassigned()
        return scope

    def _reassigned(self) -> None:
        """Who declares a name, and gives it something once and later, means that."""
        seen: set[tuple[int, str]] = set()
        for scope, name, node in self.given:
            holder = scope.holder(name)
            if holder is None:
                continue
            held, key = holder.names[name], (id(holder), name)
            empty = isinstance(held, Given) and held.node is None and not held.path
            holder.names[name] = Given(node, scope) if empty and key not in seen else None
            seen.add(key)

    def _walk(self, node: Node, scope: Scope) -> None:
        kind = node.type
        if kind in _NAMED:
            self._named(node, scope)
        if kind in _FUNCTIONS or kind in _BLOCKS:
            scope = self.scopes[node.id] = Scope(scope, function=kind in _FUNCTIONS)
        if handler := getattr(self, f"_of_{kind}", None):
            handler(node, scope)
        for one in node.named_children:
            self._walk(one, scope)

    def _named(self, node: Node, scope: Scope) -> None:
        name = text(node.child_by_field_name("name"))
        if name and not (node.type in _OVERLOADED and name in scope.names):
            scope.declare(name, None)

    def _of_import_statement(self, node: Node, scope: Scope) -> None:
        for name, ref, _ in imported(node):
            if name:
                scope.declare(name, ref)

    def _of_lexical_declaration(self, node: Node, scope: Scope) -> None:
        for one in node.named_children:
            if one.type == "variable_declarator":
                value = one.child_by_field_name("value")
                self._pattern(one.child_by_field_name("name"), Given(value, scope), scope)

    def _of_variable_declaration(self, node: Node, scope: Scope) -> None:
        self._of_lexical_declaration(node, scope.of_function())

    def _of_for_in_statement(self, node: Node, scope: Scope) -> None:
        if node.child_by_field_name("kind") is not None:
            self._pattern(node.child_by_field_name("left"), None, scope)

    def _of_catch_clause(self, node: Node, scope: Scope) -> None:
        self._pattern(node.child_by_field_name("parameter"), None, scope)

    def _of_formal_parameters(self, node: Node, scope: Scope) -> None:
        for one in node.named_children:
            self._pattern(one.child_by_field_name("pattern") or one, None, scope)

    def _of_arrow_function(self, node: Node, scope: Scope) -> None:
        alone = node.child_by_field_name("parameter")
        if alone is not None:
            self._pattern(alone, None, scope)

    def _of_assignment_expression(self, node: Node, scope: Scope) -> None:
        left = node.child_by_field_name("left")
        if left is not None and left.type == "identifier":
            self.given.append((scope, text(left), node.child_by_field_name("right")))

    def _of_call_expression(self, node: Node, scope: Scope) -> None:
        """`import("x").then((x) => …)`: the parameter is what was imported."""
        called = node.child_by_field_name("function")
        if called is None or called.type != "member_expression":
            return
        promise, args = called.child_by_field_name("object"), words(node)
        then = text(called.child_by_field_name("property")) == "then"
        if not then or promise is None or promise.type != "call_expression" or not args:
            return
        if args[0].type == "arrow_function" and promise.child_by_field_name("function").type == "import":
            self._then(args[0], Ref(DYNAMIC, literal(next(iter(words(promise)), None))))

    def _then(self, arrow: Node, ref: Ref) -> None:
        """Walked again a moment later, which must not take it for a second declaration."""
        pattern = arrow.child_by_field_name("parameter")
        listed = arrow.child_by_field_name("parameters")
        if pattern is None and listed is not None and listed.named_children:
            first = listed.named_children[0]
            pattern = first.child_by_field_name("pattern") or first
        if pattern is not None and ref.specifier:
            self.scopes[-pattern.id] = holder = Scope()
            self._pattern(pattern, ref, holder)

    def _pattern(self, node: Node | None, value: Ref | Given | None, scope: Scope) -> None:
        """Each name of a pattern, with the way to it from the value."""
        if node is None:
            return
        if value is None and -node.id in self.scopes:
            for name, ref in self.scopes.pop(-node.id).names.items():
                scope.declare(name, ref)
            return
        match node.type:
            case "identifier" | "shorthand_property_identifier_pattern":
                scope.declare(text(node), value)
            case "object_pattern":
                for one in node.named_children:
                    self._member(one, value, scope)
            case "assignment_pattern" | "object_assignment_pattern":
                self._pattern(node.child_by_field_name("left"), value, scope)
            case "array_pattern" | "rest_pattern":
                for one in node.named_children:
                    self._pattern(one, None, scope)

    def _member(self, node: Node, value: Ref | Given | None, scope: Scope) -> None:
        if node.type == "pair_pattern":
            key = node.child_by_field_name("key")
            name = literal(key) or (text(key) if key is not None and key.type == "property_identifier" else "")
            self._pattern(node.child_by_field_name("value"), below(value, name) if name else None, scope)
            return
        short = node.child_by_field_name("left") if node.type == "object_assignment_pattern" else node
        known = short is not None and short.type == "shorthand_property_identifier_pattern"
        self._pattern(node, below(value, text(short)) if known else None, scope)


def below(value: Ref | Given | None, name: str) -> Ref | Given | None:
    """A member of what a name is given."""
    if isinstance(value, Ref):
        return value.then(name)
    return None if value is None or value.node is None else value._replace(path=(*value.path, name))
