#!/usr/bin/env bash
# Three nodes on this machine, as processes or as the containers of deploy/docker: scripts/cluster.sh help.
set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
MODE=local
YES=0
NODES=3
READY_SECONDS=60

# A local cluster: where its data is and which ports node1 has; the next nodes have the next ports.
DATA="${CLUSTER_DATA:-$ROOT/kvorum-data/cluster}"
REDIS_PORT="${CLUSTER_REDIS_PORT:-6379}"
HTTP_PORT="${CLUSTER_HTTP_PORT:-8081}"
PEER_PORT="${CLUSTER_PEER_PORT:-9091}"

# The containers of deploy/docker/compose.yaml, and the network that carries the traffic between them.
COMPOSE_FILE="$ROOT/deploy/docker/compose.yaml"
IMAGE="${KVORUM_IMAGE:-kvorum:latest}"
NETWORK=simple-kv_kv-cluster

usage() {
  cat <<'TEXT'
Usage: scripts/cluster.sh [--local|--docker] [--yes] VERB

Three nodes on this machine: processes (--local, the default) or containers (--docker).

  build      compile the program, or build the image
  start      start what is down and wait until every node is ready
  stop       stop all nodes; their data is kept
  restart    stop, then start
  status     health and role of each node, and where to connect
  logs [N]   the last 100 log lines of node N, or of all nodes
  shell N    a shell in the container of node N; locally kvorum's own shell on node N
  test       write, read everywhere, stop a node, go on, cut a node off, heal
  clean      stop, and remove all data; asks first unless --yes is given

Environment: KVORUM_PASSWORD; locally CLUSTER_DATA, CLUSTER_REDIS_PORT, CLUSTER_HTTP_PORT, CLUSTER_PEER_PORT.
TEXT
}

say() { printf '%s\n' "$*"; }

die() {
  printf 'cluster.sh: %s\n' "$*" >&2
  exit 1
}

misused() {
  printf 'cluster.sh: %s\n\n' "$*" >&2
  usage >&2
  exit 2
}

require_node() {
  [[ "${1:-}" =~ ^[1-9][0-9]*$ && "$1" -le "$NODES" ]] || misused "wanted a node from 1 to $NODES"
}

# --- Either way of running the nodes ---------------------------------------------------------------------------------

# The command line of the program, run here or inside node N's container.
kvorum() { node "$ROOT/bin/kvorum.js" "$@"; }
compose() { docker compose -f "$COMPOSE_FILE" "$@"; }
container() { printf 'simple-kv-node%s' "$1"; }
redis_port() { printf '%s' $((REDIS_PORT + $1 - 1)); }
http_port() { printf '%s' $((HTTP_PORT + $1 - 1)); }

on_node() {
  local n="$1"
  shift
  if [[ "$MODE" == docker ]]; then
    docker exec "$(container "$n")" node /app/bin/kvorum.js "$@"
  else
    kvorum --url "redis://127.0.0.1:$(redis_port "$n")" "$@"
  fi
}

is_ready() { check_node "$1" ready; }

is_not_ready() { ! is_ready "$1"; }

# Not applied, for certain: kvorum's exit status for that is 7. A write that was sent before the loss was noticed has an
# unknown outcome instead (8), and may be applied when the network is back.
refuses_writes() {
  local status=0
  on_node "$1" --timeout 8000 set "$2" "$3" >/dev/null 2>&1 || status=$?
  [[ "$status" == 7 ]]
}

check_node() {
  if [[ "$MODE" == docker ]]; then
    docker exec "$(container "$1")" node /app/bin/kvorum.js health --check "$2" >/dev/null 2>&1
  else
    kvorum health --check "$2" --http-url "http://127.0.0.1:$(http_port "$1")" >/dev/null 2>&1
  fi
}

# A cluster that exists has the ports it was made with, whatever the environment says now.
find_ports() {
  [[ -f "$DATA/cluster.json" ]] || return 0
  REDIS_PORT="$(first_number redisPort)"
  HTTP_PORT="$(first_number httpPort)"
  PEER_PORT="$(first_number peerPort)"
}

first_number() { grep -m 1 "\"$1\"" "$DATA/cluster.json" | tr -dc '0-9'; }

# The process of a local node, '' when it does not run.
pid_of() {
  local file="$DATA/node$1.pid" pid=''
  if [[ -f "$file" ]]; then read -r pid _ <"$file" || true; fi
  if [[ -n "$pid" ]] && kill -0 "$pid" 2>/dev/null; then printf '%s' "$pid"; fi
}

