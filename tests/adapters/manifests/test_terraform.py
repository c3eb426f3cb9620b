"""Terraform: providers and modules, read out of HCL with all that may stand between them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.errors import ConfigProblem
from tests.adapters.manifests.pinned import (
    BLANKS,
    COMMIT,
    ENDS,
    MARKS,
    OTHER_COMMIT,
    VERSIONS,
    moved,
    opened,
    release,
    short,
    what,
)

FILE = opened("terraform")

MAIN = f"""\
/* module "no" {{ source = "no/no/no" }} */
terraform {{
  required_version = ">= 1.5"
  required_providers {{
    aws = {{
      source  = "hashicorp/aws" # not "x/y"
      version = "~> 5.0"
    }}
    "tls" = {{ version : "= 4.0.5", source : "registry.terraform.io/hashicorp/tls" }}
    own = {{ source = "app.terraform.example/acme/own", version = "1.2.3" }}, bare = {{ version = "2.0" }}
    old = "3.1.0"
    any = {{ source = "acme/any" }}, one = {{ source = "one" }}
    built = {{ source = "terraform.io/builtin/terraform" }}
    odd = {{ source = "not a source", version = "1.0" }}
  }}
  backend "s3" {{ source = "x/y", version = "1" }}
}}

locals {{
  text = <<-EOT
    module "no" {{ source = "no/no/no" }}
  EOT
  nested = "${{var.a ? "}}{{" : "${{var.b}}"}} $${{ %%{{ \\" }}"
  list   = [{{ source = "no/no/no", version = "1" }}, ["x"]]
  call   = merge(var.x, {{ required_providers = {{ x = "1" }} }})
}}

