"""One module an area of GitHub's API; each ends in its table of routes, with GitHub's own path templates.

``API`` holds them all.
"""

from bot.demo.box.routes import (
    actions,
    admin,
    apps,
    blobs,
    branches,
    checks,
    comments,
    contents,
    deployments,
    gitdata,
    graphql,
    issues,
    people,
    pulls,
    releases,
    repos,
    reviews,
    settings,
    suites,
)

API = [
    *apps.ROUTES,
    *people.ROUTES,
    *checks.ROUTES,
    *suites.ROUTES,
    *repos.ROUTES,
    *settings.ROUTES,
    *contents.ROUTES,
    *gitdata.ROUTES,
    *branches.ROUTES,
    *pulls.ROUTES,
    *reviews.ROUTES,
    *comments.ROUTES,
    *issues.ROUTES,
    *actions.ROUTES,
    *deployments.ROUTES,
    *releases.ROUTES,
    *blobs.ROUTES,
    *graphql.ROUTES,
    *admin.ROUTES,
]
