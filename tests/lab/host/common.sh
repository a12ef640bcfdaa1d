# shellcheck shell=bash disable=SC2034
# What every script of the lab's host side shares. Sourced, never run.

set -euo pipefail

# The guest's Debian. Its kernel is the one that kernel/adapt knows how to extend.
readonly release=bookworm kernel_series=6.1

lab=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/zello-gateway/lab
readonly lab cache

say() { printf 'lab: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null; }

as_root() {
    if ((EUID == 0)); then "$@"
    elif have sudo; then sudo "$@"
    else die "root is needed for: $*. Run the lab as root, or install sudo"
    fi
}

# retry WHAT COMMAND...: a mirror can be caught half-synchronised, and is right again after a while.
retry() {
    local what=$1 pause
    shift
    for pause in 0 5 20 60 120; do
        if ((pause)); then say "$what failed; trying again in $pause s"; sleep "$pause"; fi
        "$@" && return
    done
    die "$what failed again and again; the messages stand above"
}

# key FILE...: a short name for the contents of files (and of standard input, as -), for folders of the cache.
key() { cat -- "$@" | sha256sum | cut -c 1-16; }

# keep PREFIX NAME: forgets all folders of the cache that begin with PREFIX, but NAME.
keep() {
    local folder
    for folder in "$cache/$1"*; do
        [[ $folder == "$cache/$2" ]] || rm -rf -- "$folder"
    done
}
