use super::*;

#[test]
fn tcp_and_udp_by_state() {
    let text = b"  sl  local_address rem_address   st tx_queue rx_queue\n   0: 0100007F:855D 00000000:0000 0A 00000000:00000000 00:0 0 0\n\
        1: 0100007F:855D 0100007F:0001 01 00000000:00000000 00:0 0 0\n   2: a b 01 c\n   3: a b FF c\n   4: broken\n";
    let counts = tcp(text);
    assert_eq!((counts[0], counts[9], counts.iter().sum::<u64>()), (2, 1, 3));
    let text = b"   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
        1: 00000000:0044 00000000:0000 07 00000010:00000020 00:00000000 00000000 0 0 1 2 00 5\n";
    assert_eq!(udp(text), [1, 5, 32, 16]);
}

#[test]
fn counters_are_named_in_lower_case() {
    let mut out = Vec::new();
    advanced(b"Ip: A\nIp: 1\nTcp: RtoMin MaxConn\nTcp: 200 -1\n", "Tcp:", &mut out);
    advanced(b"TcpExt: TW DelayedACKs More\nTcpExt: 3 4\n", "TcpExt:", &mut out);
    let want = [("rtomin", 200.0), ("maxconn", -1.0), ("tw", 3.0), ("delayedacks", 4.0)];
    assert_eq!(out, want.map(|(n, v)| (n.to_owned(), v)));
}

#[test]
fn numa_pages_of_both_versions() {
    let v1 = numa(b"total=9 N0=9\nfile=5 N0=3 N1=2\nhierarchical_anon=7 N0=7\n", 4096);
    let page = |kind, scope, node, pages| NumaPages { kind, scope, node, pages };
    let want =
        [page("file", "container", 0, 3), page("file", "container", 1, 2), page("anon", "hierarchy", 0, 7)];
    assert_eq!(v1, want);
    assert_eq!(numa(b"anon N0=8192\nkernel_stack N0=1\n", 4096), [page("anon", "hierarchy", 0, 2)]);
}

#[test]
fn run_times_of_processes_that_ended_stay_in_the_sum() {
    let dir = tempfile::tempdir().unwrap();
    let write = |pid: u32, text: &str| {
        std::fs::create_dir_all(dir.path().join(pid.to_string())).unwrap();
        std::fs::write(dir.path().join(format!("{pid}/schedstat")), text).unwrap();
    };
    let (mut sched, mut buffer) = (Sched::default(), Vec::new());
    write(1, "100 10 1\n");
    write(2, "50 5 1\n");
    assert_eq!(sched.read(dir.path(), &[1, 2], &mut buffer), Some([150, 15, 2]));
    write(1, "130 10 2\n");
    assert_eq!(sched.read(dir.path(), &[1], &mut buffer), Some([180, 15, 3]));
    write(1, "7 1 1\n");
    assert_eq!(sched.read(dir.path(), &[1], &mut buffer), Some([187, 16, 4]), "another process, same id");
}

#[test]
fn this_process_has_all_that_is_switched_on() {
    let me = std::process::id();
    let from = Sources {
        procfs: Path::new("/proc"),
        pid: Some(me),
        pids: &[me],
        memory: None,
        cpuset: None,
        page: 4096,
    };
    let all = [Extra::Tcp, Extra::Udp, Extra::Advtcp, Extra::Sched];
    let mut buffer = Vec::new();
    let got = ExtraReading::read(&all, &from, &mut Sched::default(), &mut buffer);
    assert!(got.tcp[0].is_some() && got.udp[0].is_some() && got.sched.is_some());
    assert!(got.advanced.iter().any(|(name, _)| name == "retranssegs"));
    assert_eq!(ExtraReading::read(&[], &from, &mut Sched::default(), &mut buffer), ExtraReading::default());
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        tcp(&bytes);
        udp(&bytes);
        numa(&bytes, 0);
        let _ = schedstat(&bytes);
        advanced(&bytes, "", &mut Vec::new());
    }
}