is_running() {
  if [[ "$MODE" == docker ]]; then
    [[ "$(docker inspect -f '{{.State.Running}}' "$(container "$1")" 2>/dev/null)" == true ]]
  else
    [[ -n "$(pid_of "$1")" ]]
  fi
}

wait_until() {
  local what="$1" deadline=$((SECONDS + READY_SECONDS))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || die "waited $READY_SECONDS s for: $what"
    sleep 0.2
  done
}

wait_ready() {
  local n
  for n in "$@"; do wait_until "node $n to be ready" is_ready "$n"; done
}

# --- Verbs -----------------------------------------------------------------------------------------------------------

build() {
  if [[ "$MODE" == docker ]]; then
    docker build -f "$ROOT/deploy/docker/Dockerfile" -t "$IMAGE" "$ROOT"
  else
    node "$ROOT/scripts/build.mjs"
  fi
}

start() {
  if [[ "$MODE" == docker ]]; then
    docker image inspect "$IMAGE" >/dev/null 2>&1 || build
    compose up -d
  else
    [[ -f "$ROOT/dist/cli/main.js" ]] || build
    start_local
  fi
  wait_ready 1 2 3
  say 'Cluster is ready.'
  status
}

start_local() {
  local ports=()
  # A cluster that exists keeps its ports.
  if [[ ! -f "$DATA/cluster.json" ]]; then
    ports=(--nodes "$NODES" --redis-port "$REDIS_PORT" --http-port "$HTTP_PORT" --peer-port "$PEER_PORT")
  fi
  kvorum cluster start --data "$DATA" ${ports[@]+"${ports[@]}"}
}

stop() {
  if [[ "$MODE" == docker ]]; then
    compose stop
  elif [[ -f "$DATA/cluster.json" ]]; then
    kvorum cluster stop --data "$DATA"
  else
    say 'There is no cluster.'
  fi
}

status() {
  local n
  for n in 1 2 3; do say "Node $n (port $(http_port "$n")): $(health_of "$n")"; done
  [[ "$MODE" == docker ]] && compose ps
  say ''
  say "Redis: 127.0.0.1:$(redis_port 1), $(redis_port 2), $(redis_port 3)"
  say "HTTP:  http://127.0.0.1:$(http_port 1) $(http_port 2) $(http_port 3)"
}

health_of() {
  if ! is_running "$1"; then
    printf '✗ Not running'
  elif ! is_ready "$1"; then
    printf '○ Starting...'
  elif check_node "$1" leader; then
    printf '● Healthy (leader)'
  else
    printf '● Healthy'
  fi
}

logs() {
  [[ -z "${1:-}" ]] || require_node "$1"
  if [[ "$MODE" == docker ]]; then
    compose logs --tail 100 ${1:+"kv-node$1"}
  else
    kvorum cluster logs --data "$DATA" --lines 100 ${1:+"node$1"}
  fi
}

shell() {
  require_node "${1:-}"
  if [[ "$MODE" == docker ]]; then
    # Without a terminal, as in a script, the commands come from standard input.
    local flags=-i
    [[ -t 0 && -t 1 ]] && flags=-it
    docker exec "$flags" "$(container "$1")" /bin/bash
  else
    on_node "$1" shell
  fi
}

clean() {
  if ((YES == 0)); then
    local answer=''
    read -r -p 'This removes all data of the cluster. Are you sure? (y/N) ' answer || true
    [[ "$answer" == [yY]* ]] || die 'nothing was removed'
  fi
  if [[ "$MODE" == docker ]]; then
    compose down -v
  elif [[ -f "$DATA/cluster.json" ]]; then
    kvorum cluster stop --data "$DATA"
    kvorum cluster clean --data "$DATA" --yes
  else
    say 'There is no cluster.'
  fi
}

# --- test ------------------------------------------------------------------------------------------------------------

stop_node() {
  if [[ "$MODE" == docker ]]; then
    docker stop "$(container "$1")" >/dev/null
  else
    kill -TERM "$(pid_of "$1")"
    wait_until "node $1 to end" is_gone "$1"
  fi
}

is_gone() { ! is_running "$1"; }

start_node() {
  if [[ "$MODE" == docker ]]; then
    docker start "$(container "$1")" >/dev/null
  else
    start_local >/dev/null
  fi
}

# A container loses the network between the nodes; a process stops running, which to the others is the same.
cut_off() {
  if [[ "$MODE" == docker ]]; then
    docker network disconnect "$NETWORK" "$(container "$1")"
  else
    FROZEN_PID="$(pid_of "$1")"
    kill -STOP "$FROZEN_PID"
  fi
}

