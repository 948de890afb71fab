//! Components of Kubernetes: klog, etcd's JSON, CoreDNS.

use super::{Dice, Now, put};

const WORKLOADS: [&str; 8] = [
    "shop/orders-7d4b9c6f5",
    "shop/payments-5c8f7b9d44",
    "shop/search-86c4bd6c9",
    "shop/cart-6b5f7c8d9b",
    "shop/inventory-7f9c5b6d8",
    "shop/delivery-59d8c7f6b4",
    "ingress/nginx-6f8d7c5b9",
    "kube-system/coredns-674b8bbfcf",
];
const SERVICES: [&str; 6] = ["orders", "payments", "search", "cart", "inventory", "redis-master"];

/// A pod: the letters behind its workload are its own.
fn pod(d: &mut Dice, out: &mut String) {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let workload = d.skewed(WORKLOADS.len() as u64);
    out.push_str(WORKLOADS[workload as usize]);
    out.push('-');
    let mut own = Dice::new(workload * 100 + d.skewed(16));
    (0..5).for_each(|_| out.push(char::from(own.one(LETTERS))));
}

pub(super) fn line(d: &mut Dice, now: &Now, out: &mut String) -> (&'static str, &'static str) {
    match d.below(10) {
        0..5 => ("kubelet", kubelet(d, now, out)),
        5..7 => ("coredns", dns(d, out)),
        7..9 => ("kube-controller-manager", controller(d, now, out)),
        _ => ("etcd", etcd(d, now, out)),
    }
}

fn klog(letter: char, place: &str, now: &Now, out: &mut String) {
    let Now { month, day, h, m, s, us, .. } = now;
    put(out, format_args!("{letter}{month:02}{day:02} {h:02}:{m:02}:{s:02}.{us:06}    1732 {place}] "));
}

fn kubelet(d: &mut Dice, now: &Now, out: &mut String) -> &'static str {
    match d.below(20) {
        0..7 => {
            klog('I', "kubelet.go:2453", now, out);
            out.push_str("\"SyncLoop (PLEG): event for pod\" pod=\"");
            pod(d, out);
            let kind = d.early(&["ContainerStarted", "ContainerDied"]);
            put(
                out,
                format_args!(
                    "\" event={{\"ID\":\"{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}\",\"Type\":\"{kind}\",\"Data\":\"{:016x}{:016x}{:016x}{:016x}\"}}",
                    d.next() >> 32,
                    d.below(65_536),
                    d.below(4096),
                    d.below(4096),
                    d.next() >> 16,
                    d.next(),
                    d.next(),
                    d.next(),
                    d.next()
                ),
            );
            "INFO"
        }
        7..12 => {
            klog('I', "prober.go:107", now, out);
            out.push_str("\"Probe failed\" probeType=\"Readiness\" pod=\"");
            pod(d, out);
            put(
                out,
                format_args!(
                    "\" containerName=\"app\" probeResult=\"failure\" output=\"HTTP probe failed with statuscode: {}\"",
                    d.one(&[500, 503])
                ),
            );
            "INFO"
        }
        12..17 => {
            klog('I', "pod_startup_latency_tracker.go:104", now, out);
            out.push_str("\"Observed pod startup duration\" pod=\"");
            pod(d, out);
            put(out, format_args!("\" podStartSLOduration={}.{:09}", d.skewed(40), d.below(1_000_000_000)));
            "INFO"
        }
        _ => {
            klog('E', "pod_workers.go:1301", now, out);
            put(
                out,
                format_args!(
                    "\"Error syncing pod, skipping\" err=\"failed to \\\"StartContainer\\\" for \\\"app\\\" with CrashLoopBackOff: \\\"back-off {} restarting failed container\\\"\" pod=\"",
                    d.early(&["5m0s", "2m40s", "1m20s", "40s"])
                ),
            );
            pod(d, out);
            out.push('"');
            "ERROR"
        }
    }
}

fn dns(d: &mut Dice, out: &mut String) -> &'static str {
    let service = d.early(&SERVICES);
    put(
        out,
        format_args!(
            "[INFO] 10.42.{}.{}:{} - {} \"{} IN {service}.shop.svc.cluster.local. udp {} false 1232\" NOERROR qr,aa,rd {} 0.000{:06}s",
            d.below(12),
            d.skewed(30) + 4,
            32_768 + d.below(28_000),
            d.below(65_536),
            d.one(&["A", "AAAA"]),
            40 + service.len(),
            100 + service.len(),
            d.skewed(999_999),
        ),
    );
    "INFO"
}

fn controller(d: &mut Dice, now: &Now, out: &mut String) -> &'static str {
    if d.below(4) == 0 {
        klog('I', "replica_set.go:679", now, out);
        put(out, format_args!("\"Finished syncing\" kind=\"ReplicaSet\" key=\"{}\"", d.early(&WORKLOADS)));
        put(out, format_args!(" duration=\"{}.{:03}µs\"", d.skewed(900), d.below(1000)));
        return "INFO";
    }
    klog('I', "event.go:389", now, out);
    out.push_str("\"Event occurred\" object=\"");
    pod(d, out);
    put(
        out,
        format_args!(
            "\" fieldPath=\"\" kind=\"Pod\" apiVersion=\"v1\" type=\"Normal\" reason=\"{}\" message=\"resource version {}\"",
            d.early(&["Scheduled", "SuccessfulCreate", "Killing", "TaintManagerEviction"]),
            48_000_000 + d.below(4_000_000),
        ),
    );
    "INFO"
}

fn etcd(d: &mut Dice, now: &Now, out: &mut String) -> &'static str {
    let slow = d.below(5) == 0;
    let Now { year, month, day, h, m, s, us, .. } = now;
    put(
        out,
        format_args!(
            "{{\"level\":\"{}\",\"ts\":\"{year}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{us:06}Z\",",
            if slow { "warn" } else { "info" }
        ),
    );
    if slow {
        put(
            out,
            format_args!(
                "\"caller\":\"txn/util.go:93\",\"msg\":\"apply request took too long\",\"took\":\"{}.{:06}ms\",\"expected-duration\":\"100ms\",\"prefix\":\"read-only range \",\"request\":\"key:\\\"/registry/pods/",
                100 + d.skewed(400),
                d.below(1_000_000)
            ),
        );
        pod(d, out);
        put(out, format_args!("\\\" \",\"response\":\"range_response_count:1 size:{}\"}}", d.skewed(20_000)));
        return "WARN";
    }
    put(
        out,
        format_args!(
            "\"caller\":\"mvcc/kvstore_compaction.go:72\",\"msg\":\"finished scheduled compaction\",\"compact-revision\":{},\"took\":\"{}.{:06}ms\",\"hash\":{},\"current-db-size-bytes\":{}}}",
            now.ns / 60_000_000_000,
            d.skewed(90),
            d.below(1_000_000),
            d.next() >> 32,
            180_000_000 + d.below(5000) * 4096,
        ),
    );
    "INFO"
}
