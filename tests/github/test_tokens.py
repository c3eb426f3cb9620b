"""Tokens: made once for many, renewed before they end, of any form, and never seen by anybody."""

from __future__ import annotations

import asyncio
import logging
import traceback

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bot.core.errors import ConfigProblem, Missing, Refused, SurefootError, Transient
from bot.core.model import InstallationId, RepoName
from bot.github.forge import Forge
from bot.github.tokens import AppKey, Scope, Token, Tokens
from tests.github.hub import APP_ID, Clock, Hub, hub_and_forge, pem, said

WE = InstallationId(7)
REPO = RepoName("acme/shop")


async def test_many_who_wait_share_one_new_token():
    """Fifty calls at once cost one token, and the fifty after an hour one more."""
    async with hub_and_forge(Hub(mint_slowly=0.02)) as (hub, forge):
        hub.on("GET", "/thing", lambda asked: said({}))

        async def call():
            return await (await forge.installation(WE)).getitem("/thing")

        await asyncio.gather(*(call() for _ in range(50)))
        assert len(hub.minted) == 1

        hub.clock.now += 3600 - 299
        await asyncio.gather(*(call() for _ in range(50)))
        assert len(hub.minted) == 2


async def test_a_token_is_used_until_five_minutes_before_its_end():
    """It is not renewed too early either."""
    async with hub_and_forge() as (hub, forge):
        await forge.installation(WE)
        hub.clock.now += 3600 - 302
        await forge.installation(WE)
        assert len(hub.minted) == 1
        hub.clock.now += 3
        await forge.installation(WE)
        assert len(hub.minted) == 2


async def test_a_wrong_clock_does_not_mint_for_every_request():
    """With a clock that is an hour ahead every token looks spent, and is still used for a minute."""
    async with hub_and_forge(Hub(hour=-10)) as (hub, forge):
        for _ in range(5):
            await forge.installation(WE)
        assert len(hub.minted) == 1


@pytest.mark.parametrize("form", ["ghs_{number:036d}", "ghs_4242_" + "e" * 900 + "{number}", "v1.{number}"])
async def test_a_token_of_any_form_is_taken(form):
    """Old and new tokens, short and a thousand characters long."""
    async with hub_and_forge(Hub(token_form=form)) as (hub, forge):
        hub.on("GET", "/thing", lambda asked: said({"ok": asked.headers["authorization"]}))
        answer = await (await forge.installation(WE)).getitem("/thing")
        assert {"ok": "Bearer " + form.format(number=1)} == answer


async def test_a_token_for_git_can_only_read_one_repository():
    """What a clone is given opens nothing else, and is kept apart from the token that can write."""
    async with hub_and_forge() as (hub, forge):
        await forge.installation(WE)
        token = await forge.token(WE, REPO)
        again = await forge.token(WE, REPO)

        assert hub.minted == [None, {"repositories": ["shop"], "permissions": {"contents": "read"}}]
        assert token == again and token.reveal() in hub.tokens
        assert token.reveal() not in f"{token} {token!r}"
        assert f"{hub.url}/acme/shop.git" == forge.git_url(REPO)


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (404, "Not Found", Missing),
        (403, "This installation has been suspended", Refused),
        (401, "A JSON web token could not be decoded", Transient),
        (500, "oh", Transient),
    ],
)
async def test_no_token_says_why(status, words, kind):
    """An installation that is gone or suspended, and a key that is not ours, are told to everybody who waits."""
    async with hub_and_forge(Hub(mint_slowly=0.01)) as (hub, forge):
        hub.on("POST", "/app/installations/7/access_tokens", lambda asked: said({"message": words}, status))
        got = await asyncio.gather(*(forge.installation(WE) for _ in range(3)), return_exceptions=True)

        assert all(isinstance(error, kind) and words in str(error) for error in got)
        assert len(hub.to("/app/installations/7/access_tokens")) == 1

        del hub.routes[("POST", "/app/installations/7/access_tokens")]
        await forge.installation(WE)  # and a failure is not remembered


