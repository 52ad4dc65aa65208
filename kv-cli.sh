#!/usr/bin/env bash
# The command line of a three-node cluster that answers in lines of text (--inline plain): node1 to node3 on localhost
# ports 8081 to 8083, as deploy/docker/compose.yaml and `kvorum cluster start --compat s2` publish them.
#   KV_HOST       where the nodes are; localhost when not set
#   KV_NODES      their ports, node1 first; "8081 8082 8083" when not set
#   KV_STOP, KV_START   commands that stop and start a node, its name behind them, for `demo`; docker stop and start
#                 of simple-kv-NODE when not set
#   KVORUM_PASSWORD, KVORUM_PASSWORD_FILE   the password of the cluster, or the file that holds it
set -uo pipefail
# A node that ends the connection must not end this script.
trap '' PIPE

HOST=${KV_HOST:-localhost}
read -r -a PORTS <<<"${KV_NODES:-8081 8082 8083}"
NODE=node1
LIMIT=10
PASSWORD=${KVORUM_PASSWORD:-}

usage() {
  cat <<'TEXT'
Usage: ./kv-cli.sh [-n|--node node1|node2|node3] [-h|--help] COMMAND

Commands:
  set KEY VALUE      Set a key
  get KEY            Get the value of a key
  del|delete KEY     Delete a key
  sync NODE          Ask a node to synchronise with its peers
  stats NODE         Show the counters of a node
  status             Show which nodes are up
  test               Run the basic tests; exit status 1 when one fails
  demo               Stop a node, go on writing, bring it back

Examples:
  ./kv-cli.sh set greeting hello
  ./kv-cli.sh -n node2 get greeting
TEXT
}

fail() {
  printf 'Error: %s\n' "$1" >&2
  shift
  [ $# -eq 0 ] || printf '%s\n' "$@" >&2
  exit 1
}

node_names() {
  local i names=''
  for i in "${!PORTS[@]}"; do names="$names node$((i + 1))"; done
  printf '%s' "${names# }"
}

port_of() {
  local number=${1#node}
  case $1 in node[1-9] | node[1-9][0-9]) ;; *) return 1 ;; esac
  [ "$number" -le "${#PORTS[@]}" ] || return 1
  printf '%s' "${PORTS[$((number - 1))]}"
}

need_node() {
  port_of "$1" >/dev/null || fail "Invalid node '$1'" "Valid nodes: $(node_names)"
}

if [ -z "$PASSWORD" ] && [ -n "${KVORUM_PASSWORD_FILE:-}" ]; then
  { IFS= read -r PASSWORD <"$KVORUM_PASSWORD_FILE"; } 2>/dev/null || [ -n "$PASSWORD" ] ||
    fail "Cannot read a password from $KVORUM_PASSWORD_FILE"
fi

# Sends one line to a node and prints the line that it answers. Status 1: the node cannot be reached, or has ended the
# connection without an answer; 2: no answer within LIMIT seconds.
ask() {
  local line status=0
  { exec 3<>"/dev/tcp/$HOST/$(port_of "$1")"; } 2>/dev/null || return 1
  shift
  if [ -n "$PASSWORD" ]; then
    line=$(exchange "AUTH $PASSWORD") || status=$?
    if [ "$status" -ne 0 ] || [ "$line" != OK ]; then
      exec 3>&-
      [ "$status" -ne 0 ] || printf '%s\n' "$line"
      return "$status"
    fi
  fi
  exchange "$*" || status=$?
  exec 3>&-
  return "$status"
}

# One line to the open connection, and one back.
exchange() {
  local line status=0
  printf '%s\n' "$1" >&3
  IFS= read -r -t "$LIMIT" line <&3 || status=$?
  [ "$status" -le 128 ] || return 2
  [ "$status" -eq 0 ] || return 1
  printf '%s\n' "$line"
} 2>/dev/null

# Keys and values are single words: white space would become another argument, or another command.
need_words() {
  local word
  for word in "$@"; do
    case $word in
      '' | *[[:space:]]*) fail "Cannot send '$word': keys and values are single words" ;;
    esac
  done
}

is_up() {
  (exec 3<>"/dev/tcp/$HOST/$(port_of "$1")") 2>/dev/null
}

# One command to one node, with the message that tells what to do when it is not there.
send() {
  local node=$1
  shift
  is_up "$node" ||
    fail "Node '$node' is not reachable on port $(port_of "$node")" \
      'Make sure the cluster is running: docker-compose up -d'
  local answer status=0
  answer=$(ask "$node" "$@") || status=$?
  case $status in
    0) printf '%s\n' "$answer" ;;
    2) fail "Node '$node' did not answer within $LIMIT s" ;;
    # Docker takes connections for a container whose program is not there yet.
    *) fail "Node '$node' ended the connection without an answer" 'It may be starting: ./kv-cli.sh status' ;;
  esac
  # A value may begin with anything.
  [[ $* == GET* || $answer != 'Error: '* ]]
}

status() {
  local node state
  echo 'Checking cluster status...'
  for node in $(node_names); do
    # A process that is frozen, and a port behind which nobody listens yet, take connections and never answer.
    if LIMIT=5 ask "$node" STATS >/dev/null; then state=UP; else state=DOWN; fi
    echo "Node $node (port $(port_of "$node")): $state"
  done
}

