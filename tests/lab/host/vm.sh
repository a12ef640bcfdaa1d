# shellcheck shell=bash disable=SC2034
# How the emulated machine is started and ended. Sourced.

# Like a Pi 3's processor. The memory is more than the smallest Pi's, so that sums of several programs can be seen.
readonly machine=(-M virt -cpu cortex-a53 -smp 2 -m 512 -nodefaults -no-reboot -display none -nic none)

# In a session the guest's clock counts its instructions, 2 ns each for both cores together, and jumps while they rest: what it
# measures is the same on a busy host as on an idle one, and half of what one core of a Pi 3 can do.
readonly counted=(-icount "shift=1,sleep=off" -rtc clock=vm)

# vm LIMIT CONSOLE COMMAND...: runs QEMU until the guest powers off; at the limit (seconds) ends it. What the guest says on
# its console goes into the file CONSOLE. Ends with 124 when the time was up. Takes its shell's place: call it in one of its own.
vm() {
    : >"$2"
    exec timeout --foreground --kill-after=5 "$1" nice "${@:3}" -serial "file:$2" </dev/null
}

# console_tail FILE: what a person needs to see when something went wrong.
console_tail() {
    say "the last lines of the guest's console ($1):"
    tail -n 40 "$1" | tr -d '\r' | sed 's/^/    /' >&2
}