heal() {
  if [[ "$MODE" == docker ]]; then
    docker network connect --alias "node$1.kv-cluster" "$NETWORK" "$(container "$1")" 2>/dev/null || true
  elif [[ -n "$FROZEN_PID" ]]; then
    kill -CONT "$FROZEN_PID" 2>/dev/null || true
    FROZEN_PID=''
  fi
}

# However the test ends: no node stays stopped, none stays cut off.
leave_whole() {
  heal 3
  is_running 2 || start_node 2
}

FROZEN_PID=''
CHECKS=0

passed() {
  CHECKS=$((CHECKS + 1))
  say "✓ $1"
}

# write N KEY VALUE: through node N; a pause of an election is waited for, anything else ends the test.
write() { wait_until "node $1 to take the write $2=$3" writes "$@"; }
writes() { [[ "$(on_node "$1" set "$2" "$3" 2>/dev/null)" == OK ]]; }

# A linearizable read: what was acknowledged before is seen at once, or the node refuses.
expect() {
  local n="$1" key="$2" wanted="$3" found
  found="$(on_node "$n" get "$key")" || die "✗ node $n does not answer for $key"
  [[ "$found" == "$wanted" ]] || die "✗ node $n says $key=$found, wanted $wanted"
}

test_cluster() {
  local n run="cluster-test-$$-$RANDOM"
  for n in 1 2 3; do is_ready "$n" || die "node $n is not ready: scripts/cluster.sh --$MODE start"; done
  trap leave_whole EXIT
  passed 'all nodes are ready'

  write 1 "$run:a" from-node1
  passed 'node 1 takes a write'
  expect 2 "$run:a" from-node1
  expect 3 "$run:a" from-node1
  passed 'nodes 2 and 3 read it'
  write 3 "$run:b" from-node3
  expect 1 "$run:b" from-node3
  passed 'any node takes writes'

  stop_node 2
  for n in $(seq 1 5); do write 1 "$run:during-$n" "$n"; done
  expect 3 "$run:during-5" 5
  passed 'with node 2 stopped, writing goes on'
  start_node 2
  wait_ready 2
  for n in 1 5; do expect 2 "$run:during-$n" "$n"; done
  passed 'node 2 is back and has caught up'

  cut_off 3
  write 1 "$run:cut" majority
  expect 2 "$run:cut" majority
  passed 'with node 3 cut off, the majority goes on'
  if [[ "$MODE" == docker ]]; then
    wait_until 'node 3 to notice that it is alone' is_not_ready 3
    refuses_writes 3 "$run:cut" minority || die '✗ node 3 did not refuse a write alone'
    passed 'node 3 alone refuses writes'
  fi
  heal 3
  wait_ready 3
  expect 3 "$run:cut" majority
  passed 'node 3 is back and has what it missed'

  on_node 1 del "$run:a" "$run:b" "$run:cut" >/dev/null
  for n in $(seq 1 5); do on_node 1 del "$run:during-$n" >/dev/null; done
  say "All $CHECKS checks passed."
}

main() {
  local words=() word
  for word in "$@"; do
    case "$word" in
      --local) MODE=local ;;
      --docker) MODE=docker ;;
      --yes | -y) YES=1 ;;
      --help | -h)
        usage
        exit 0
        ;;
      -*) misused "unknown option $word" ;;
      *) words+=("$word") ;;
    esac
  done
  if [[ "$MODE" == docker ]]; then
    command -v docker >/dev/null || die 'docker is not installed; without it: scripts/cluster.sh --local'
    docker info >/dev/null 2>&1 || die 'no Docker engine answers; without one: scripts/cluster.sh --local'
    docker compose version >/dev/null 2>&1 || die 'Docker Compose is not installed (docker compose version)'
    REDIS_PORT=6379 HTTP_PORT=8081
  else
    find_ports
  fi
  local verb="${words[0]:-help}" most=1
  [[ "$verb" == logs || "$verb" == shell ]] && most=2
  # `stop 2` must not stop all nodes.
  ((${#words[@]} <= most)) || misused "too many words: ${words[*]}"
  case "$verb" in
    build | start | stop | status | clean) "$verb" ;;
    restart)
      stop
      start
      ;;
    logs | shell) "$verb" "${words[1]:-}" ;;
    test) test_cluster ;;
    help) usage ;;
    *) misused "unknown verb $verb" ;;
  esac
}

main "$@"
