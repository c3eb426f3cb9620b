"""The door for people: hands the command line to click and nothing else."""


def main() -> None:
    """Run the command line; its exit codes are listed in README.md."""
    from bot.cli import cli

    cli()


if __name__ == "__main__":
    main()
