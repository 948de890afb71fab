//! `/proc/<pid>/net/dev`: the interfaces of a process's network namespace.

use super::parse;
use super::reading::Interface;

/// Interfaces that cAdvisor leaves out too: the loopback, and the host's ends and bridges of containers.
const IGNORED: [&str; 4] = ["lo", "veth", "docker", "nerdctl"];

/// The most interfaces that are read of one namespace.
const MOST: usize = 256;

/// Reads `net/dev` into `out` (emptied first, its strings reused).
pub fn parse_dev(bytes: &[u8], out: &mut Vec<Interface>) {
    let mut used = 0;
    for line in parse::lines(bytes) {
        let Some(colon) = line.iter().position(|b| *b == b':') else { continue };
        let Ok(name) = std::str::from_utf8(line[..colon].trim_ascii()) else { continue };
        if name.is_empty() || IGNORED.iter().any(|prefix| name.starts_with(prefix)) || used == MOST {
            continue;
        }
        let mut columns = [0u64; 12];
        let mut count = 0;
        for (column, word) in columns.iter_mut().zip(parse::words(&line[colon + 1..])) {
            let Some(value) = parse::number(word) else { break };
            *column = value;
            count += 1;
        }
        if count < columns.len() {
            continue;
        }
        if used == out.len() {
            out.push(Interface::default());
        }
        let entry = &mut out[used];
        entry.name.clear();
        entry.name.push_str(name);
        let [rb, rp, re, rd, _, _, _, _, tb, tp, te, td] = columns;
        (entry.rx, entry.tx) = ([rb, rp, re, rd], [tb, tp, te, td]);
        used += 1;
    }
    out.truncate(used);
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEV: &[u8] = b"Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:       9       9    0    0    0     0          0         0        9       9    0    0    0     0       0          0
  eth0:     286       3    1    2    0     0          0         0       77       8    5    6    0     0       0          0
vethab1:    1       1    0    0    0     0          0         0        1       1    0    0    0     0       0          0
  bad0: 1 2 x
";

    #[test]
    fn interfaces_of_the_container_itself() {
        let mut out = vec![Interface::default(); 5];
        parse_dev(DEV, &mut out);
        assert_eq!(
            out,
            [Interface { name: "eth0".into(), rx: [286, 3, 1, 2], tx: [77, 8, 5, 6] }],
            "no loopback, no host ends, no broken line"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            let mut out = Vec::new();
            parse_dev(&bytes, &mut out);
            proptest::prop_assert!(out.len() <= MOST);
        }
    }
}
