"""Where a simulation runs when it does not run on this machine."""
