//! What the kernel dropped before anybody could read it.

use std::io::Read as _;

/// A table of sockets is read up to here.
const MOST: u64 = 4 << 20;

/// Datagrams dropped at a UDP port, by `/proc/net/udp` and `/proc/net/udp6`; `None` where these cannot be read.
pub(super) async fn drops(port: u16) -> Option<i64> {
    let read = || {
        let tables = ["/proc/net/udp", "/proc/net/udp6"].iter().filter_map(|path| {
            let mut text = String::new();
            std::fs::File::open(path).ok()?.take(MOST).read_to_string(&mut text).ok()?;
            Some(text)
        });
        tables.collect::<Vec<_>>()
    };
    let tables = tokio::task::spawn_blocking(read).await.ok()?;
    (!tables.is_empty()).then(|| tables.iter().map(|table| in_table(table, port)).sum())
}

/// The last column of the lines whose second is an address of this port.
fn in_table(table: &str, port: u16) -> i64 {
    let of = |line: &str| {
        let mut columns = line.split_whitespace();
        let (_, found) = columns.nth(1)?.rsplit_once(':')?;
        (u16::from_str_radix(found, 16).ok()? == port).then(|| columns.last()?.parse::<i64>().ok()).flatten()
    };
    table.lines().skip(1).filter_map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_stand_in_the_last_column() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n \
            1: 0100007F:1414 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0000 17\n \
            2: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0000 5\n";
        assert_eq!((in_table(table, 0x1414), in_table(table, 53), in_table(table, 1)), (17, 5, 0));
    }
}
