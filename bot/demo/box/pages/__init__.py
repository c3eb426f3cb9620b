"""Pages for people: what the bot wrote, as it would look on GitHub. Everything that a user wrote is escaped."""

from bot.demo.box.pages import pull, repo, runs

PAGES = [*repo.PAGES, *pull.PAGES, *runs.PAGES]
