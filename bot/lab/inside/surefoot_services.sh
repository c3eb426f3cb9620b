#!/bin/sh
# Runs in the jail: starts the services that its first words name (name=program), waits until each can be spoken to,
# and then becomes the command behind "--". They listen on the jail's own loopback, keep nothing, and end with the jail.

folder=$HOME/services
mkdir -p "$folder"

failed() {
  echo "surefoot: $1 did not start"
  tail -n 5 "$folder/$1.log"
  exit 125
}

# Something listens on this port of the loopback; the kernel writes ports in hexadecimal.
listens() {
  port=$(printf '%04X' "$1")
  while read -r _ where _ state _; do
    case $where in *":$port") [ "$state" = 0A ] && return 0 ;; esac
  done </proc/net/tcp
  return 1
}

# wait_for NAME PID COMMAND...: until the command succeeds; not for ever, and not for a service that has ended.
wait_for() {
  name=$1 pid=$2 tries=0
  shift 2
  until "$@"; do
    tries=$((tries + 1))
    if [ "$tries" -gt 600 ] || ! kill -0 "$pid" 2>/dev/null; then failed "$name"; fi
    sleep 0.05
  done
}

start_postgresql() {
  data=$folder/postgresql
  "$1/initdb" -D "$data" -U postgres -A trust -N -E UTF8 --locale=C.UTF-8 --wal-segsize=1 \
    >"$folder/postgresql.log" 2>&1 || failed postgresql
  "$1/postgres" -D "$data" -h 127.0.0.1 -p 5432 -k /tmp -c fsync=off -c full_page_writes=off \
    -c synchronous_commit=off -c shared_buffers=16MB -c min_wal_size=2MB -c max_wal_size=32MB \
    >>"$folder/postgresql.log" 2>&1 &
  wait_for postgresql $! "$1/pg_isready" -q -h 127.0.0.1 -p 5432
  "$1/createdb" -h 127.0.0.1 -p 5432 -U postgres test >>"$folder/postgresql.log" 2>&1 || failed postgresql
  export PGHOST=127.0.0.1 PGPORT=5432 PGUSER=postgres PGPASSWORD=postgres PGDATABASE=test
  export DATABASE_URL=postgresql://postgres:postgres@127.0.0.1:5432/test
}

start_redis() {
  mkdir -p "$folder/redis"
  "$1" --bind 127.0.0.1 --port 6379 --save '' --appendonly no --dir "$folder/redis" >"$folder/redis.log" 2>&1 &
  wait_for redis $! listens 6379
  export REDIS_URL=redis://127.0.0.1:6379/0
}

start_memcached() {
  "$1" -l 127.0.0.1 -p 11211 -m 64 >"$folder/memcached.log" 2>&1 &
  wait_for memcached $! listens 11211
  export MEMCACHED_URL=memcached://127.0.0.1:11211
}

while [ "$1" != -- ]; do
  "start_${1%%=*}" "${1#*=}"
  shift
done
shift
exec "$@"
