#!/bin/sh
# Runs in the jail: gives the command a copy of its own of each folder that it may write to, where it expects it, and
# then becomes the command. SUREFOOT_COPIES names them, one a line; SUREFOOT_COPIED is where they lie, by their number.
number=0
before=$IFS
IFS='
'
for folder in $SUREFOOT_COPIES; do
  case $folder in */*) mkdir -p "${folder%/*}" ;; esac
  cp -a "$SUREFOOT_COPIED/$number" "$folder" || {
    echo "surefoot: $folder could not be copied into the jail"
    exit 125
  }
  chmod -R u+w "$folder"
  number=$((number + 1))
done
IFS=$before
unset SUREFOOT_COPIES SUREFOOT_COPIED
exec "$@"