FAILURES=0

# check WHAT EXPECTED ACTUAL
check() {
  if [ "$2" = "$3" ]; then
    echo "✓ $1 working"
  else
    echo "✗ $1 failed (expected '$2', got '$3')"
    FAILURES=$((FAILURES + 1))
  fi
}

run_tests() {
  local key="test-$$-$RANDOM"
  echo 'Running Simple KV Cluster Tests...'
  echo
  echo 'Test 1: Basic SET/GET'
  send node1 "SET $key value1" >/dev/null
  check 'Basic SET/GET' value1 "$(send node1 "GET $key")"
  echo
  echo 'Test 2: Cross-node replication'
  send node1 "SET $key-shared shared-value" >/dev/null
  check 'Cross-node replication' shared-value "$(send node2 "GET $key-shared")"
  echo
  echo 'Test 3: DELETE operation'
  send node1 "SET $key-gone value" >/dev/null
  send node2 "DEL $key-gone" >/dev/null
  check 'DELETE operation' 'Key not found' "$(send node3 "GET $key-gone")"
  send node1 "DEL $key" >/dev/null
  send node1 "DEL $key-shared" >/dev/null
  echo
  if [ "$FAILURES" -eq 0 ]; then
    echo 'All tests passed.'
  else
    echo "$FAILURES of 3 tests failed."
    exit 1
  fi
}

# stop_node|start_node NODE
stop_node() { if [ -n "${KV_STOP:-}" ]; then $KV_STOP "$1"; else docker stop "simple-kv-$1"; fi >/dev/null; }
start_node() { if [ -n "${KV_START:-}" ]; then $KV_START "$1"; else docker start "simple-kv-$1"; fi >/dev/null; }

step() {
  STEP=$((STEP + 1))
  echo
  echo "Step $STEP: $1"
}

# Prints a command with its answer; the answer must be EXPECTED.
show() {
  local node=$1 line=$2 expected=$3 answer
  answer=$(send "$node" "$line")
  echo "  $node> $line"
  echo "  $answer"
  [ "$answer" = "$expected" ] || fail "Expected '$expected'"
}

await_node() {
  local left=60
  until [ "$(ask "$1" "GET $2" 2>/dev/null)" = "$3" ]; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || fail "Node '$1' did not come back within 60 s"
    sleep 1
  done
}

demo() {
  local key="demo-$$"
  STEP=0
  echo 'Failure and recovery, in nine steps'
  step 'All nodes are up'
  status
  step 'Write to node1'
  show node1 "SET $key-before value1" OK
  step 'Read it from node2'
  show node2 "GET $key-before" value1
  step 'Stop node2'
  stop_node node2 || fail 'Cannot stop node2'
  status
  step 'Go on writing while it is away'
  show node1 "SET $key-missed value2" OK
  show node3 "GET $key-missed" value2
  step 'Start node2'
  start_node node2 || fail 'Cannot start node2'
  await_node node2 "$key-missed" value2
  step 'node2 has caught up by itself'
  show node2 "GET $key-missed" value2
  step 'Asking for a synchronisation is possible and changes nothing: there is no gap to close'
  show node2 'SYNC REQUEST' 'SYNC requested from all peers'
  step 'Every node agrees'
  for node in $(node_names); do show "$node" "GET $key-missed" value2; done
  send node1 "DEL $key-before" >/dev/null
  send node1 "DEL $key-missed" >/dev/null
  echo
  echo 'Demo complete.'
}

while [ $# -gt 0 ]; do
  case $1 in
    -n | --node)
      [ $# -ge 2 ] || fail "$1 requires a node" "Valid nodes: $(node_names)"
      NODE=$2
      shift 2
      need_node "$NODE"
      ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) break ;;
  esac
done

if [ $# -eq 0 ]; then
  printf 'Error: No command provided\n\n' >&2
  usage >&2
  exit 1
fi

COMMAND=$1
shift
case $COMMAND in
  set)
    [ $# -eq 2 ] || fail 'SET requires key and value' 'Usage: ./kv-cli.sh set KEY VALUE'
    need_words "$@"
    send "$NODE" "SET $1 $2"
    ;;
  get)
    [ $# -eq 1 ] || fail 'GET requires key' 'Usage: ./kv-cli.sh get KEY'
    need_words "$@"
    send "$NODE" "GET $1"
    ;;
  del | delete)
    [ $# -eq 1 ] || fail 'DEL requires key' 'Usage: ./kv-cli.sh del KEY'
    need_words "$@"
    send "$NODE" "DEL $1"
    ;;
  sync | stats)
    [ $# -le 1 ] || fail "${COMMAND^^} takes one node" "Usage: ./kv-cli.sh $COMMAND NODE"
    [ $# -eq 0 ] || NODE=$1
    need_node "$NODE"
    if [ "$COMMAND" = sync ]; then send "$NODE" 'SYNC REQUEST'; else send "$NODE" STATS; fi
    ;;
  status) status ;;
  test) run_tests ;;
  demo) demo ;;
  *) fail "Unknown command '$COMMAND'" "$(usage)" ;;
esac
