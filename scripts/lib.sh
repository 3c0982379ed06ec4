# Sourced by setup, quickstart and test: says each step in one line, keeps its output in .tools/log,
# and ends with one line on stderr that names what failed.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
tools=$root/.tools
logs=$tools/log
export PATH=$tools/venv/bin:$PATH
# Kernels by content: they outlive a build folder, and all presets share them.
export ATTUNE_CACHE=${ATTUNE_CACHE:-$tools/cache}

die() {
    printf 'attune: %s\n' "$1" >&2
    exit 1
}

say() {
    printf '== %s\n' "$1"
}

# One line of a log that tells most about a failure.
reason() {
    local offline='name resolution|[Nn]etwork is unreachable|NewConnectionError|not resolve'
    if grep -qE "$offline" "$1"; then
        echo "no network"
        return
    fi
    { grep -E '(^|[^a-z])([Ee]rror|ERROR|E|FAILED|fatal|CMake Error)( |:)' "$1" || cat "$1"; } |
        grep -v '^[[:space:]]*$' | tail -n 1 | cut -c 1-200
}

# Waits for process $1, showing the seconds and the newest line of log $2.
show_progress() {
    local begin=$SECONDS line
    while kill -0 "$1" 2>/dev/null; do
        line=$(tail -c 2000 "$2" | tr '\r' '\n' | grep -v '^[[:space:]]*$' | tail -n 1 || true)
        printf '\r\033[K   %ss  %.*s' "$((SECONDS - begin))" "$(($(tput cols || echo 80) - 12))" \
            "${line//[^[:print:]]/}"
        sleep 0.5
    done
    printf '\r\033[K'
}

# step NAME TEXT COMMAND...: output goes to .tools/log/NAME.log.
step() {
    local name=$1 text=$2 status=0 pid
    shift 2
    say "$text"
    mkdir -p "$logs" || die "cannot write to $tools"
    if [ -t 1 ]; then
        "$@" >"$logs/$name.log" 2>&1 &
        pid=$!
        trap 'kill $pid 2>/dev/null; exit 130' INT TERM
        show_progress "$pid" "$logs/$name.log"
        wait "$pid" || status=$?
        trap - INT TERM
    else
        "$@" >"$logs/$name.log" 2>&1 || status=$?
    fi
    [ "$status" = 0 ] ||
        die "failed: $text: $(reason "$logs/$name.log") (all of it: .tools/log/$name.log)"
}

# build PRESET [CMAKE OPTION...]: on a terminal ninja and attune-generate show their own progress.
build() {
    local preset=$1
    shift
    step "configure-$preset" "Configuring: $preset" \
        cmake -S "$root" --preset "$preset" -DATTUNE_MODEL_DIR="$tools/model" "$@"
    if [ -t 1 ]; then
        say "Building: $preset"
        (cd "$root" && cmake --build --preset "$preset") || die "failed: Building: $preset"
    else
        step "build-$preset" "Building: $preset" \
            cmake --build "$(build_folder "$preset")"
    fi
}

build_folder() {
    if [ "$1" = release ]; then echo "$root/build"; else echo "$root/build-$1"; fi
}