async def test_one_who_gives_up_does_not_take_the_token_from_the_others():
    """A cancelled caller leaves the request for a token to the rest."""
    minting = asyncio.Event()

    async def mint(scope: Scope) -> Token:
        await minting.wait()
        return Token(value="x" * 20, expires=10_000.0)

    tokens = Tokens(mint, clock=Clock(0.0))
    first, second = (asyncio.create_task(tokens.get(Scope(installation=WE))) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    minting.set()

    assert await second == "x" * 20


async def test_the_apps_own_voice_renews_itself():
    """A JWT is kept for seven minutes, then made anew; GitHub takes none that is older than ten."""
    clock = Clock()
    key = AppKey(APP_ID, pem(), clock=clock)
    first = await key.credential()
    clock.now += 419
    assert first == await key.credential()
    clock.now += 2
    assert first != await key.credential()
    assert first not in repr(key)


BROKEN = "-----BEGIN RSA PRIVATE KEY-----\nQUJD\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize("text", ["", "not a key", BROKEN])
async def test_a_wrong_key_is_refused_with_the_mend_and_without_the_key(text):
    """The operator learns which setting is wrong; the text of the key is in no message and no traceback."""
    with pytest.raises(ConfigProblem, match="PRIVATE_KEY") as caught:
        AppKey(APP_ID, text)
    shown = "".join(traceback.format_exception(caught.value))
    assert "QUJD" not in shown


async def test_a_key_in_one_line_and_of_another_kind():
    """A key with \\n for its line ends is taken; one of another kind than RSA is refused."""
    assert await AppKey(APP_ID, pem().replace("\n", "\\n")).credential()
    curve = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(ConfigProblem, match="not an RSA"):
        AppKey(APP_ID, curve.decode())


async def test_a_forge_of_an_installation_that_is_gone_forgets_it():
    """What was kept for it goes, tokens too; a new client is made when it comes back, and others keep theirs."""
    async with hub_and_forge() as (hub, forge):
        gh, other = await forge.installation(WE), await forge.installation(InstallationId(8))
        await forge.token(WE, RepoName("acme/shop"))
        forge.forget(WE)
        assert 3 == len(hub.minted)
        assert gh is not await forge.installation(WE)
        await forge.token(WE, RepoName("acme/shop"))
        assert (other, 5) == (await forge.installation(InstallationId(8)), len(hub.minted))


async def test_no_secret_is_ever_in_a_message(caplog):
    """No token, JWT or key shows in an error, its causes, a repr or a log, whatever breaks."""
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []

    def echo(status):
        return lambda asked: said({"message": f"you sent {asked.headers['authorization']}"}, status)

    async with hub_and_forge(Hub(token_form="opaque{number:030d}"), seconds=0.5) as (hub, forge):
        gh = await forge.installation(WE)
        assert isinstance(forge, Forge)
        for status in (401, 403, 404, 409, 422, 429, 500):
            hub.on("GET", f"/s{status}", echo(status))
            shown.append(await _failure(gh.getitem(f"/s{status}")))
            hub.clock.now += 4000
        hub.on("POST", "/graphql", lambda asked: said({"errors": [{"message": asked.headers["authorization"]}]}))
        shown.append(await _failure(gh.graphql("query {}")))
        hub.on("GET", "/app", echo(422))
        shown.append(await _failure(forge.app().getitem("/app")))
        secrets = [*hub.tokens, *(one.headers["authorization"].split()[1] for one in hub.asked)]
    shown.append(await _failure(gh.getitem("/gone")))
    shown += [caplog.text, repr(gh), repr(vars(gh)), repr(Token(value=secrets[0], expires=1.0))]

    assert len(set(secrets)) >= 3
    for secret in {*secrets, pem().splitlines()[1]}:
        assert not any(secret in text for text in shown)


async def _failure(call) -> str:
    with pytest.raises(SurefootError) as caught:
        await call
    error: BaseException | None = caught.value
    text = "".join(traceback.format_exception(caught.value))
    while error is not None:
        text += repr(error) + repr(error.args)
        error = error.__cause__ or error.__context__
    return text
