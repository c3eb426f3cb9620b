"""How a lock file is made anew: the jail with one way out, what may pass there, and the tools that use it."""
