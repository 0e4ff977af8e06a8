# Shared by the scripts of this folder; sourced, never run. Leaves the caller in the root of the repository.
# shellcheck shell=bash disable=SC2034

set -euo pipefail
unset CDPATH
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The strict build, shared by every check and test so that nothing is compiled twice. It has a folder of its own because
# a plain `swift build` uses other flags, and the two would rebuild each other's files for ever.
#
# It is optimised, as what is shipped is, and all checks and assertions are on. To compile takes more than twice as long so, and to run
# the tests a sixth.
checked_build=.build-checked
checked_flags=(
    --configuration release
    -Xswiftc -enable-testing
    -Xswiftc -assert-config -Xswiftc Debug
    --scratch-path "$checked_build"
    --explicit-target-dependency-import-check error
    -Xswiftc -warnings-as-errors
)

# The build of the examples, as a user's packages are built, in one folder: what both use is compiled once. SwiftPM takes the plan that
# it finds there for that of the package at hand, so it makes one each time.
example_flags=(
    --scratch-path "$PWD/.build-examples"
    --disable-build-manifest-caching
    -debug-info-format none
    --explicit-target-dependency-import-check error
    -Xswiftc -warnings-as-errors
)

# test_example PACKAGE [OPTION...]: runs the tests of an example that is built, and writes a report to REPORT. Not by `swift test`,
# which holds the lock of the build folder all the time.
test_example() {
    local flags=(--package-path "$1" "${example_flags[@]}") name
    name=$(sed -n 's/^    name: "\(.*\)",$/\1/p' "$1/Package.swift" | head -n 1)
    "$(swift build "${flags[@]}" --show-bin-path)/${name}PackageTests.xctest" --testing-library swift-testing --no-parallel \
        ${REPORT:+--xunit-output "$REPORT"} "${@:2}"
}

# die MESSAGE...: one line to standard error, then exit 1.
die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# have COMMAND: whether the shell can find it.
have() {
    command -v "$1" >/dev/null 2>&1
}

# as_root COMMAND...: runs it as root, through sudo where that is needed.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        die "needs root for: $* (and there is no sudo)"
    fi
}

# in_private_mounts COMMAND...: replaces this shell by the command in a mount namespace of its own, where what it mounts
# is invisible to the rest of the machine and gone when its last process ends. Without root, a user namespace as well.
in_private_mounts() {
    if [ "$(id -u)" -eq 0 ]; then
        exec unshare --mount --propagation private -- "$@"
    fi
    unshare --user --map-root-user --mount true 2>/dev/null ||
        die "cannot make a user namespace here; run this as root, or allow unprivileged user namespaces"
    exec unshare --user --map-root-user --mount --propagation private -- "$@"
}

# sources PATHSPEC...: every matching file of the work tree that is, or could be, committed; NUL-terminated.
sources() {
    git ls-files -z --cached --others --exclude-standard -- "$@" |
        while IFS= read -r -d '' file; do
            [ ! -f "$file" ] || printf '%s\0' "$file"
        done
}

# now: milliseconds on a clock good enough to time a step.
now() {
    local stamp=$EPOCHREALTIME
    stamp=${stamp/[.,]/}
    printf '%s' "$((stamp / 1000))"
}
