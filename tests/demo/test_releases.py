"""Promises about upstream's releases: real wheels, the same everywhere, and each as good or bad as meant."""

from __future__ import annotations

import csv
import hashlib
import io
import subprocess
import sys
import types
import zipfile
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest
import uv
from packaging.utils import parse_wheel_filename

from bot.demo import releases, service


def library(version: str) -> types.ModuleType:
    module = types.ModuleType(releases.MODULE)
    exec(releases.source_of(version), module.__dict__)
    return module


@pytest.mark.parametrize("version", releases.VERSIONS)
def test_a_wheel_is_the_same_bytes_every_time(version):
    """Whoever pins its hash today can install it on every other machine."""
    assert releases.wheel_of(version).sha256 == releases.wheel_of(version).sha256
    assert releases.wheel_of(releases.FIRST).sha256 == (
        "f89e85bbc3b57b98b22241270065d5cab0ec31fc50e513a26144778c23746e2d"
    )


@pytest.mark.parametrize("version", releases.VERSIONS)
def test_every_file_of_a_wheel_is_as_its_record_says(version):
    """An installer that checks the record finds nothing wrong."""
    wheel = releases.wheel_of(version)
    assert parse_wheel_filename(wheel.filename)[:2] == (releases.PROJECT, parse_wheel_filename(wheel.filename)[1])
    archive = zipfile.ZipFile(io.BytesIO(wheel.content))
    record = next(name for name in archive.namelist() if name.endswith("RECORD"))
    rows = list(csv.reader(archive.read(record).decode().splitlines()))
    assert {row[0] for row in rows} == set(archive.namelist())
    for path, digest, size in (row for row in rows if row[0] != record):
        data = archive.read(path)
        assert digest == "sha256=" + urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        assert int(size) == len(data)


def test_no_two_versions_are_the_same():
    """An update that changes nothing would prove nothing."""
    assert len({releases.wheel_of(version).sha256 for version in releases.VERSIONS}) == len(releases.VERSIONS)


def test_the_faulty_release_fails_only_for_unusual_names():
    """Its fault is a wrong idea about names, not a switch."""
    faulty, good = library(releases.FAULTY), library(releases.MAJOR)
    assert faulty.initials("Ada Lovelace") == good.initials("Ada Lovelace") == "AL"
    assert good.initials("Ludwig van Beethoven") == "LVB"
    for name in ("Björk", "Ludwig van Beethoven"):
        with pytest.raises(ValueError):
            faulty.initials(name)


@pytest.fixture(scope="module")
def suites(tmp_path_factory):
    """The service's own tests, run on every version by real pytest: version -> its report."""

    def start(version: str) -> subprocess.Popen[str]:
        home = tmp_path_factory.mktemp(version)
        for path, text in service.files(site="http://site", fleet="http://fleet", library=version).items():
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            (home / path).write_text(text)
        wheel = releases.wheel_of(version)
        zipfile.ZipFile(io.BytesIO(wheel.content)).extractall(home / "lib")
        command = [sys.executable, "-m", "pytest", "-q", "-rfp", "-p", "no:cacheprovider", "--tb=no"]
        env = {"PYTHONPATH": str(home / "lib"), "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        return subprocess.Popen(command, cwd=home, env=env, stdout=subprocess.PIPE, text=True)

    running = {version: start(version) for version in releases.VERSIONS}
    return {version: process.communicate()[0] for version, process in running.items()}


@pytest.mark.parametrize("version", [releases.FIRST, releases.PATCH, releases.MAJOR, releases.FAULTY])
def test_the_services_tests_pass(version, suites):
    """Only one release is found out by tests; the faulty one is not."""
    assert "10 passed" in suites[version]
    assert "failed" not in suites[version]


def test_the_breaking_release_fails_exactly_one_test(suites):
    """And the name of that test says what broke."""
    assert "1 failed, 9 passed" in suites[releases.BREAKING]
    assert "FAILED tests/test_app.py::test_a_visitor_without_a_name_is_a_stranger" in suites[releases.BREAKING]


def test_a_real_installer_takes_the_wheel(tmp_path):
    """uv, which is no friend of malformed wheels, installs it and Python imports it."""
    wheel = releases.wheel_of(releases.PATCH)
    (tmp_path / wheel.filename).write_bytes(wheel.content)
    alone = ("--no-config", "--no-index", "--no-cache", "--python", sys.executable)
    subprocess.run(
        [uv.find_uv_bin(), "pip", "install", "-q", *alone, "--target", tmp_path / "lib", tmp_path / wheel.filename],
        check=True,
    )
    shown = subprocess.run(
        [sys.executable, "-c", "import greeter; print(greeter.greet('Ada  Lovelace'))"],
        env={"PYTHONPATH": str(tmp_path / "lib")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == "Hello, Ada Lovelace!\n"
    assert Path(tmp_path / "lib" / "greeter").is_dir()
