"""The expressions of workflows: values, comparisons, functions; what is unknown is an error, not a guess."""

import pytest

from bot.demo.box.expressions import ExpressionError, evaluate, fill, truth

CONTEXT = {
    "inputs": {"x": "1.2", "on": True, "n": 3},
    "list": ["a", "b"],
    "success()": lambda: True,
    "failure()": lambda: False,
    "always()": lambda: True,
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("inputs.x", "1.2"),
        ("inputs.none.deeper", None),
        ("'it''s'", "it's"),
        ("inputs.n >= 3 && inputs.n < 4.5", True),
        ("inputs.n <= 2 || inputs.n > 5", False),
        ("!inputs.on", False),
        ("(1 == 2) || 'x'", "x"),
        ("'A' == 'a'", True),
        ("null != true", True),
        ("contains(list, 'B')", True),
        ("contains('abc', 'bc')", True),
        ("startsWith('abc', 'ab') && endsWith('abc', 'bc')", True),
        ("format('{0}-{1}', 1, inputs.x)", "1-1.2"),
        ("fromJSON('[1]')", [1]),
        ("false", False),
    ],
)
def test_values(text, value):
    """As GitHub computes them."""
    assert evaluate(text, CONTEXT) == value


@pytest.mark.parametrize("text", ["1 +", "f(", "f()", "(1", "'x' 'y'", "", "contains('a',"])
def test_what_is_not_understood_is_an_error(text):
    """Never a guess."""
    with pytest.raises(ExpressionError):
        evaluate(text, CONTEXT)


def test_text_is_filled():
    """Values stand in text as GitHub writes them."""
    assert (
        fill("${{ inputs.on }} ${{ inputs.none }} ${{ list }} ${{ toJSON(inputs.n) }}", CONTEXT) == 'true  ["a", "b"] 3'
    )


def test_a_condition_means_after_success():
    """Unless it names a status function itself."""
    failed = CONTEXT | {"success()": lambda: False, "failure()": lambda: True}
    assert truth("inputs.on", CONTEXT) and not truth("inputs.on", failed)
    assert truth("${{ failure() }}", failed) and truth("always()", failed)
