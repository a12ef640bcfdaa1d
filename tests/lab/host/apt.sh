# shellcheck shell=bash disable=SC2154
# A private apt: resolves and downloads the guest's packages, and leaves the host's own apt as it is. Sourced.

readonly apt_root=$cache/apt

# apt_private TOOL ARGUMENT...: apt-get or apt-cache with its own lists, as if on an empty arm64 machine.
apt_private() {
    local tool=$1
    shift
    "$tool" -o Dir::State="$apt_root/state" -o Dir::State::status="$apt_root/status" -o Dir::Cache="$apt_root/cache" \
        -o Dir::Etc::SourceList="$apt_root/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
        -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o APT::Architectures::="$(dpkg --print-architecture)" \
        -o APT::Install-Recommends=false -o APT::Sandbox::User=root -o Acquire::Retries=3 -o Acquire::Languages=none "$@"
}

# debian_address LABEL: where the host's apt gets Debian's archive of that label from.
debian_address() {
    # shellcheck disable=SC2016
    apt-get indextargets 'Created-By: Packages' 'Origin: Debian' "Label: $1" 'Component: main' --format '$(REPO_URI)' | head -n 1
}

# source_line LABEL SUITE: the entry of a suite in that archive.
source_line() {
    local address keyring
    address=$(debian_address "$1")
    [[ -n $address ]] || return 1
    for keyring in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
        if [[ -e $keyring ]]; then
            printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$address" "$2"
            return
        fi
    done
    say "Debian's keys are missing: install debian-archive-keyring"
    return 1
}

# Which mirror is asked is the host's apt's own choice.
apt_sources() {
    mkdir -p "$apt_root"/{state/lists/partial,cache/archives/partial}
    : >"$apt_root/status"
    if ! source_line Debian "$release" >/dev/null; then
        say "asking apt for its package lists"
        as_root apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=600 update || true
    fi
    {
        source_line Debian "$release" || die "apt knows no Debian archive: the lab needs a Debian machine (12 or newer)"
        source_line Debian "$release-updates"
        source_line Debian-Security "$release-security" || say "apt knows no security archive of Debian; going on without"
    } >"$apt_root/sources.list"
}

# An incomplete list is no reason to stop: what matters is whether the packages can be had.
apt_update() {
    apt_private apt-get -qq -o APT::Update::Error-Mode=any update || say "some package lists could not be fetched"
}
