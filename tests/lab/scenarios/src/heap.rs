//! Who uses the heap, as the kernel sees it: probes at the C library's functions, counted by thread. The program itself, a
//! release build out of its package, knows nothing of it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;

use anyhow::{Context as _, Result, ensure};

const TRACING: &str = "/sys/kernel/tracing";
const GROUP: &str = "zello_gateway_heap";

/// Counts in the kernel, by thread.
const BY_THREAD: &str = "hist:keys=common_pid:size=4096";

/// Probes at every way to the heap, until this is dropped. All programs that use this C library are counted.
pub(crate) struct Heap {
    probes: Vec<&'static str>,
}

impl Heap {
    pub(crate) fn watch() -> Result<Self> {
        let maps = fs::read_to_string("/proc/self/maps")?;
        let mut heap = Self { probes: Vec::new() };
        for (name, address) in ways() {
            let (file, offset) =
                place(&maps, address).with_context(|| format!("{name} is in no file that is mapped"))?;
            command(&format!("p:{GROUP}/{name} {file}:{offset:#x}"))
                .with_context(|| format!("cannot probe {name}"))?;
            heap.probes.push(name);
            let trigger = format!("{TRACING}/events/{GROUP}/{name}/trigger");
            fs::write(&trigger, BY_THREAD).with_context(|| format!("cannot set {trigger}"))?;
        }
        Ok(heap)
    }

    /// Calls so far, by number of the thread.
    pub(crate) fn calls(&self) -> Result<BTreeMap<u32, u64>> {
        let mut calls = BTreeMap::new();
        for name in &self.probes {
            let hist = fs::read_to_string(format!("{TRACING}/events/{GROUP}/{name}/hist"))?;
            ensure!(drops(&hist) == Some(0), "the kernel has left out calls of {name}");
            for (thread, hits) in hist.lines().filter_map(counted) {
                *calls.entry(thread).or_default() += hits;
            }
        }
        Ok(calls)
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        for name in &self.probes {
            drop(fs::write(format!("{TRACING}/events/{GROUP}/{name}/trigger"), format!("!{BY_THREAD}")));
            drop(command(&format!("-:{GROUP}/{name}")));
        }
    }
}

/// The C library's functions that take from the heap or give back.
fn ways() -> [(&'static str, usize); 6] {
    [
        ("malloc", libc::malloc as *const () as usize),
        ("calloc", libc::calloc as *const () as usize),
        ("realloc", libc::realloc as *const () as usize),
        ("posix_memalign", libc::posix_memalign as *const () as usize),
        ("aligned_alloc", libc::aligned_alloc as *const () as usize),
        ("free", libc::free as *const () as usize),
    ]
}

fn command(line: &str) -> Result<()> {
    let mut events = fs::OpenOptions::new().append(true).open(format!("{TRACING}/uprobe_events"))?;
    events.write_all(line.as_bytes())?;
    Ok(())
}

/// The file behind an address of this process, and where in it.
fn place(maps: &str, address: usize) -> Option<(&str, usize)> {
    maps.lines().find_map(|line| {
        let mut fields = line.split_whitespace();
        let (from, to) = fields.next()?.split_once('-')?;
        let hex = |text: &str| usize::from_str_radix(text, 16).ok();
        let (from, to, offset) = (hex(from)?, hex(to)?, hex(fields.nth(1)?)?);
        let file = fields.nth(2)?;
        (from..to).contains(&address).then(|| (file, address - from + offset))
    })
}

/// `{ common_pid:        345 } hitcount:         12`.
fn counted(line: &str) -> Option<(u32, u64)> {
    let (key, hits) = line.strip_prefix("{ common_pid:")?.split_once("} hitcount:")?;
    Some((key.trim().parse().ok()?, hits.trim().parse().ok()?))
}

/// `    Dropped: 0`, in the totals at the end.
fn drops(hist: &str) -> Option<u64> {
    hist.lines().find_map(|line| line.trim().strip_prefix("Dropped:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_found_in_its_file() {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        for (name, address) in ways() {
            let (file, offset) = place(&maps, address).unwrap();
            assert!(file.starts_with('/') && offset > 0, "{name}: {file}:{offset:#x}");
        }
        assert_eq!(
            place("1000-3000 r-xp 00000200 08:01 77   /lib/libc.so.6", 0x1010),
            Some(("/lib/libc.so.6", 0x210))
        );
        assert_eq!(place("1000-3000 r-xp 00000200 08:01 77   /lib/libc.so.6", 0x3000), None);
        assert_eq!(place("1000-3000 rw-p 00000000 00:00 0", 0x1010), None);
    }

    #[test]
    fn the_kernels_table_is_understood() {
        let hist = "# event histogram\n#\n\n{ common_pid:        345 } hitcount:         12\n{ common_pid:          1 } hitcount:     100000\n\nTotals:\n    Hits: 100012\n    Entries: 2\n    Dropped: 0\n";
        let calls: Vec<_> = hist.lines().filter_map(counted).collect();
        assert_eq!(calls, [(345, 12), (1, 100_000)]);
        assert_eq!(drops(hist), Some(0));
    }
}
