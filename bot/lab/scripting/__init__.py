"""What a repository uses of packages of npm that change, and whether it is still there; see `bot.lab.compatibility`."""
