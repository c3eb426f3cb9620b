"""What the readers of documents find agrees with the standard library, stands where they say, and has its bounds."""

from __future__ import annotations

import json
import tomllib
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.manifests import _json, _registry, _toml_tables, _xml
from bot.adapters.manifests._file import File, reading
from bot.adapters.manifests._tree import Table, Text, Value
from bot.core.errors import ConfigProblem


def file(text: str, path: str = "a/file") -> File:
    return reading(path, text, "any")


def plain(value: Value, text: str) -> object:
    """The tree as the standard library would give it; what is neither text nor table counts as nothing."""
    if isinstance(value, Text):
        assert not value.plain or text.startswith(value.value, value.at)
        return value.value
    if isinstance(value, list):
        return [plain(one, text) for one in value]
    if isinstance(value, Table):
        assert all(not key.plain or text.startswith(key.value, key.at) for key, _ in value.items())
        return {key.value: plain(one, text) for key, one in value.items()}
    return None


def known(value: object) -> object:
    """What the standard library gives, with nothing for what is neither text nor table."""
    if isinstance(value, dict):
        return {key: known(one) for key, one in value.items()}
    if isinstance(value, list):
        return [known(one) for one in value]
    return value if isinstance(value, str) else None


SIGNS = st.characters(max_codepoint=0xD7FF)  # JSON writes higher ones in pairs, which TOML refuses
WORDS = st.one_of(st.text(SIGNS, max_size=8), st.sampled_from(["1.2.3", 'it\'s "both"', "\\", "[#]", "{}", "a = b"]))
VALUES = st.recursive(
    st.one_of(WORDS, st.integers(), st.floats(0, 9), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=10,
)


@given(st.dictionaries(WORDS, VALUES, max_size=4), st.sampled_from([None, 0, 3]), st.booleans(), st.booleans())
def test_json_is_read_as_the_standard_library_reads_it(
    data: dict[str, object], indent: int | None, ascii_only: bool, mark: bool
) -> None:
    """Every key and text of any document, each at its place."""
    text = "\ufeff" * mark + json.dumps(data, indent=indent, ensure_ascii=ascii_only)
    assert plain(_json.table(file(text)), text) == known(data)


def test_of_two_keys_of_json_the_last_counts() -> None:
    """As npm and every other reader has it, with all that the first one held."""
    text = '{"a": {"b": "1", "c": "2"}, "d": "3", "a": {"b": "4"}}'
    assert plain(_json.table(file(text)), text) == known(json.loads(text))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        # Up to Python 3.12, and from 3.13 on.
        (
            '{"a": 1,\n}',
            r"a/file:(2:1: is no valid JSON: Expecting property|1:8: is no valid JSON: Illegal trailing comma)",
        ),
        ('\ufeff{"a" 1}', r"a/file:1:7: is no valid JSON: Expecting ':'"),
        ("", r"a/file:1:1: is no valid JSON"),
        ('{"a": "\n"}', r"a/file:1:8: is no valid JSON: Invalid control character"),
        ('["a"]', r"a/file:1:1: holds no JSON object"),
        ('{"a": ' + "[" * 150 + "]" * 150 + "}", r"nests deeper than 100"),
        ('{"a": ' + "[" * 100_000, r"nests deeper than 100"),
        ('{"a": "' + "x" * 600_000 + '"}', r"larger than 512 KiB"),
    ],
)
def test_what_is_no_json_names_its_place(text: str, where: str) -> None:
    """The person is led to the line, and no file is too much work."""
    with pytest.raises(ConfigProblem, match=where):
        _json.table(file(text))


def test_numbers_of_any_length_are_no_work() -> None:
    """The standard library refuses to count so far; nobody asked it to."""
    text = '{"a": ' + "9" * 100_000 + ', "b": "c"}'
    assert plain(_json.table(file(text)), text) == {"a": None, "b": "c"}


