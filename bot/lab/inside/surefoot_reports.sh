#!/bin/sh
# Runs in the jail: becomes the parent of a command that writes its JUnit files by itself, and hands them over when it
# has ended. SUREFOOT_REPORTS names them by patterns, one a line. What lies there already is no report of this run. After
# SUREFOOT_SECONDS the command is ended, so that what it has written until then is known.
chosen() {
  action=$1
  before=$IFS
  IFS='
'
  set -f
  set --
  for pattern in $SUREFOOT_REPORTS; do
    [ $# = 0 ] || set -- "$@" -o
    set -- "$@" -path "./$pattern"
  done
  set +f
  IFS=$before
  case $action in
    forget) find . -type f \( "$@" \) -exec rm -f {} + ;;
    hand_over) find . -type f \( "$@" \) -exec sh -c '
      for file do printf "surefoot %d\n" "$(wc -c <"$file")"; cat "$file"; done' sh {} + ;;
  esac
}

chosen forget
if [ -n "$SUREFOOT_SECONDS" ] && command -v timeout >/dev/null; then timeout "$SUREFOOT_SECONDS" "$@"; else "$@"; fi
code=$?
chosen hand_over >"$SUREFOOT_RESULTS"
exit $code
