# shellcheck shell=bash
# Runs the lines of the Procfile in the background; sourced by demo, down and bench.

: "${checkout:?fleet.sh is sourced after lib.sh}"

fleet_pids=$SLUICE_HOME/run/fleet
# Longer than the workers' own drain timeout, so that only a hung process is killed.
fleet_patience=${SLUICE_FLEET_STOP_SECONDS:-45}

# fleet_lines: the Procfile's lines as NAME<tab>COMMAND.
fleet_lines() { sed -n 's/^\([A-Za-z0-9_-]*\):[[:space:]]*\(.*[^[:space:]]\)[[:space:]]*$/\1\t\2/p' "$checkout/Procfile"; }

# fleet_start: starts what does not run, and again what was built anew since.
fleet_start() {
    local name command pid program
    mkdir -p "$fleet_pids" "$SLUICE_HOME/log"
    while IFS=$'\t' read -r name command; do
        program=$checkout/${command%% *}
        [[ -x $program ]] || die "$program is not built; run scripts/build"
        if pid=$(remembered "$fleet_pids/$name"); then
            [[ $program -nt $fleet_pids/$name || $SLUICE_HOME/run/environment -nt $fleet_pids/$name ]] || continue
            say "Restarting $name: it was built anew, or the servers moved"
            kill "$pid" 2>/dev/null || true
            ended "$fleet_pids/$name" "$fleet_patience" || kill -KILL "$pid" 2>/dev/null || true
        fi
        # A session of its own, so that Ctrl-C in the terminal does not reach it; no descriptor of ours stays open.
        (cd "$checkout" && exec setsid bash -c "exec $command" </dev/null >>"$SLUICE_HOME/log/$name.log" 2>&1 9>&-) &
        remember "$fleet_pids/$name" "$!"
        disown "$!"
    done < <(fleet_lines)
}

# fleet_check: fails, with the end of its log, when a process of the fleet has ended.
fleet_check() {
    local file name
    for file in "$fleet_pids"/*; do
        [[ -e $file ]] || continue
        name=$(basename "$file")
        remembered "$file" >/dev/null && continue
        tail -n 15 "$SLUICE_HOME/log/$name.log" >&2
        die "$name has stopped; its log is $SLUICE_HOME/log/$name.log"
    done
}

# fleet_stop: SIGTERM to all at once (they drain), then wait for each; kill what hangs.
fleet_stop() {
    local file pid
    for file in "$fleet_pids"/*; do
        pid=$(remembered "$file") || continue
        say "Stopping $(basename "$file")"
        kill "$pid" 2>/dev/null || true
    done
    for file in "$fleet_pids"/*; do
        [[ -e $file ]] || continue
        if pid=$(remembered "$file") && ! ended "$file" "$fleet_patience"; then
            warn "$(basename "$file") (pid $pid) did not drain in $fleet_patience s: killing it; its tasks run again elsewhere"
            kill -KILL "$pid" 2>/dev/null || true
        fi
        rm -f "$file"
    done
}
