"""Who reads which file: every path has one reader at the most, so no pin is found twice."""

from __future__ import annotations

import pytest

from bot.adapters.manifests import (
    compose,
    dockerfile,
    github_actions,
    helm_chart,
    helm_values,
    kubernetes,
    pre_commit,
    terraform,
)
from bot.core.ports import Manifest
from tests.adapters.manifests.pinned import opened

READERS: dict[str, Manifest] = {
    dockerfile.KIND: opened(dockerfile.KIND),
    compose.KIND: opened(compose.KIND),
    github_actions.KIND: opened(github_actions.KIND),
    kubernetes.KIND: opened(kubernetes.KIND),
    helm_chart.KIND: opened(helm_chart.KIND),
    helm_values.KIND: opened(helm_values.KIND),
    pre_commit.KIND: opened(pre_commit.KIND),
    terraform.KIND: opened(terraform.KIND),
}

NAMES = {
    "dockerfile": (
        "Dockerfile", "a/b/Dockerfile", "Dockerfile.dev", "web.Dockerfile", "build/web.dockerfile", "dockerfile",
        "Containerfile", "Containerfile.ci", "Dockerfile-alpine", "docker/Dockerfile.py3.12", "Dockerfile.md5",
    ),
    "compose": (
        "docker-compose.yml", "docker-compose.yaml", "compose.yaml", "compose.yml", "a/compose.override.yml",
        "docker-compose.prod.yml", "docker-compose-dev.yaml", "docker-compose2.yml",
    ),
    "github_actions": (
        ".github/workflows/ci.yml", ".github/workflows/ci.yaml", "action.yml", "a/action.yaml",
        ".github/actions/setup/action.yml", "sub/.github/workflows/x.yml", "workflow-templates/ci.yml",
    ),
    "kubernetes": (
        "k8s/app.yaml", "deployment.yml", "kustomization.yaml", "overlays/prod/kustomization.yml", "Kustomization",
        "chart/templates/deployment.yaml", "mkdocs.yml", "composer.yml", "actions.yml", "requirements.yml", "Chart.yml",
        "a/workflows/ci.yml", ".gitlab-ci.yml",
    ),
    "helm_chart": ("Chart.yaml", "charts/x/Chart.yaml", "charts/x/requirements.yaml"),
    "helm_values": (
        "values.yaml", "values.yml", "a/values-prod.yaml", "values.prod.yaml", "prod-values.yaml", "x/prod.values.yml",
        "valuesProd.yaml",
    ),
    "pre_commit": (".pre-commit-config.yaml", "a/.pre-commit-config.yaml"),
    "terraform": ("main.tf", "infra/modules/x/versions.tf"),
    "": (
        "README.md", "Dockerfile.dockerignore", ".dockerignore", "Dockerfile.md", "notes.Dockerfile.txt/x", "x.py",
        "tests/test_dockerfile.py", "dockerfile.py", "_dockerfile.py", "dockerfile.test.ts", "Dockerfile.txt",
        ".github/dependabot.yml", ".github/ISSUE_TEMPLATE/bug.yml", ".terraform.lock.hcl", "main.tf.json",
        "node_modules/x/Dockerfile", "vendor/x/compose.yaml", "a/vendor/b/main.tf", ".git/hooks/x.yaml",
        ".terraform/modules/x/main.tf", "pnpm-lock.yaml", "package.json", "Chart.lock", "values.json", "dockerfiles/x",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "path"), [(kind, path) for kind, paths in NAMES.items() for path in paths])
def test_a_path_has_one_reader_at_the_most(kind: str, path: str) -> None:
    """The one that knows the name; no two of them would find the same pin in it."""
    assert [name for name, reader in READERS.items() if reader.matches(path)] == ([kind] if kind else [])
