//! Variables that say the time of their record come back as they were, and are found, whatever else stands there.

use super::*;

const SECOND: i64 = 1_000_000_000;
const START: i64 = 1_795_240_800 * SECOND;

/// What programs write of a time; an `odd` one writes that of another.
fn line(shape: usize, time_ns: i64, odd: i64) -> String {
    let time_ns = time_ns + odd;
    let (s, ns) = (time_ns / SECOND, time_ns % SECOND);
    let clock = format!("{:02}:{:02}:{:02}", s / 3600 % 24, s / 60 % 60, s % 60);
    match shape {
        0 => format!("2026-11-21 {clock}.{:03} INFO took {}", ns / 1_000_000, ns % 77),
        1 => {
            format!("{{\"ts\":\"2026-11-21T{clock}.{:06}Z\",\"id\":\"{:08x}\"}}", ns / 1000, ns * 7 % 99_991)
        }
        2 => format!("I1121 {clock}.{ns:09} kubelet.go:71] {}", s % 5),
        _ => format!("{{\"time\":{s}{:03}}}", ns / 1_000_000),
    }
}

fn lines() -> impl Strategy<Value = Vec<(i64, String)>> {
    let one = (0i64..90_000_000_000, 0usize..4, prop_oneof![40 => Just(0i64), 1 => 0..3 * SECOND]);
    let near = prop::collection::vec(one, 1..120);
    (near, prop_oneof![9 => Just(START), 1 => Just(-SECOND * 50)]).prop_map(|(lines, start)| {
        let mut times: Vec<i64> = lines.iter().map(|(at, ..)| start + at).collect();
        times.sort_unstable();
        let of = |(time, (_, shape, odd)): (&i64, &(i64, usize, i64))| (*time, line(*shape, *time, *odd));
        times.iter().zip(&lines).map(of).collect()
    })
}

fn written(lines: &[(i64, String)]) -> Finished {
    let mut builder = Builder::default();
    lines.iter().for_each(|(time, line)| builder.row(*time, 0, line));
    builder.finish(1).unwrap()
}

#[test]
fn what_the_time_says_takes_nothing() {
    let lines: Vec<_> = (0..5000i64).map(|n| START + n * 20_000_000 + n * 7919 % 9_999_999).collect();
    let told: Vec<_> = lines.iter().map(|t| (*t, line(1, *t, 0))).collect();
    let other: Vec<_> = lines.iter().map(|t| (*t, line(1, *t, t % SECOND * 31 % SECOND))).collect();
    let (told, other) = (written(&told).bytes.len(), written(&other).bytes.len());
    assert!(told + 5000 * 2 < other, "{told} and {other} bytes");
}

proptest! {
    #[test]
    fn times_come_back_and_are_found(lines in lines(), at in any::<prop::sample::Index>(), from in 0usize..60, len in 1usize..12) {
        let block = written(&lines);
        let bodies: Vec<String> = lines.iter().map(|(_, line)| line.clone()).collect();
        prop_assert_eq!(read(&block, None).0.unwrap(), bodies.clone());
        let one = at.get(&bodies);
        let from = from.min(one.len() - 1);
        let needle = &one[from..(from + len).min(one.len())];
        let want: Vec<String> = bodies.iter().filter(|body| body.contains(needle)).cloned().collect();
        let test = TextTest::ContainsAny(vec![needle.to_owned()]);
        prop_assert_eq!(read(&block, Some(test)).0.unwrap(), want, "{:?}", needle);
    }

    #[test]
    fn blocks_that_changed_are_no_panic(lines in lines(), changes in prop::collection::vec((0usize..8000, any::<u8>()), 1..6)) {
        let block = written(&lines);
        let head = Head::read(&block.bytes[..block.head_len as usize]).unwrap();
        let mut bytes = vec![block.head_len as u8];
        bytes.extend_from_slice(&block.bytes);
        for (at, byte) in changes {
            let len = bytes.len();
            bytes[at % len] = byte;
        }
        prop_assert_eq!(head.rows(), lines.len());
        crate::wide::fuzz(&bytes);
    }
}
