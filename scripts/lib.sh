# shellcheck shell=bash
# Common parts of the scripts; sourced, never run. Messages go to stderr: stdout belongs to what a shell may eval.

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
SLUICE_HOME=${SLUICE_HOME:-$checkout/.sluice}
[[ $SLUICE_HOME = /* ]] || SLUICE_HOME=$PWD/$SLUICE_HOME
export SLUICE_HOME

say() { [[ -n ${quiet:-} ]] || printf '%s\n' "$*" >&2; }
warn() { printf '%s\n' "$*" >&2; }
die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# The comment at the head of a script is its help.
usage() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p;}' "$0"; }

# Runs setup (quick when nothing is missing) and lets SwiftPM find what it brought.
prepare() {
    "$checkout/scripts/setup" --quiet
    export PKG_CONFIG_PATH=$SLUICE_HOME/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
}

# new_password: 32 hexadecimal digits; needs no escaping in a URL.
new_password() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

# write_private FILE: stdin into FILE, readable by the owner only, never half written.
write_private() {
    (umask 077 && cat >"$1.new") && mv "$1.new" "$1"
}

# free_ports N: N loopback ports nobody listens on, one a line.
free_ports() {
    python3 -c '
import socket, sys
sockets = [socket.socket() for _ in range(int(sys.argv[1]))]
for s in sockets:
    s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1])' "$1"
}

# In functions here `return` always names its status: in an EXIT trap a bare one repeats the status before the trap.

# start_time PID: when the process began, in ticks since boot; with the pid it names one process for good. A zombie, which
# a container's first process may be slow to collect, has ended.
start_time() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    stat=${stat##*) }
    [[ $stat != Z* ]] || return 1
    cut -d' ' -f20 <<<"$stat"
}

# remember FILE PID: a pid file that survives a reboot and a reused pid without lying.
remember() { printf '%s %s\n' "$2" "$(start_time "$2")" >"$1"; }

# remembered FILE: prints the pid and succeeds while that very process runs.
remembered() {
    local pid started
    [[ -r $1 ]] || return 1
    read -r pid started <"$1" || return 1
    [[ -n $started && $(start_time "$pid") = "$started" ]] || return 1
    printf '%s\n' "$pid"
}

# ended FILE SECONDS: waits until the remembered process is gone; fails when it is not in time.
ended() {
    local deadline=$((SECONDS + $2))
    while remembered "$1" >/dev/null; do
        ((SECONDS < deadline)) || return 1
        sleep 0.05
    done
}

# human SECONDS
human() { if (($1 < 60)); then printf '%d s' "$1"; else printf '%d min %d s' $(($1 / 60)) $(($1 % 60)); fi; }
