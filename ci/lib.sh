# Steps that the scripts in ci/ share. Sourced, never run.
#
# A step prints one line and keeps its output in build/ci/*.log; a failing step prints the end of
# that log and what to do, and ends the script.
set -euo pipefail

CI_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
CI_LOGS="$CI_ROOT/build/ci"
CI_POLICY=/usr/sbin/policy-rc.d
# Debian's own Python is the one that sees Debian's python3-pytest and python3-jsonschema.
CI_PYTHON=/usr/bin/python3
mkdir -p "$CI_LOGS"

say() { printf '%s\n' "$*"; }

die() {
    printf '%s: %s\n' "ci/$(basename "$0")" "$*" >&2
    exit 1
}

# step "what it does" LOG COMMAND...: runs COMMAND with its output in build/ci/LOG.log.
step() {
    local what="$1" log="$CI_LOGS/$2.log" began=$SECONDS
    shift 2
    printf '%-58s' "$what"
    if "$@" >"$log" 2>&1; then
        printf '%4d s\n' $((SECONDS - began))
    else
        printf 'FAILED\n'
        tail -n 40 "$log" >&2
        die "\"$what\" failed; the end of its output is above, all of it in $log"
    fi
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

package_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ]
}

# Lines of the named sections of ci/packages that are not satisfied on this host.
packages_missing() {
    local section="" line name found wanted=" $* "
    while read -r line; do
        case "$line" in
        "" | "#"*) continue ;;
        "["*"]") section="${line//[\[\]]/}" && continue ;;
        esac
        [[ "$wanted" == *" $section "* ]] || continue
        if [[ "$line" == *" unless "* ]] && command -v "${line##* unless }" >/dev/null; then
            continue
        fi
        found=no
        for name in $(packages_of_line "$line"); do
            if package_installed "$name"; then
                found=yes
            fi
        done
        [ "$found" = yes ] || say "$line"
    done <"$CI_ROOT/ci/packages"
}

# The names of a line of ci/packages: "a | b unless C" gives "a b".
packages_of_line() { say "${1%% unless *}" | tr '|' ' '; }

# The first name of a line that this release has; the first one if it has none, so that apt names it.
package_choice() {
    local name names
    names="$(packages_of_line "$1")"
    for name in $names; do
        if apt-cache show "$name" >/dev/null 2>&1; then
            say "$name"
            return
        fi
    done
    say "${names%% *}"
}

packages_fetch() { # packages_fetch LINES...: resolves alternatives and installs
    local line names=()
    as_root apt-get -o Acquire::Retries=3 update
    for line in "$@"; do
        names+=("$(package_choice "$line")")
    done
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 \
        install -y --no-install-recommends "${names[@]}"
}

# Packaged daemons (nginx, haproxy, apache2) must not start: tests run their own. policy-rc.d is Debian's switch for
# that; one that is there already is the host's own and stays.
daemons_hold() {
    if [ ! -e "$CI_POLICY" ]; then
        trap daemons_release EXIT
        printf '#!/bin/sh\n# put here by ci/test of pelt while it installs\nexit 101\n' |
            as_root tee "$CI_POLICY" >/dev/null
        as_root chmod 755 "$CI_POLICY"
    fi
}

daemons_release() {
    if grep -qs 'put here by ci/test of pelt' "$CI_POLICY"; then
        as_root rm -f "$CI_POLICY"
    fi
}

# install_packages SECTION...: what the sections name and this host lacks; says it first.
install_packages() {
    local missing
    mapfile -t missing < <(packages_missing "$@")
    if [ "${#missing[@]}" -eq 0 ]; then
        say "packages for $*: all there"
        return
    fi
    command -v apt-get >/dev/null ||
        die "these are missing: $(printf '%s, ' "${missing[@]}")and this is no Debian or Ubuntu (no apt-get): install their equivalents, then: cmake --preset release && cmake --build --preset release"
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null ||
            die "installing needs root: run it as root, or install sudo, or have someone install: ${missing[*]}"
        say "installing with sudo apt-get:"
    else
        say "installing with apt-get:"
    fi
    printf '  %s\n' "${missing[@]}"
    step "installing packages" install packages_fetch "${missing[@]}"
}

# The chart library of the HTML report, of which no distribution has a package: npm's, of one version, byte by byte.
UPLOT_VERSION=1.6.32
UPLOT_SHA256=4b8a8191e425658e3ea8c8c1314b0fc679c861ee3a1af2b20c7b16ba50b5133d

# Into build/uplot, where CMake looks for it. NPM_CONFIG_REGISTRY names another registry, as it does to npm.
uplot_fetch() {
    local folder="$CI_ROOT/build/uplot" file="$CI_LOGS/uplot-$UPLOT_VERSION.tgz"
    local registry="${NPM_CONFIG_REGISTRY:-https://registry.npmjs.org}"
    curl -fsSL --retry 3 -o "$file" "${registry%/}/uplot/-/uplot-$UPLOT_VERSION.tgz" &&
        printf '%s  %s\n' "$UPLOT_SHA256" "$file" | sha256sum --check &&
        rm -rf "$folder" && mkdir -p "$folder" &&
        tar -xzf "$file" -C "$folder" --strip-components 1
}

# install_uplot: fetches it unless it is there. Fails, with a word, where it cannot be had.
install_uplot() {
    if grep -qs "\"version\": \"$UPLOT_VERSION\"" "$CI_ROOT/build/uplot/package.json"; then
        return
    fi
    (step "fetching uPlot $UPLOT_VERSION, for the HTML report" uplot uplot_fetch)
}

# build_preset PRESET TARGET [CMAKE OPTION...]: configures and builds build/PRESET.
build_preset() {
    local preset="$1" target="$2"
    shift 2
    step "configuring build/$preset" "configure-$preset" \
        cmake -S "$CI_ROOT" --preset "$preset" "$@"
    step "building build/$preset" "build-$preset" \
        cmake --build "$CI_ROOT/build/$preset" --target "$target"
}