def written(value: object, style: int) -> str:
    """A value as TOML, strings in one of its forms."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        if style == 1 and value.isprintable() and "'" not in value:
            return f"'{value}'"
        escaped = json.dumps(value).replace("\x7f", "\\u007f")
        return f'""{escaped}""' if style == 2 else escaped
    if isinstance(value, list):
        end = "\n  # a comment ] \" '\n" if style else ""
        return f"[{end}" + f",{end}".join(written(one, style) for one in value) + f"{end}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{written(key, 0)} = {written(one, style)}" for key, one in value.items()) + "}"
    return "2026-01-01 10:00:00" if value is None else repr(value)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,4}", fullmatch=True), VALUES, max_size=4), st.integers(0, 2), st.data())
def test_toml_is_read_as_the_standard_library_reads_it(
    data: dict[str, object], style: int, draw: st.DataObject
) -> None:
    """Every key and text of any document: headers, dotted keys, inline tables, lists of tables, each at its place."""
    text = draw.draw(st.sampled_from(["", "\ufeff", "# [x]\n"]))
    for key, value in data.items():
        # An inline table may not hold line ends, so what holds one is written plainly.
        line = written(value, 0 if "{" in str(value) else style)
        text += draw.draw(
            st.sampled_from(
                [
                    f"[t.{key}]\n'a.b' . c = {line}\n",
                    f'[[l.{key}]]\nd.e = {line} # end\n[[ l . {key} ]]\nf={line}\n[l.{key}.g]\n"h" = {line}\r\n',
                    f'["q"."{key}"]\r\n',
                ]
            )
        )
    assert plain(_toml_tables.table(file(text)), text) == known(tomllib.loads(text.removeprefix("\ufeff")))


def test_toml_has_many_forms() -> None:
    """Long strings, hidden line ends, numbers with dots, dates with blanks, and keys in quotes."""
    text = (
        'a = """\nfirst \\\n   second\\u0041 ""quoted"" """""\n'
        "b = '''\r\nraw \\n'''\nc = 1979-05-27 07:32:00.5\nd = [1.5, -2e3, +inf, [\"x\"], {y = 'z'}]\n"
        "\"e.f\".g = 'h' # i = 'j'\n'' = \"k\"\n[l]\n[l.m]\nn = true\n"
    )
    assert plain(_toml_tables.table(file(text)), text) == known(tomllib.loads(text))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('[a]\nb = ["c"', r"a/file:2: is no valid TOML"),
        ("a = 1\na = 2\n", r"a/file:2:6: is no valid TOML: Cannot overwrite a value"),
        ("a = " + "9" * 5000, r"a/file:1: is no valid TOML: Exceeds the limit"),
        ("a = " + "[" * 150 + "]" * 150, r"a/file:1:105: is no valid TOML: it nests deeper than 100"),
        ("a." * 200 + "b = 1", r"it nests deeper than 100"),
        ("[" + "a." * 250_000 + "b]", r"it nests deeper than 100"),
        ("a = '" + "x" * 600_000 + "'", r"larger than 512 KiB"),
        ("a = \x00", r"a/file:1:5: is no valid TOML"),
    ],
)
def test_what_is_no_toml_names_its_place(text: str, where: str) -> None:
    """The person is led to the line, and no file is too much work."""
    with pytest.raises(ConfigProblem, match=where):
        _toml_tables.table(file(text))


LETTERS = st.text("abc12.&<>'\"é€ \n\t", max_size=8)
TREES = st.recursive(
    st.tuples(st.sampled_from("abc"), st.dictionaries(st.sampled_from("xyz"), LETTERS, max_size=2), LETTERS),
    lambda inner: st.tuples(
        st.sampled_from("abc"),
        st.dictionaries(st.sampled_from("xyz"), LETTERS, max_size=2),
        st.lists(inner, max_size=3),
    ),
    max_leaves=8,
)


def built(tree: tuple[str, dict[str, str], object]) -> ElementTree.Element:
    name, attributes, inside = tree
    made = ElementTree.Element(name, attributes)
    if isinstance(inside, list):
        made.text = "\n  "
        made.extend(built(one) for one in inside)
    else:
        made.text = str(inside)
    return made


def same(found: _xml.Element, wanted: ElementTree.Element, text: str) -> bool:
    """Whether the two agree, and all that is plain stands where it says."""
    texts = [one for one in (found.text, *found.attributes.values()) if one]
    assert all(text.startswith(one.value, one.at) for one in texts if one.plain)
    value = (wanted.text or "").strip() if not len(wanted) else ""
    return (
        (found.name, found.text.value if found.text else "") == (wanted.tag, value)
        and {key: one.value for key, one in found.attributes.items()} == wanted.attrib
        and len(found.children) == len(wanted)
        and all(same(one, other, text) for one, other in zip(found.children, wanted, strict=True))
    )


@given(TREES, st.sampled_from(["", "\ufeff", '<?xml version="1.0" encoding="ISO-8859-1"?>\r\n', "<!-- é <a> -->\n"]))
def test_xml_is_read_as_the_standard_library_reads_it(tree: tuple[str, dict[str, str], object], head: str) -> None:
    """Every element, attribute and text of any document; plain ones stand where they say, whatever the letters."""
    text = head + ElementTree.tostring(built(tree), encoding="unicode")
    found = _xml.root(file(text))
    assert found is not None
    assert same(found, ElementTree.fromstring(text.removeprefix(head)), text)


def test_what_xml_hides_is_not_plain() -> None:
    """Sections, comments and character references inside of a text: its value is known, its place is not."""
    text = "<a><b><![CDATA[ 1.0 ]]></b><c>1.<!-- x -->0</c><d>1&#46;0</d><e x='1&#46;0' y = \"2\"/>t</a>"
    found = _xml.root(file(text))
    assert found is not None and found.text is None
    b, c, d, e = found.children
    assert [(one.text.value, one.text.plain) for one in (b, c, d) if one.text] == [
        ("1.0", True),
        ("1.0", False),
        ("1.0", False),
    ]
    assert b.text and text[b.text.at :].startswith("1.0 ]]")
    assert (e.attributes["x"].plain, e.attributes["y"]) == (False, Text(value="2", at=text.index('"2"') + 1))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("<a>\n<b></a>", r"a/file:2:6: is no valid XML: mismatched tag"),
        ("<é>€</é><b/>", r"a/file:1:9: is no valid XML: junk after document element"),
        ("", r"a/file:1:1: is no valid XML: no element found"),
        ("<a>\x00</a>", r"is no valid XML"),
        ("<a>\ud800</a>", r"a/file:1:4: is no valid XML: it holds half a character"),
        ("<!DOCTYPE a [\n<!ENTITY b 'c'>]><a>&b;</a>", r"a/file:2:\d+: declares an entity"),
        ("<!DOCTYPE a [<!ENTITY % b SYSTEM 'file:///etc/passwd'>%b;]><a/>", r"declares an entity"),
        ("<a>" * 150 + "</a>" * 150, r"a/file:1:\d+: nests deeper than 100"),
        ("<a>" * 150_000, r"nests deeper than 100"),
        ("<a>" + "x" * 600_000 + "</a>", r"larger than 512 KiB"),
    ],
)
def test_what_is_no_xml_names_its_place(text: str, where: str) -> None:
    """The person is led to the line; no entity is taken, and no file is too much work."""
    with pytest.raises(ConfigProblem, match=where):
        _xml.root(file(text))


def test_a_letter_that_only_html_names_is_passed_over() -> None:
    """Maven reads such files too."""
    found = _xml.root(file("<a><name>S&oslash;ren</name><v>1.0</v></a>"))
    assert found is not None and found.child("v") == Text(value="1.0", at=31)


@pytest.mark.parametrize("text", ["{{ '<a>' }}\n<a", "{% if x %}\n{", "<% if x %>"])
def test_a_template_need_not_be_valid(text: str) -> None:
    """What a template engine must still write holds nothing yet."""
    assert list(_json.table(file(text)).items()) == list(_toml_tables.table(file(text)).items()) == []
    assert _xml.root(file(text)) is None


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://example.org/a/", "https://example.org/a"),
        ("HTTPS://user:pass@example.org:8443/a?b=c", "https://example.org:8443/a?b=c"),
        ("git@example.org:a/b.git", None),
        ("file:///a", None),
        ("https://[::1", None),
        ("", None),
    ],
)
def test_no_login_is_taken_from_a_file(url: str, place: str | None) -> None:
    """Where a package comes from is a URL; who may read there is said elsewhere."""
    assert _registry.place(url) == place