module "vpc" {{
  source  = "terraform-aws-modules/vpc/aws//modules/endpoints" // where
  version = "5.1.0"
  name    = "x"
  nested {{
    source = "no/no/no"
  }}
}}
module "private" {{
  version = ">= 1.0, < 2.0"
  source  = "app.terraform.example/acme/net/azurerm"
}}
module "git" {{ source = "git::https://user:secret@git.example/infra/vpc.git//sub/dir?ref=v1.2.0&depth=1" }}
module "short" {{ source = "github.com/acme/tf-net?ref=v2.0.0" }}
module "scp" {{ source = "git@github.com:acme/tf-net.git//x?ref={COMMIT}" # v2.1.0
}}
module "ssh" {{ source = "git::ssh://git@git.example:2222/infra/dns.git?ref=main" }}
module "head" {{ source = "github.com/acme/head" }}
module "here" {{ source = "./modules/x" }}
module "file" {{ source = "git::file:///srv/x" }}
module "zip" {{ source = "https://example.org/x.zip" }}
module "s3" {{ source = "s3::https://s3.example/x.zip" }}
module "var" {{ source = "${{var.source}}/vpc/aws" }}
module "none" {{}}
"""


def test_providers_and_modules_are_found() -> None:
    """Blocks, objects, heredocs, templates and comments are told apart; only what Terraform would install is read."""
    pins = FILE.read("infra/main.tf", MAIN)
    assert short(pins) == [
        (6, 18, "hashicorp/aws", None),
        (9, 46, "hashicorp/tls", "4.0.5"),
        (10, 23, "acme/own", "1.2.3"),
        (10, 77, "hashicorp/bare", "2.0"),
        (11, 5, "hashicorp/old", "3.1.0"),
        (12, 23, "acme/any", None),
        (12, 54, "hashicorp/one", None),
        (29, 14, "terraform-aws-modules/vpc/aws", "5.1.0"),
        (38, 14, "acme/net/azurerm", None),
        (40, 26, "git.example/infra/vpc", "v1.2.0"),
        (41, 28, "github.com/acme/tf-net", "v2.0.0"),
        (42, 26, "github.com/acme/tf-net", "v2.1.0"),
        (44, 26, "git.example/infra/dns", None),
        (45, 27, "github.com/acme/head", None),
    ]
    by_name = {pin.component.name: pin for pin in pins}
    assert by_name["acme/own"].component.registry == "https://app.terraform.example"
    assert by_name["hashicorp/tls"].component.registry == ""
    assert by_name["git.example/infra/vpc"].component.registry == "https://git.example/infra/vpc.git"
    assert by_name["git.example/infra/dns"].component.registry == "https://git.example/infra/dns.git"
    assert pins[10].component == pins[11].component and pins[11].digest == COMMIT
    assert by_name["hashicorp/aws"].requirement == "~> 5.0" and by_name["acme/any"].requirement == ""
    assert by_name["hashicorp/tls"].requirement == "= 4.0.5"
    assert {pin.component.ecosystem for pin in pins} == {"terraform", "git"}


def test_a_commit_and_its_comment_move_together() -> None:
    """A module at a commit keeps a comment that is true."""
    after = moved(FILE, "main.tf", MAIN, 11, release("v3.0.0", OTHER_COMMIT))
    assert after == MAIN.replace(f'{COMMIT}" # v2.1.0', f'{OTHER_COMMIT}" # v3.0.0')
    after = moved(FILE, "main.tf", MAIN, 1, release("4.1.0"))
    assert after == MAIN.replace('"= 4.0.5"', '"= 4.1.0"')


@pytest.mark.parametrize(
    ("version", "exact"),
    [
        ("1.2.3", "1.2.3"), ("= 1.2.3", "1.2.3"), ("=1.2", "1.2"), (" v1.2.3-rc.1 ", "v1.2.3-rc.1"), ("~> 1.2", None),
        (">= 1.0", None), ("1.2.3, 1.2.4", None), ("!= 1.2.3", None), ("1.x", None), ("latest", None),
    ],
)  # fmt: skip
def test_exact_versions_are_told_from_constraints(version: str, exact: str | None) -> None:
    """As Terraform reads version constraints."""
    (pin,) = FILE.read("m.tf", f'module "a" {{\n  source = "a/b/c"\n  version = "{version}"\n}}\n')
    assert (pin.version, pin.requirement) == (exact, version)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('module "a" {\n', r"m.tf:1:12: this '\{' is never closed"),
        ("a = 1\n}\n", r"m.tf:2:1: this '\}' closes nothing"),
        ("a = [1)\n", r"m.tf:1:7: this '\)' closes nothing"),
        ('a = 1\nb = "x\n', r"m.tf:2:5: this text is never closed"),
        ('a = "${ "x" \n', r"m.tf:1:5: this text is never closed"),
        ("a = <<EOT\nx\n", r"m.tf:1:5: this heredoc is never closed by EOT"),
        ("a = 1 /* b\n", r"m.tf:1:7: this comment is never closed"),
        ("a = " + "[" * 200, r"m.tf:1:105: brackets nest deeper than 100"),
    ],
)
def test_a_broken_file_names_its_place(text: str, where: str) -> None:
    """The person is led to what is open; a template of a file is left to its engine."""
    with pytest.raises(ConfigProblem, match=where):
        FILE.read("m.tf", text)
    assert FILE.read("m.tf", f"# {{{{ name }}}}\n{text}") == []


def test_what_terraform_itself_would_not_take_is_no_pin() -> None:
    """Templates in labels, values that are expressions, and blocks of other programs."""
    text = (
        'module "a${b}" {\n source = "a/b/c"\n}\nmodule "c" {\n source = var.x\n version = "1"\n}\n'
        'module "d" {\n source = "a/b/c"\n version = true ? "1.0" : "2.0"\n}\n'
        'terraform {\n required_providers {\n  a = var.x ? "1" : "2"\n }\n}\n'
    )
    assert [(pin.component.name, pin.requirement) for pin in FILE.read("m.tf", text)] == [("a/b/c", "")]


MODULES = st.tuples(
    st.from_regex(r"[a-z]{2,5}/[a-z]{2,5}/[a-z]{2,5}", fullmatch=True), VERSIONS, st.integers(0, 4), BLANKS
)


def written(modules: list[tuple[str, str, int, str]], commits: list[str], end: str) -> str:
    text = ['# source = "a/b/c"']
    for number, (name, version, form, blank) in enumerate(modules):
        two = name.rpartition("/")[0]
        text += [
            [f'module "m{number}" {{', f'  source{blank}={blank}"{name}"', f'  version = "{version}"{blank}# "1"', "}"],
            [f'module "m{number}" {{', f'  version={blank}"= {version}"', "  x = {", f'    y = "{{{name}"', "  }",
             f'  source = "{name}"{blank}', "}"],
            [f'module m{number} {{ source = "git::https://git.example/{two}.git//a?ref=v{version}" }}'],
            [f'module "m{number}" {{ source = "github.com/{two}?ref={commits[number]}"{blank} # v{version}', "}"],
            ["terraform {", "required_providers {", f'  p{number} = {{{blank}source = "{two}", version = "{version}"}}',
             "}", f'  x = "${{"{version}"}}"', "}"],
        ][form]  # fmt: skip
    return end.join([*text, ""])


@settings(max_examples=60, deadline=None)
@given(st.lists(MODULES, min_size=1, max_size=5), VERSIONS, ENDS, MARKS, st.data())
def test_a_rewrite_changes_one_version_and_nothing_else(
    modules: list[tuple[str, str, int, str]], version: str, end: str, mark: str, data: st.DataObject
) -> None:
    """Whatever the blanks, order, comments and line ends: as if the new version had been written at once."""
    commits = [COMMIT] * len(modules)
    text = mark + written(modules, commits, end)
    tag = ["", "", "v", "v", ""]
    assert [version for _, _, version, _ in what(FILE.read("m.tf", text))] == [
        tag[form] + old for _, old, form, _ in modules
    ]
    at = data.draw(st.integers(0, len(modules) - 1))
    form = modules[at][2]
    after = moved(FILE, "m.tf", text, at, release(tag[form] + version, OTHER_COMMIT if form == 3 else ""))
    old = modules[at][1]
    modules[at] = (modules[at][0], version, *modules[at][2:])
    commits[at] = OTHER_COMMIT
    expected = mark + written(modules, commits, end)
    if form == 4:  # the expression at its end says the old version, and is no pin
        head, _, tail = expected.partition(f"p{at} = ")
        expected = f"{head}p{at} = " + tail.replace(f'"${{"{version}"}}"', f'"${{"{old}"}}"', 1)
    assert after == expected
