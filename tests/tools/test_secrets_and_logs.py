"""Secrets stay hidden wherever a text may come to light."""

from __future__ import annotations

import io
import json
import logging
import pickle

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import ConfigProblem
from bot.tools import logging as logs
from bot.tools import metrics
from bot.tools.secrets import HIDDEN, Secret, redact

TOKEN = "ghs_" + "a1B2" * 10


@pytest.fixture(autouse=True)
def _quiet():  # type: ignore[no-untyped-def]  # a fixture
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:], root.level = before


def test_a_secret_does_not_show_itself() -> None:
    """Printing, formatting and pickling a secret give nothing away."""
    secret = Secret("hunter22")
    assert "hunter22" not in f"{secret} {secret!r} {[secret]}"
    assert secret.reveal() == "hunter22"
    assert secret == Secret("hunter22") and secret != Secret("other") and secret != "hunter22"
    assert len({secret, Secret("hunter22")}) == 1
    assert not Secret("")
    with pytest.raises(TypeError):
        pickle.dumps(secret)


@pytest.mark.parametrize(
    "text",
    [
        TOKEN,
        "github_pat_" + "x" * 30,
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nMIIE cut off",
        "eyJhbGciOiJSUzI1.eyJpYXQiOjE3.c2lnbmF0dXJl",
        "https://me:hunter22@index.example/simple",
        "Authorization: Bearer hunter22",
        "{'authorization': 'token hunter22'}",
    ],
)
def test_what_looks_like_a_secret_is_taken_out(text: str) -> None:
    """Also a secret that we do not know by value leaves no trace."""
    cleaned = redact(f"before {text} after")
    assert HIDDEN in cleaned
    assert not {"hunter22", "MIIE", TOKEN, "x" * 30, "eyJpYXQiOjE3"} & set(cleaned.replace("'", " ").split())
    assert "hunter22" not in cleaned and "MIIE" not in cleaned
    assert cleaned.startswith("before ")


def test_ordinary_text_is_left_alone() -> None:
    """Versions, commits, paths and URLs are not secrets."""
    text = "aiohttp 3.14.5 at https://index.example:8080/simple/aiohttp/ (sha 0133c3c3b54a0bf1e71fa5c1ad95c93f07fd54e2)"
    assert redact(text, [Secret("a")]) == text


@given(st.text(min_size=6), st.text(), st.text())
def test_a_known_secret_never_survives(secret: str, before: str, after: str) -> None:
    """Whatever surrounds it."""
    hidden = redact(before + secret + after, [Secret(secret), Secret(secret + "x")])
    assert secret not in hidden or secret in HIDDEN * 3 or secret in redact(before + HIDDEN + after)


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_log_line_holds_a_secret(form: str) -> None:
    """Neither in an event, a nested field, a foreign library's line nor a traceback."""
    out = io.StringIO()
    logs.set_up(form, secrets=[Secret("hunter22")], stream=out)
    log = structlog.get_logger()
    log.info("asked hunter22", answer={"body": ["hunter22", 3, None, True]}, error=ValueError("hunter22"))
    logging.getLogger("foreign").warning("%s", TOKEN)
    try:
        raise RuntimeError("hunter22")
    except RuntimeError:
        log.exception("broke")
        logging.getLogger("foreign").exception("broke")
    text = out.getvalue()
    assert "hunter22" not in text and TOKEN not in text
    assert text.count(HIDDEN) >= 5
    assert "RuntimeError" in text


def test_json_logs_are_one_object_a_line() -> None:
    """A machine can read every line, ours and others'."""
    out = io.StringIO()
    logs.set_up("json:info", stream=out)
    structlog.get_logger().info("seen", count=3)
    structlog.get_logger().debug("not shown")
    logging.getLogger("x").warning("careful")
    logging.getLogger("x").info("chatter")
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(line["event"], line["level"]) for line in lines] == [("seen", "info"), ("careful", "warning")]
    assert lines[0]["count"] == 3 and lines[0]["timestamp"].endswith("Z")


def test_the_setting_is_understood_or_refused() -> None:
    """A form, a level or both; anything else says what there is."""
    assert logs.parse("") == ("console", 20)
    assert logs.parse("info") == ("console", 20)
    assert logs.parse("json") == ("json", 20)
    assert logs.parse("JSON:debug") == ("json", 10)
    with pytest.raises(ConfigProblem, match="SUREFOOT_LOG"):
        logs.parse("loud")


def test_figures_are_given_in_the_prometheus_format() -> None:
    """What is counted can be scraped."""
    metrics.SIMULATIONS.labels(grade="passed").inc()
    text = metrics.exposition().decode()
    assert 'surefoot_simulations_total{grade="passed"}' in text


@pytest.mark.parametrize("piece", ["eyJ", "eyJaaaaaaaa.", "eyJ_", "://a:", "ghs_", "-----BEGIN ", "authorization: "])
def test_a_hostile_text_is_searched_once(piece: str) -> None:
    """What a test prints may be nothing but beginnings of secrets (a slower search would hit the time limit)."""
    assert redact(piece * (1_000_000 // len(piece)))


@pytest.mark.parametrize("before", ["", " ", "token=", "TOKEN_", "/"])
def test_a_web_token_is_hidden_wherever_it_stands(before: str) -> None:
    """Also one with a long head where a word begins, and one behind a name that ends in no blank."""
    assert redact(f"{before}eyJhbGciOiJ.eyJpc3MiOjF9.c2lnbmF0dXJl") == f"{before}{HIDDEN}"
    assert redact(f" eyJ{'a' * 4000}.eyJpc3MiOjF9.c2lnbmF0dXJl") == f" {HIDDEN}"
