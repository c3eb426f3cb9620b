#!/bin/sh
# Runs in the jail: lets cargo find the crates of the registry in a folder, and then becomes the command.
mkdir -p "$CARGO_HOME"
cat >"$CARGO_HOME/config.toml" <<END
[source.crates-io]
replace-with = "surefoot"
[source.surefoot]
directory = "$SUREFOOT_MODULES"
END
exec "$@"
